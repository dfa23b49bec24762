"""Kill the server with SIGKILL under load, again and again, and count what was lost.

::

    python -m benchmarks.torture --kills 50

Each round sends signed batches, kills the server at a random moment, looks into the database as the
kill left it, starts the server again and measures the time to its first acknowledgement. Whatever
was acknowledged, and every episode and case that stood in the database, must be there ever after.
At the end every stored row is compared with what was sent, and the episodes with those that the
same readings give when they are judged in one piece.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import numpy as np
from attrs import define, field

from benchmarks.county import (
    DATASTREAMS,
    MASTER,
    MINUTE,
    PATH,
    START,
    Signer,
    free_port,
    issue_key,
    write_county,
)
from county_gov.contract.access import Scope
from county_gov.deployment import load
from county_gov.store import Snapshot, alerts

ROWS = 400
"""Rows of a batch: the next minute of so many datastreams."""
WRITERS = 3
HIGH = 8
"""So many of 40 minutes lie above the limit."""
FIRST_SECONDS = 60.0


@define(eq=False)
class Sent:
    """What was sent, and what of it was acknowledged.

    Args:
        acknowledged: Batches that the server answered with 200, by number.
        unknown: Batches whose answer never came: they may be there or not.
    """

    next_batch: int = 0
    acknowledged: set[int] = field(factory=set)
    unknown: set[int] = field(factory=set)

    def take(self) -> int:
        """Number of the next batch; one without an answer is sent again first."""
        if self.unknown:
            return self.unknown.pop()
        self.next_batch += 1
        return self.next_batch - 1


def rows_of(batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Datastreams, times and scaled values of a batch; the values wander across the limits."""
    groups = DATASTREAMS // ROWS
    streams = np.arange(ROWS) + batch % groups * ROWS
    minute = batch // groups
    phase = (minute * 7 + streams * 13) % 40
    values = np.where(phase < HIGH, 1600 + phase * 10, 300 + phase * 10)
    return streams, np.full(ROWS, START + minute * MINUTE), values


def body_of(batch: int) -> bytes:
    """A batch as columnar JSON."""
    streams, times, values = rows_of(batch)
    return msgspec.json.encode(
        {
            "datastream": [f"s{one}" for one in streams.tolist()],
            "time": times.tolist(),
            "value": (values / 10).tolist(),
        }
    )


class Server:
    """The server process."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it listens some time later."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "county_gov.cli", "serve", "county.toml"],
                cwd=self._folder,
                env={**os.environ, "BENCHMARK_MASTER": MASTER},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL: no handler, no flush, nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        return self._process.wait(60)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None


def send(port: int, request_body: bytes, sign: Signer) -> bool:
    """Send a batch and say whether it was acknowledged."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{PATH}",
        data=request_body,
        headers=sign.headers(request_body) | {"Content-Type": COLUMNS},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (as above)
            found = json.loads(answer.read())
    except (OSError, json.JSONDecodeError):
        return False
    if found["quarantined"] or found["accepted"] + found["duplicate"] != ROWS:
        raise RuntimeError(f"unexpected answer: {found}")
    return True


COLUMNS = "application/vnd.county-gov.columns+json"


async def load_until_dead(server: Server, sent: Sent, sign: Signer) -> None:
    """Writers that send until the server is gone."""

    async def writer() -> None:
        while True:
            batch = sent.take()
            sent.unknown.add(batch)
            if not await asyncio.to_thread(send, server.port, body_of(batch), sign):
                return
            sent.unknown.discard(batch)
            sent.acknowledged.add(batch)

    tasks = [asyncio.create_task(writer()) for _ in range(WRITERS)]
    await asyncio.sleep(random.uniform(0.05, 1.5))
    server.kill()
    await asyncio.gather(*tasks)


def first_acknowledgement(server: Server, sent: Sent, sign: Signer) -> float:
    """Seconds from the start of the process to its first acknowledgement."""
    started = time.perf_counter()
    server.start()
    batch = sent.take()
    body = body_of(batch)
    while not send(server.port, body, sign):
        if time.perf_counter() - started > FIRST_SECONDS or not server.alive():
            raise RuntimeError("the server does not come back; see its log")
        time.sleep(0.02)
    sent.acknowledged.add(batch)
    return time.perf_counter() - started


def matters(folder: Path) -> tuple[set[tuple[int, str, int]], set[tuple[int, str]]]:
    """Episodes (id, policy, start) and cases (id, number) that stand in the database."""
    database = sqlite3.connect(f"file:{folder / 'county.db'}?mode=ro", uri=True)
    with contextlib.closing(database):
        episodes = set(database.execute("SELECT id, policy, started_at FROM episodes"))
        cases = set(database.execute("SELECT id, number FROM cases"))
    return episodes, cases


