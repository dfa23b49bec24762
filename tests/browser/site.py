"""A county of the demonstration's registers, served by its own process, with recent readings."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from attrs import frozen

from county_gov.access.devices import sign
from county_gov.contract.access import SYSTEM
from county_gov.contract.batch import Batch
from county_gov.contract.clock import MICROSECONDS
from county_gov.deployment import County, read_settings
from examples.demo_county.replay import hours_until, rows

DEMO = Path(__file__).parents[2] / "examples" / "demo_county"
DEVICE = "gateway-01"
FIRST = "2017-02-20"
"""From this day on the real readings are taken; one station passes the limit in between."""
RISING = ("aotizhongxin.pm25", (24, 31, 47, 66, 82, 97, 118, 131, 143))
"""A station whose readings rise towards the limit, ten minutes apart, until now."""
GAP = ("aotizhongxin", "2017-02-25T03:00", "2017-02-25T11:00")
"""A station that is silent for some hours."""
PATH = "/api/v1/observations"
MINUTE = 60 * MICROSECONDS
START_SECONDS = 60.0


@frozen
class Template:
    """A county that was set up once: its folder, its passwords, and its gateway's key."""

    folder: Path
    passwords: Mapping[str, str]
    key: bytes


@frozen
class Site:
    """A county that is served.

    Args:
        address: Where, without a slash at the end.
        passwords: By login.
        key: Of the gateway that signs readings.
    """

    address: str
    passwords: Mapping[str, str]
    key: bytes

    def deliver(self, datastream: str, value: float) -> dict[str, int]:
        """Send one reading of this moment, signed by the gateway; the counts of the answer."""
        now = datetime.now(UTC)
        row = {"datastream": datastream, "time": now.isoformat(), "value": value}
        body = json.dumps([row]).encode()
        stamp = str(int(now.timestamp() * MICROSECONDS))
        headers = {
            "Content-Type": "application/json",
            "X-Device": DEVICE,
            "X-Timestamp": stamp,
            "X-Signature": sign(
                self.key,
                method="POST",
                path=PATH,
                device=DEVICE,
                timestamp=stamp,
                body_sha256=hashlib.sha256(body).hexdigest(),
            ),
        }
        status, answer = self.ask("POST", PATH, body, headers)
        assert 200 == status, answer
        told: dict[str, int] = json.loads(answer)
        return told

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request without a browser: status and content."""
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def set_up(folder: Path) -> Template:
    """Make a county in a folder: accounts, a gateway, and nine days of readings."""
    shutil.copytree(DEMO / "registers", folder / "registers")
    text = (DEMO / "county.toml").read_text(encoding="utf-8")
    # Every browser of a test comes from one address, faster than people do.
    text = text.replace("[server]\n", "[server]\nrequests_per_second = 10000.0\n", 1)
    (folder / "county.toml").write_text(text, encoding="utf-8")
    (folder / "var").mkdir()
    (folder / "var" / "device-master.key").write_text("b" * 40, encoding="utf-8")
    # Playwright's own event loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_set_up(folder))).result()


async def _set_up(folder: Path) -> Template:
    async with County(read_settings(folder / "county.toml")) as county:
        key = await county.store.write(
            lambda tx: county.access.devices.issue_device_key(tx, DEVICE, actor=SYSTEM)
        )
        outcome = await county.ingest(_readings())
        assert 4000 < outcome.accepted
        await county.caught_up()
        return Template(folder, dict(county.new_passwords), bytes.fromhex(key))


def _readings() -> Batch:
    """Real readings, moved so that the last hour is the last one that is over."""
    shift = hours_until(datetime.now(UTC))
    hourly = [
        (datastream, _microseconds(datetime.fromisoformat(time) + shift), float(value))
        for datastream, time, value in rows(DEMO / "data" / "winters.csv.gz")
        if _is_wanted(datastream, time)
    ]
    name, rising = RISING
    now = _microseconds(datetime.now(UTC))
    recent = [now - 10 * MINUTE * place for place in range(len(rising), 0, -1)]
    steady = [row for row in hourly if row[0] != name or row[1] < recent[0]]
    found = [*steady, *((name, at, float(value)) for at, value in zip(recent, rising, strict=True))]
    datastreams, times, values = zip(*found, strict=True)
    return Batch(
        {
            "datastream": np.array(datastreams, object),
            "time": np.array(times, np.int64),
            "value": np.array(values, np.float64),
        }
    )


def _is_wanted(datastream: str, time: str) -> bool:
    station, start, end = GAP
    silent = datastream.startswith(station) and start <= time < end
    return time >= FIRST and not silent


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@contextmanager
def served(template: Template, folder: Path) -> Iterator[Site]:
    """Serve a copy of a county by ``county-gov serve`` until the end."""
    shutil.copytree(template.folder, folder)
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "county_gov.cli", "serve", "county.toml", "--port", str(port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    site = Site(f"http://127.0.0.1:{port}", template.passwords, template.key)
    try:
        _wait_until_ready(site, process, log)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    told = log.read_text(encoding="utf-8")
    assert 0 == status, told
    assert '"level":"error"' not in told, told


def _wait_until_ready(site: Site, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            status, _answer = site.ask("GET", "/readyz")
        except ConnectionError:
            status = 0
        if status == 200:
            return
        time.sleep(0.05)  # between two questions whether it is ready
    raise AssertionError(log.read_text(encoding="utf-8"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
