"""How fast readings are taken in over HTTP, against peers and limits measured in the same run.

::

    python -m benchmarks.ingestion              # median of five rounds
    python -m benchmarks.ingestion --quick      # one short round, to see that it works

Ours is a real server process with everything on: authenticated, validated, deduplicated, judged,
settled, newest values kept, every request durable before its answer. The peers:

* the toy: one Flask request, one INSERT, one commit; gunicorn with two workers;
* ``executemany`` into the same landing table, in a bare script;
* multi-row ``VALUES`` into the same landing table, the fastest raw load that we know;
* a bare aiohttp echo, the ceiling for single requests.

The load generator is the same for all and runs in this process, on the same two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from attrs import frozen

from benchmarks.county import (
    COLUMNS,
    DATASTREAMS,
    MASTER,
    MINUTE,
    START,
    Signer,
    free_port,
    issue_key,
    write_county,
)
from benchmarks.load import Load, post, run_load

ROOT = Path(__file__).parents[1]
BATCH = 10_000
GATEWAYS = 4
"""Each sends its own datastreams in order, over a connection of its own."""


@frozen
class Sizes:
    """How much one round sends."""

    bulk_requests: int
    singles: int
    toy_singles: int


DAY = 1440 * MINUTE
WARM = 2 * GATEWAYS
FULL = Sizes(bulk_requests=100, singles=20_000, toy_singles=2_000)
QUICK = Sizes(bulk_requests=20, singles=2_000, toy_singles=300)


@contextlib.contextmanager
def server(command: list[str], port: int, path: str, **environment: str) -> Iterator[None]:
    """A server process, from its first answer until it has stopped."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (an address of this machine)
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def rows(request: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Datastreams, times and values of one bulk request: twenty minutes of a gateway's 500."""
    gateway, step = request % GATEWAYS, request // GATEWAYS
    own = DATASTREAMS // GATEWAYS
    minutes = BATCH // own
    streams = np.tile(np.arange(own) + gateway * own, minutes)
    times = START + (np.repeat(np.arange(minutes), own) + step * minutes) * MINUTE
    values = np.random.default_rng(request).integers(50, 1400, BATCH) / 10
    return streams, times, values


def columnar(first: int, count: int, sign: Signer) -> list[bytes]:
    """Bulk requests as columnar JSON."""
    found = []
    for request in range(first, first + count):
        streams, times, values = rows(request)
        body = msgspec.json.encode(
            {
                "datastream": [f"s{one}" for one in streams.tolist()],
                "time": times.tolist(),
                "value": values.tolist(),
            }
        )
        found.append(sign(body, COLUMNS))
    return found


def json_rows(first: int, count: int, sign: Signer) -> list[bytes]:
    """Bulk requests as JSON rows."""
    found = []
    for request in range(first, first + count):
        columns = (one.tolist() for one in rows(request))
        body = msgspec.json.encode(
            [
                {"datastream": f"s{stream}", "time": at, "value": value}
                for stream, at, value in zip(*columns, strict=True)
            ]
        )
        found.append(sign(body, "application/json"))
    return found


def singles(first: int, count: int, sign: Signer | None) -> list[bytes]:
    """Requests of one reading each; unsigned ones go to the toy and the echo."""
    found = []
    for number in range(first, first + count):
        body = msgspec.json.encode(
            [
                {
                    "datastream": f"s{number % DATASTREAMS}",
                    "time": START - DAY + number // DATASTREAMS * MINUTE,
                    "value": number % 1000 / 10,
                }
            ]
        )
        if sign is None:
            found.append(post("/readings", body[1:-1], "application/json"))
        else:
            found.append(sign(body, "application/json"))
    return found


def expect(load: Load, status: int) -> Load:
    """The load, if every answer had this status."""
    if set(load.statuses) != {status}:
        raise RuntimeError(f"expected only {status}, got {load.statuses}")
    return load


def raw_load(folder: Path, requests: int, *, executemany: bool) -> float:
    """Rows a second of a bare script into the same landing table, durable per batch."""
    from county_gov.store.observations.sqlite import landing_ddl

    path = folder / "raw.db"
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(landing_ddl(1))
    batches = []
    for request in range(requests):
        streams, times, values = rows(request)
        scaled = np.rint(values * 10).astype(np.int64)
        batches.append((streams.tolist(), times.tolist(), scaled.tolist()))
    started = time.perf_counter()
    for number, (streams, times, scaled) in enumerate(batches, 1):
        database.execute("BEGIN IMMEDIATE")
        if executemany:
            database.executemany(
                "INSERT INTO landing_1 VALUES (?, ?, ?, 0, NULL, ?)",
                zip(times, streams, scaled, [number] * len(times), strict=True),
            )
        else:
            _multi_row(database, number, times, streams, scaled)
        database.execute("COMMIT")
    seconds = time.perf_counter() - started
    database.close()
    return requests * BATCH / seconds


def _multi_row(
    database: sqlite3.Connection,
    number: int,
    times: list[int],
    streams: list[int],
    values: list[int],
) -> None:
    size = 2_500
    for start in range(0, len(times), size):
        part = slice(start, start + size)
        flat = [
            one for row in zip(times[part], streams[part], values[part], strict=True) for one in row
        ]
        others = ["(?,?,?,0,NULL,?1)"] * (len(flat) // 3 - 1)
        places = ",".join(["(?2,?3,?4,0,NULL,?1)", *others])
        database.execute(f"INSERT INTO landing_1 VALUES {places}", [number, *flat])  # noqa: S608


def measure_ours(folder: Path, sizes: Sizes) -> dict[str, float]:
    """Our server: single readings, then bulk as columns and as rows."""
    port = free_port()
    write_county(folder, port)
    issue_key(folder)
    sign = Signer()
    command = [sys.executable, "-m", "county_gov.cli", "serve", str(folder / "county.toml")]
    with server(command, port, "/healthz", BENCHMARK_MASTER=MASTER):
        asyncio.run(run_load(port, singles(0, 500, sign), connections=64))
        one = singles(500, sizes.singles, sign)
        found = expect(asyncio.run(run_load(port, one, connections=64)), 200)
        warm = columnar(0, WARM, sign)
        asyncio.run(run_load(port, warm, connections=GATEWAYS))
        bulk = columnar(WARM, sizes.bulk_requests, sign)
        columns = expect(asyncio.run(run_load(port, bulk, connections=GATEWAYS)), 200)
        first = WARM + sizes.bulk_requests
        bulk = json_rows(first, sizes.bulk_requests // 2, sign)
        as_rows = expect(asyncio.run(run_load(port, bulk, connections=GATEWAYS)), 200)
    return {
        "columnar rows/s": columns.rate * BATCH,
        "JSON rows/s": as_rows.rate * BATCH,
        "singles/s": found.rate,
        "singles p99 ms": found.percentile(0.99) * 1000,
    }


def measure_toy(folder: Path, sizes: Sizes) -> dict[str, float]:
    """The toy, with single readings."""
    port = free_port()
    database = str(folder / "toy.db")
    environment = {**os.environ, "TOY_DATABASE": database}
    subprocess.run(
        [sys.executable, "-c", "from benchmarks.toy import create; create()"],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    gunicorn = str(Path(sys.executable).parent / "gunicorn")
    command = [gunicorn, "--workers", "2", "--bind", f"127.0.0.1:{port}", "benchmarks.toy:app"]
    with server(command, port, "/", TOY_DATABASE=database):
        asyncio.run(_toy_load(port, singles(0, 50, None)))
        found = asyncio.run(_toy_load(port, singles(50, sizes.toy_singles, None)))
    return {"toy singles/s": found}


async def _toy_load(port: int, requests: list[bytes]) -> float:
    """Gunicorn's sync workers close each connection: 64 clients that connect anew each time."""
    waiting = iter(requests)

    async def client() -> int:
        done = 0
        for request in waiting:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
            if not answer.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(f"the toy answered {answer[:80]!r}")
            done += 1
        return done

    started = time.perf_counter()
    done = sum(await asyncio.gather(*(client() for _ in range(64))))
    return done / (time.perf_counter() - started)


def measure_echo(sizes: Sizes) -> dict[str, float]:
    """A bare aiohttp echo, with single readings."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.echo", str(port)]
    requests = [one.replace(b"/readings", b"/", 1) for one in singles(0, sizes.singles, None)]
    with server(command, port, "/"):
        asyncio.run(run_load(port, requests[:200], connections=8))
        found = expect(asyncio.run(run_load(port, requests, connections=64)), 200)
    return {"echo singles/s": found.rate}


def one_round(sizes: Sizes) -> dict[str, float]:
    """All peers once, one after another."""
    with tempfile.TemporaryDirectory(prefix="county-ingestion-") as name:
        folder = Path(name)
        found = {
            "executemany rows/s": raw_load(folder, sizes.bulk_requests, executemany=True),
            "multi-row VALUES rows/s": raw_load(folder, sizes.bulk_requests, executemany=False),
        }
        (folder / "ours").mkdir()
        found |= measure_ours(folder / "ours", sizes)
        found |= measure_toy(folder, sizes)
        return found | measure_echo(sizes)


RATIOS = (
    ("columnar / executemany", "columnar rows/s", "executemany rows/s"),
    ("columnar / multi-row VALUES", "columnar rows/s", "multi-row VALUES rows/s"),
    ("JSON rows / executemany", "JSON rows/s", "executemany rows/s"),
    ("singles / toy", "singles/s", "toy singles/s"),
    ("singles / echo", "singles/s", "echo singles/s"),
    ("columnar rows / toy", "columnar rows/s", "toy singles/s"),
)


PROMISED = {"columnar / executemany": 0.6, "singles / toy": 6.0}
"""What ``--check`` asks for; see the README."""


def main() -> int:
    """Measure and print medians, and ratios taken round by round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="fail where less than promised")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else arguments.rounds
    found = [one_round(QUICK if arguments.quick else FULL) for _ in range(rounds)]
    figures = {name: statistics.median(one[name] for one in found) for name in found[0]}
    ratios = {
        name: statistics.median(one[ours] / one[peer] for one in found)
        for name, ours, peer in RATIOS
    }
    if arguments.json:
        print(json.dumps({"rounds": rounds, "figures": figures, "ratios": ratios}))
        return 0
    print(f"median of {rounds} round{'' if rounds == 1 else 's'}, {os.cpu_count()} cores")
    for name, value in figures.items():
        print(f"  {name:<28} {value:>14,.0f}")
    for name, value in ratios.items():
        print(f"  {name:<28} {value:>14.2f} ×")

    missed = [name for name, least in PROMISED.items() if ratios[name] < least]
    for name in missed if arguments.check else ():
        print(f"{name} is less than {PROMISED[name]} ×", file=sys.stderr)
    return int(arguments.check and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
