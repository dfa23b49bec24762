"""Landing on PostgreSQL: binary COPY, built by numpy.

One session writes (see `county_gov.store.postgresql`), and what may be there already was looked for
before: so COPY goes straight into the landing table, without a staging table in between.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from county_gov.contract.batch import NO_TIME, Int64s
from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import StoreError
from county_gov.store.observations.dialect import Found, Place
from county_gov.store.observations.rows import Stored
from county_gov.store.transaction import Snapshot, Transaction

STEPS: Final = 10_000
"""Different times that a read of one series looks at by seeking, before it scans instead."""

_COLUMNS = (
    "datastream, time, value, flag::bigint, coalesce(result_time, (-9223372036854775808)::bigint),"
    " batch"
)
_HEADER = struct.pack("!11sii", b"PGCOPY\n\xff\r\n\0", 0, 0)
_TRAILER = struct.pack("!h", -1)
_NAMES = ("time", "datastream", "value", "flag", "result_time", "batch")


def _layout(*fields: tuple[str, str]) -> np.dtype[np.void]:
    """A row of binary COPY: the number of fields, and a length before each."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name, dtype in fields:
        layout.append((f"length_{name}", ">i4"))
        if dtype:
            layout.append((name, dtype))
    return np.dtype(layout)


_GIVEN = _layout(*((name, ">i8" if name != "flag" else ">i2") for name in _NAMES))
_NULL = _layout(*((name, {"flag": ">i2", "result_time": ""}.get(name, ">i8")) for name in _NAMES))
_STORED = ("datastream", "time", "value", "flag", "result_time", "batch")
_READ = _layout(*((name, ">i8") for name in _STORED))