async def final_check(folder: Path, sent: Sent) -> dict[str, int]:
    """Compare every stored row with what was sent, and the episodes with one judgement of all."""
    os.environ["BENCHMARK_MASTER"] = MASTER
    lost = wrong = 0
    async with load(folder / "county.toml") as county:
        await county.caught_up()
        numbers = county.registers.snapshot.numbers
        stored: dict[tuple[int, int], int] = {}
        duplicated = 0
        for number in range(DATASTREAMS):
            found = await county.store.read(
                lambda snapshot, number=number: county.observations.read(  # type: ignore[misc]
                    snapshot, numbers[f"s{number}"], START, START + 10**15
                )
            )
            duplicated += len(found.time) - len(np.unique(found.time))
            for at, value in zip(found.time.tolist(), found.value.tolist(), strict=True):
                stored[number, at] = value
        for batch in sent.acknowledged:
            for stream, at, value in zip(*(one.tolist() for one in rows_of(batch)), strict=True):
                if (stream, at) not in stored:
                    lost += 1
                elif stored[stream, at] != value:
                    wrong += 1
        raised = await county.store.read(_count_episodes)
    duplicated += count_rows(folder) - len(stored)
    return {
        "rows lost": lost,
        "rows wrong": wrong,
        "rows duplicated": duplicated,
        "episodes missing": abs(raised - expected_episodes(stored)),
    }


def count_rows(folder: Path) -> int:
    """Rows in blocks, and in landing tables beyond the boundary of what is settled."""
    database = sqlite3.connect(f"file:{folder / 'county.db'}?mode=ro", uri=True)
    with contextlib.closing(database):
        (count,) = database.execute("SELECT coalesce(sum(rows), 0) FROM blocks").fetchone()
        landings = database.execute(
            "SELECT number, coalesce(settled_day, -1000000), coalesce(settled_datastream, -1)"
            " FROM landings"
        ).fetchall()
        for number, day, datastream in landings:
            (rows,) = database.execute(
                f"SELECT count(*) FROM landing_{number:d}"  # noqa: S608 (a number)
                " WHERE (time / 86400000000, datastream) > (?, ?)",
                (day, datastream),
            ).fetchone()
            count += rows
    return int(count)


def _count_episodes(snapshot: Snapshot) -> int:
    return alerts.count_episodes(snapshot, Scope.everything(), day=0)


def expected_episodes(stored: dict[tuple[int, int], int]) -> int:
    """Episodes of ``raise > 150, clear < 115`` over what is stored, series by series."""
    series: dict[int, list[tuple[int, int]]] = {}
    for (stream, at), value in stored.items():
        series.setdefault(stream, []).append((at, value))
    count = 0
    for readings in series.values():
        is_raised = False
        for _at, value in sorted(readings):
            if not is_raised and value > 1500:  # noqa: PLR2004 (150.0, scaled)
                is_raised, count = True, count + 1
            elif is_raised and value < 1150:  # noqa: PLR2004 (115.0, scaled)
                is_raised = False
    return count


def main() -> int:
    """Kill, restart, compare; status 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    sent, sign, lost_matters = Sent(), Signer(), 0
    waits: list[float] = []
    with tempfile.TemporaryDirectory(prefix="county-torture-") as name:
        folder = Path(name)
        server = Server(folder, free_port())
        write_county(folder, server.port)
        issue_key(folder)
        first_acknowledgement(server, sent, sign)
        for number in range(arguments.kills):
            asyncio.run(load_until_dead(server, sent, sign))
            episodes, cases = matters(folder)
            waits.append(first_acknowledgement(server, sent, sign))
            episodes_after, cases_after = matters(folder)
            lost_matters += len(episodes - episodes_after) + len(cases - cases_after)
            print(f"kill {number + 1}: {len(sent.acknowledged) * ROWS:,} rows acknowledged,"
                  f" {len(episodes):,} episodes, {len(cases):,} cases,"
                  f" back after {waits[-1]:.2f} s", file=sys.stderr)  # fmt: skip
        status = server.stop()
        found = asyncio.run(final_check(folder, sent))
        if any(found.values()) or lost_matters or status:
            sys.stderr.write((folder / "server.log").read_text(encoding="utf-8")[-4000:])
    found |= {"episodes or cases lost": lost_matters, "exit status": status}
    print(f"{arguments.kills} kills, {len(sent.acknowledged) * ROWS:,} rows acknowledged")
    print(f"first acknowledgement after: median {statistics.median(waits):.2f} s,"
          f" longest {max(waits):.2f} s")  # fmt: skip
    for what, count in found.items():
        print(f"  {what}: {count}")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
