"""A real county behind a real socket: what the tests of the server share."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from attrs import define, field, frozen

from county_gov.access.devices import sign
from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import HOUR, MICROSECONDS
from county_gov.contract.workflow import CaseView
from county_gov.deployment import County, read_settings
from county_gov.server import application
from county_gov.server.serving import address_of, runner_of
from tests.store_fixtures import StandingClock

DEMO = Path(__file__).parents[2] / "examples" / "demo_county"
NOW = 1_700_000_000 * MICROSECONDS
HOUR_START = NOW // HOUR * HOUR - HOUR
STREAM = "aotizhongxin.pm25"
"""Lies in 990101001 (Zhiqiu)."""
OTHER_STREAM = "dongsi.pm25"
"""Lies in 990101002 (Wangshu)."""
LOGINS = ("dispatch1", "dispatch2", "grid-zhiqiu", "grid-wangshu", "environment1", "admin")

EXTRA_ROLES = """
[roles.operator]
title = { zh = "运维", en = "Operator" }
reach = "area"
permissions = ["core.observations.read", "core.observations.write", "core.quarantine.read",
    "core.quarantine.write", "core.sources.read", "core.metrics.read", "core.audit.read"]
"""
SERVER = """
requests_per_second = 100000.0
device_requests_per_second = 100000.0
body_seconds = 0.5
drain_seconds = 2.0
"""


@frozen
class Template:
    """A county that was set up once: its folder, and the passwords it made."""

    folder: Path
    passwords: Mapping[str, str]


def _add_test_streams(path: Path) -> None:
    """The datastreams that the classes of bad input speak of."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    lines.append("test.pm25,aotizhongxin,test_active,测试,Test,µg/m³,3600,1,0,1000")
    active = [f"{line},1" for line in lines]
    active.append("test.retired,aotizhongxin,test_retired,停用,Retired,µg/m³,3600,1,0,1000,0")
    path.write_text("\n".join([f"{head},active", *active]) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Set the demonstration county up once; each test gets a copy of its folder."""
    import asyncio

    folder = tmp_path_factory.mktemp("county")
    shutil.copytree(DEMO / "registers", folder / "registers")
    accounts = (DEMO / "registers" / "accounts.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in accounts if line.split(",")[0] in ("login", *LOGINS)]
    kept.append("operator,示范·运,Demo Yun,operator,dispatch-centre,990101")
    kept.append("operator-zhiqiu,示范·维,Demo Wei,operator,zhiqiu-office,990101001")
    (folder / "registers" / "accounts.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    _add_test_streams(folder / "registers" / "datastreams.csv")
    text = (DEMO / "county.toml").read_text(encoding="utf-8")
    text = text.replace("secure_cookies = false", f"secure_cookies = false{SERVER}")
    text = text.replace("port = 8080", "port = 0").replace(
        "[[plugin]]", EXTRA_ROLES + "\n[[plugin]]", 1
    )
    (folder / "county.toml").write_text(text, encoding="utf-8")
    (folder / "var").mkdir()
    (folder / "var" / "device-master.key").write_text("m" * 40)

    async def set_up() -> Mapping[str, str]:
        settings = read_settings(folder / "county.toml")
        async with County(settings, clock=StandingClock(NOW)) as county:
            return dict(county.new_passwords)

    return Template(folder, asyncio.run(set_up()))


@pytest.fixture
def folder(template: Template, tmp_path: Path) -> Path:
    """A county's folder of this test's own."""
    copy = tmp_path / "county"
    shutil.copytree(template.folder, copy)
    return copy


@pytest.fixture
def clock() -> StandingClock:
    """A clock that stands until a test moves it."""
    return StandingClock(NOW)


@pytest.fixture
async def county(folder: Path, clock: StandingClock) -> AsyncIterator[County]:
    """A running county."""
    async with County(read_settings(folder / "county.toml"), clock=clock) as running:
        yield running


@define(eq=False)
class Site:
    """A county that is served, and who visits it."""

    county: County
    runner: web.AppRunner
    url: str
    passwords: Mapping[str, str]
    keys: dict[str, str] = field(factory=dict)
    visitors: list[aiohttp.ClientSession] = field(factory=list)

    def visitor(self, token: str = "") -> aiohttp.ClientSession:
        """A browser; with a token it is signed in."""
        cookies = {"county_session": token} if token else {}
        session = aiohttp.ClientSession(
            self.url, cookie_jar=aiohttp.CookieJar(unsafe=True), cookies=cookies
        )
        self.visitors.append(session)
        return session

    async def person(self, login: str) -> aiohttp.ClientSession:
        """The browser of somebody who is signed in."""
        return self.visitor(await self.token(login))

    async def token(self, login: str) -> str:
        """A session's token, without the cost of a password."""
        from county_gov.store.access import account_of

        county = self.county
        row = county.store.read_now(lambda snapshot: account_of(snapshot, login=login))
        assert row is not None
        number = row.number
        return await county.store.write(lambda tx: county.access.sessions.open_in(tx, number))

    async def device(self, code: str = "station") -> str:
        """Register a device and keep its key."""
        devices = self.county.access.devices
        self.keys[code] = await self.county.store.write(
            lambda tx: devices.issue_device_key(tx, code, actor=SYSTEM)
        )
        return code

    def signed(
        self, body: bytes, *, code: str = "station", path: str = "/api/v1/observations"
    ) -> dict[str, str]:
        """The headers with which a device signs a body."""
        timestamp = str(self.county.clock.now())
        digest = hashlib.sha256(body).hexdigest()
        key = bytes.fromhex(self.keys[code])
        return {
            "X-Device": code,
            "X-Timestamp": timestamp,
            "X-Signature": sign(
                key,
                method="POST",
                path=path,
                device=code,
                timestamp=timestamp,
                body_sha256=digest,
            ),
        }

    async def send(
        self, rows: object, *, media: str = "application/json", code: str = "station"
    ) -> tuple[int, dict[str, Any]]:
        """Send observations as a device; the status and the answer."""
        if code not in self.keys:
            await self.device(code)
        body = rows if isinstance(rows, bytes) else msgspec.json.encode(rows)
        headers = {**self.signed(body, code=code), "Content-Type": media}
        async with self.visitor().post(
            "/api/v1/observations", data=body, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def case(self, area: str = "990101001001001", key: str = "one") -> CaseView:
        """A new case."""
        return await self.county.cases.open(
            "sensors.pollution",
            title="PM2.5 超标",
            area=area,
            subject=STREAM,
            data={},
            actor=SYSTEM,
            key=key,
        )


Serve = Callable[[County], Awaitable[Site]]


@pytest.fixture
async def serve_county(template: Template) -> AsyncIterator[Serve]:
    """Serve a county on a free port of this machine."""
    sites: list[Site] = []

    async def serve(running: County) -> Site:
        runner = runner_of(application(running), drain_seconds=2.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site = Site(running, runner, address_of(runner), template.passwords)
        sites.append(site)
        return site

    yield serve
    for site in sites:
        for visitor in site.visitors:
            await visitor.close()
        await site.runner.cleanup()


@pytest.fixture
async def site(county: County, serve_county: Serve) -> Site:
    """The county, served."""
    return await serve_county(county)