class PostgresqlLanding:
    """See `LandingDialect`."""

    readers_last = 60 * MICROSECONDS

    def session(self, tx: Transaction) -> int:
        """The server's process that serves the writer."""
        pid: int = tx.driver.info.backend_pid
        return pid

    def create(self, tx: Transaction, number: int) -> None:
        """Make a landing table."""
        tx.driver.execute(
            f"CREATE TABLE landing_{number:d} (time bigint NOT NULL, datastream bigint NOT NULL,"
            " value bigint NOT NULL, flag smallint NOT NULL, result_time bigint,"
            " batch bigint NOT NULL, PRIMARY KEY (time, datastream))"
        )

    def drop(self, tx: Transaction, number: int) -> None:
        """Drop a landing table, without waiting for its readers."""
        tx.driver.execute("SET LOCAL lock_timeout = '20ms'")
        tx.driver.execute(f"DROP TABLE landing_{number:d}")
        tx.driver.execute("SET LOCAL lock_timeout = DEFAULT")

    def insert(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Insert rows."""
        given = rows.result_time != NO_TIME
        with (
            tx.driver.cursor() as cursor,
            cursor.copy(
                f"COPY landing_{number:d} ({', '.join(_NAMES)}) FROM STDIN (FORMAT BINARY)"
            ) as copy,
        ):
            copy.write(_HEADER)
            if not given.all():
                copy.write(_encode(rows.take(~given), _NULL))
            if given.any():
                copy.write(_encode(rows.take(given), _GIVEN))
            copy.write(_TRAILER)

    def update(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Overwrite the rows with these keys."""
        with tx.driver.cursor() as cursor:
            cursor.executemany(
                f"UPDATE landing_{number:d} SET value = %s, flag = %s, result_time = %s,"
                " batch = %s WHERE time = %s AND datastream = %s",
                [
                    (
                        value,
                        flag,
                        None if result_time == NO_TIME else result_time,
                        batch,
                        time,
                        datastream,
                    )
                    for datastream, time, value, flag, result_time, batch in zip(
                        *(column.tolist() for column in rows.columns), strict=True
                    )
                ],
            )

    def find(self, tx: Transaction, number: int, datastream: Int64s, time: Int64s) -> Found:
        """The rows of a landing table with the given keys."""
        found = _select(
            tx,
            "SELECT k.i - 1, l.datastream, l.time, l.value, l.flag, l.result_time, l.batch"
            " FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS k (s, t, i)"
            f" JOIN landing_{number:d} AS l ON l.time = k.t AND l.datastream = k.s",
            datastream.tolist(),
            time.tolist(),
        )
        filled = [(*row[:5], NO_TIME if row[5] is None else row[5], row[6]) for row in found]
        table = np.array(filled, np.int64).reshape(-1, 7)
        series, times, value, flag, result_time, batch = table[:, 1:].T.copy()
        rows = Stored(series, times, value, flag.astype(np.uint8), result_time, batch)
        return Found(table[:, 0], rows)

    def find_blocks(
        self, tx: Transaction, datastream: Int64s, day: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, bytes]]:
        """Those blocks whose last time is not before ``time``."""
        return _select(
            tx,
            "SELECT b.datastream, b.day, b.body"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k (s, d, t)"
            " JOIN blocks AS b ON b.day = k.d AND b.datastream = k.s AND b.last >= k.t",
            datastream.tolist(),
            day.tolist(),
            time.tolist(),
        )

    def known_revisions(
        self, tx: Transaction, datastream: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, int, int, int | None]]:
        """All revisions under the given keys."""
        return _select(
            tx,
            "SELECT r.datastream, r.time, r.value, r.flag, r.result_time"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS k (s, t)"
            " JOIN revisions AS r ON r.datastream = k.s AND r.time = k.t",
            datastream.tolist(),
            time.tolist(),
        )

    def insert_revisions(self, tx: Transaction, rows: Sequence[tuple[int | None, ...]]) -> None:
        """Keep values that are not current."""
        with tx.driver.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO revisions (datastream, time, value, flag, result_time, batch,"
                " replaced_by, replaced_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )

    def put_blocks(
        self,
        tx: Transaction,
        new: Sequence[tuple[int, int, int, int, bytes]],
        changed: Sequence[tuple[int, int, int, int, bytes, bytes]],
    ) -> bool:
        """Write blocks; False where the caller's knowledge of them is outdated."""
        with tx.driver.cursor() as cursor:
            if new:
                cursor.executemany(
                    "INSERT INTO blocks (datastream, day, rows, last, body)"
                    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (day, datastream) DO NOTHING",
                    new,
                )
                if cursor.rowcount != len(new):
                    return False
            if changed:
                cursor.executemany(
                    "UPDATE blocks SET rows = %s, last = %s, body = %s"
                    " WHERE day = %s AND datastream = %s AND body = %s",
                    [
                        (rows, last, body, day, datastream, old)
                        for datastream, day, rows, last, body, old in changed
                    ],
                )
                return bool(cursor.rowcount == len(changed))
        return True

    def scan(self, snapshot: Snapshot, number: int, after: Place, limit: int) -> Stored:
        """The first rows of a landing table after a time and datastream, in this order."""
        time, datastream = after
        return _copy_out(
            snapshot,
            f"SELECT {_COLUMNS} FROM landing_{number:d}"
            f" WHERE (time, datastream) > ({time:d}, {datastream:d})"
            f" ORDER BY time, datastream LIMIT {limit:d}",
        )

    def series(
        self, snapshot: Snapshot, number: int, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """The rows of some datastreams: by seeking from time to time, or else by a scan."""
        table = f"landing_{number:d}"
        if len(datastreams) == 1:
            times = _distinct_times(table, start, end)
            ((steps,),) = _select(snapshot, f"{times} SELECT count(*) FROM found")
            if not steps:
                return Stored.empty()
            if steps < STEPS:
                return _copy_out(
                    snapshot,
                    f"{times} SELECT l.* FROM found, LATERAL (SELECT {_COLUMNS} FROM {table}"
                    f" WHERE time = t AND datastream = {datastreams[0]:d}) AS l",
                )
        numbers = ", ".join(f"{number:d}" for number in datastreams)
        return _copy_out(
            snapshot,
            f"SELECT {_COLUMNS} FROM {table} WHERE time >= {start:d} AND time < {end:d}"
            f" AND datastream IN ({numbers})",
        )


def _distinct_times(table: str, start: int, end: int) -> str:
    """The first different times of a table in a range, each found by one seek."""
    return (
        f"WITH RECURSIVE times (t) AS (SELECT min(time) FROM {table}"
        f" WHERE time >= {start:d} AND time < {end:d}"
        f" UNION ALL SELECT (SELECT min(time) FROM {table} WHERE time > t AND time < {end:d})"
        " FROM times WHERE t IS NOT NULL),"
        f" found AS (SELECT t FROM times WHERE t IS NOT NULL LIMIT {STEPS:d})"
    )


def _select(snapshot: Snapshot, statement: str, *values: object) -> list[Any]:
    with snapshot.driver.cursor(binary=True) as cursor:
        rows: list[Any] = cursor.execute(statement, values or None).fetchall()
        return rows


def _encode(rows: Stored, layout: np.dtype[np.void]) -> bytes:
    table: NDArray[np.void] = np.zeros(len(rows), layout)
    table["fields"] = len(_NAMES)
    columns = dict(zip(_STORED, rows.columns, strict=True))
    for name in _NAMES:
        there = name in (layout.names or ())
        table[f"length_{name}"] = layout[name].itemsize if there else -1
        if there:
            table[name] = columns[name]
    return table.tobytes()


def _copy_out(snapshot: Snapshot, query: str) -> Stored:
    """The rows of a query for `_COLUMNS`, none of them null."""
    with (
        snapshot.driver.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy,
    ):
        data = b"".join(copy)
    body = data[len(_HEADER) : -len(_TRAILER)]
    if not data.startswith(_HEADER) or len(body) % _READ.itemsize:
        msg = f"COPY answered {len(data)} bytes that are no rows of a landing table"
        raise StoreError(msg)
    table = np.frombuffer(body, _READ)
    datastream, time, value, flag, result_time, batch = (
        table[name].astype(np.int64) for name in _STORED
    )
    return Stored(datastream, time, value, flag.astype(np.uint8), result_time, batch)
