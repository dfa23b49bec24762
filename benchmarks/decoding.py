"""How long a delivery takes from bytes to rows that can land: decode, resolve codes, validate.

Run it with ``python benchmarks/decoding.py``; the best of many runs is printed, in milliseconds for
10,000 rows and in microseconds for one reading.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Bools, Float64s, Int64s
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.validation import validate
from county_gov.intake.wire_format import COLUMNS, CSV, JSON, NDJSON, read

ROWS = 10_000
DATASTREAMS = 200
HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
CHINA = timezone(timedelta(hours=8))


@frozen(eq=False)
class Registers:
    """As many datastreams as a busy county has stations' factors."""

    numbers: dict[str, int]
    period: Int64s
    decimals: Int64s
    minimum: Float64s
    maximum: Float64s
    active: Bools

    @classmethod
    def of(cls, codes: list[str]) -> Registers:
        """Hourly datastreams with one decimal."""
        size = len(codes) + 1
        return cls(
            {code: number for number, code in enumerate(codes, 1)},
            np.full(size, HOUR),
            np.ones(size, np.int64),
            np.zeros(size),
            np.full(size, 1000.0),
            np.ones(size, np.bool_),
        )


def deliveries() -> dict[str, tuple[bytes, str, int]]:
    """Name to bytes, wire format and number of rows."""
    codes = [f"air.station{row % DATASTREAMS:04d}.pm25" for row in range(ROWS)]
    instants = [START + row // DATASTREAMS * HOUR for row in range(ROWS)]
    texts = [datetime.fromtimestamp(one / 1e6, CHINA).isoformat() for one in instants]
    values = [round(row * 0.37 % 500, 1) for row in range(ROWS)]
    rows = [
        {"datastream": code, "time": instant, "value": value}
        for code, instant, value in zip(codes, texts, values, strict=True)
    ]
    lines = [f"{row['datastream']},{row['time']},{row['value']}" for row in rows]

    def columns(times: list[int] | list[str]) -> bytes:
        return json.dumps({"datastream": codes, "time": times, "value": values}).encode()

    return {
        "columns, integer times": (columns(instants), COLUMNS, ROWS),
        "columns, RFC 3339": (columns(texts), COLUMNS, ROWS),
        "JSON rows, RFC 3339": (json.dumps(rows).encode(), JSON, ROWS),
        "NDJSON, RFC 3339": ("\n".join(map(json.dumps, rows)).encode(), NDJSON, ROWS),
        "CSV, RFC 3339": ("\n".join(["datastream,time,value", *lines]).encode(), CSV, ROWS),
        "one reading": (json.dumps(rows[:1]).encode(), JSON, 1),
    }


def best(function: Callable[[], object], runs: int = 60) -> float:
    """Seconds of the fastest run."""
    fastest = float("inf")
    for _ in range(runs):
        started = time.perf_counter()
        function()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest


def main() -> None:
    """Print the table."""
    registers = Registers.of([f"air.station{one:04d}.pm25" for one in range(DATASTREAMS)])
    limits = IntakeLimits()
    print(f"{'delivery':26}{'decode':>10}{'validate':>10}{'both':>10}")
    for name, (raw, wire_format, rows) in deliveries().items():
        readable = read(raw, wire_format, limits)
        received_at = START + 1000 * HOUR

        def check(
            readable: object = readable, received_at: int = received_at, rows: int = rows
        ) -> None:
            done = validate(readable, registers, received_at=received_at, limits=limits)  # type: ignore[arg-type]
            assert len(done.readings) == rows  # noqa: S101

        decode = best(lambda raw=raw, wire_format=wire_format: read(raw, wire_format, limits))  # type: ignore[misc]
        checked = best(check)
        unit, factor = ("ms", 1e3) if rows > 1 else ("µs", 1e6)
        figures = "".join(f"{one * factor:10.2f}" for one in (decode, checked, decode + checked))
        print(f"{name:26}{figures} {unit}")


if __name__ == "__main__":
    main()
