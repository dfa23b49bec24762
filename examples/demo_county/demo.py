"""The demonstration county: replay real readings, then serve the console.

::

    python -m examples.demo_county.demo          # what `make demo` runs
    python -m examples.demo_county.demo --once   # replay, print a summary, exit

The first run makes a database in ``var/`` and accounts with generated passwords, which are shown
once. Later runs go on with it; ``--fresh`` begins anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import asdict, field, frozen
from rich.console import Console
from rich.table import Table

from county_gov.cli.ingest import ingest_files
from county_gov.cli.terminal import configure_logs
from county_gov.contract.access import SYSTEM, Scope
from county_gov.deployment import County, Settings, read_settings
from county_gov.errors import CountyGovError
from county_gov.server import serve
from county_gov.store import alerts
from examples.demo_county.live_feed import LiveFeed
from examples.demo_county.replay import hours_until, write_moved

HERE = Path(__file__).resolve().parent

FILES = ("winters.csv.gz", "aotizhongxin_pm25.csv.gz")
VAR = HERE / "var"
DEVICE = "demo-gateway"
ROLES = {
    "dispatch1": "指挥中心 dispatch centre",
    "environment1": "生态环境局 environment department",
    "admin": "系统管理员 administrator",
}


@frozen
class Summary:
    """What the replay brought."""

    readings: int
    duplicates: int
    quarantined: int
    episodes: int
    cases: int
    notices: int
    seconds: float


@frozen
class SetUp:
    """What a set-up made: the summary and the gateway's key."""

    summary: Summary
    key: bytes = field(repr=False)


def settings_in(folder: Path) -> Settings:
    """The deployment's settings with the database in a folder; the key is made when missing."""
    key = VAR / "device-master.key"
    if not key.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32), encoding="utf-8")
    return read_settings(HERE / "county.toml").with_store_url(f"sqlite:///{folder / 'county.db'}")


def shift_of(folder: Path) -> timedelta:
    """By how much this set-up moves the readings; chosen on its first run."""
    kept = folder / "shift-hours"
    if not kept.exists():
        hours = hours_until(datetime.now(UTC)) // timedelta(hours=1)
        kept.write_text(str(hours), encoding="utf-8")
    return timedelta(hours=int(kept.read_text(encoding="utf-8")))


async def replay(county: County, folder: Path) -> Summary:
    """Take the shipped readings in through the same door as live ones."""
    started = time.perf_counter()
    shift = shift_of(folder)
    moved = []
    for name in FILES:
        target = folder / name
        if not target.exists():
            write_moved(HERE / "data" / name, target, shift)
        moved.append(target)
    done = await ingest_files(county, moved)
    while await county.outbox.deliver_due():
        pass
    everything = Scope.everything()
    counts = await county.outbox.counts()
    return Summary(
        readings=sum(one.accepted for one in done),
        duplicates=sum(one.duplicate for one in done),
        quarantined=sum(one.quarantined for one in done),
        episodes=await county.store.read(
            lambda snapshot: alerts.count_episodes(snapshot, everything, day=county.cases.today())
        ),
        cases=await county.reader(everything).count_cases(),
        notices=sum(counts.values()),
        seconds=round(time.perf_counter() - started, 2),
    )


async def set_up(
    settings: Settings, folder: Path, *, show: Callable[[Mapping[str, str]], None] | None = None
) -> SetUp:
    """Start the county, replay what is not replayed yet, and register the live gateway."""
    async with County(settings) as county:
        if show is not None:
            show(county.new_passwords)
        summary = await replay(county, folder)
        key = await county.store.write(
            lambda tx: county.access.devices.issue_device_key(
                tx, DEVICE, actor=SYSTEM, name="演示网关"
            )
        )
        return SetUp(summary, bytes.fromhex(key))


def tell(summary: Summary) -> None:
    """Print the summary, as a table and as one line of JSON."""
    table = Table(title="示范县 replay", show_header=False)
    for name, value in asdict(summary).items():
        table.add_row(name, f"{value:,}")
    Console(stderr=True).print(table)
    print(json.dumps(asdict(summary)), flush=True)


def show_logins(passwords: Mapping[str, str]) -> None:
    """Print the logins where this set-up has just made them."""
    console = Console()
    if not passwords:
        console.print("The logins were shown when the accounts were made; for a new password stop")
        console.print("the demonstration and run")
        console.print(
            "  .venv/bin/county-gov account password examples/demo_county/county.toml LOGIN\n"
        )
        return
    table = Table(title="Logins of this set-up, shown once")
    for head in ("login", "password", ""):
        table.add_column(head)
    for login, password in passwords.items():
        table.add_row(
            login, password, ROLES.get(login, "网格员 grid worker" if "grid" in login else "")
        )
    console.print(table)


def run(port: int | None) -> None:
    """Replay on the first run, then serve until stopped."""
    VAR.mkdir(parents=True, exist_ok=True)
    settings = settings_in(VAR)
    settings = settings.with_server(port=port)
    made = asyncio.run(set_up(settings, VAR, show=show_logins))
    tell(made.summary)
    feeding: set[asyncio.Task[None]] = set()
    county = County(settings)

    def announce(address: str) -> None:
        Console().print(f"\n[bold]{address}[/bold]  (Ctrl-C stops)\n")
        feed = LiveFeed(address, DEVICE, made.key, HERE / "data" / FILES[0])
        feeding.add(asyncio.create_task(feed.run(), name="live feed"))

    serve(county, announce=announce)


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description="The demonstration county.")
    parser.add_argument("--once", action="store_true", help="replay, print a summary, exit")
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    parser.add_argument("--port", type=int, help="listen on this port")
    arguments = parser.parse_args()
    configure_logs(logging.ERROR)
    try:
        if arguments.once:
            with tempfile.TemporaryDirectory(prefix="county-demo-") as name:
                folder = Path(name)
                made = asyncio.run(set_up(settings_in(folder), folder))
            tell(made.summary)
            return 0
        if arguments.fresh:
            shutil.rmtree(VAR, ignore_errors=True)
        run(arguments.port)
    except (CountyGovError, OSError) as error:
        Console(stderr=True).print(f"{error}", style="red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
