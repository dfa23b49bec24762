"""Landing on SQLite: multi-row ``VALUES`` with bound integers.

Measured (SQLite 3.40, 10,000 rows a commit, key (time, datastream), ``synchronous=FULL``):
``executemany`` 0.51 M rows/s, bound ``VALUES`` of 2,000 rows 1.2-1.7 M, the same with the integers
written into the statement 0.2 M.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from county_gov.contract.batch import NO_TIME, Int64s, UInt8s
from county_gov.store.observations.dialect import Found, Place
from county_gov.store.observations.rows import Stored
from county_gov.store.transaction import Snapshot, Transaction

CHUNKS = (4096, 1024, 256, 64, 16, 4, 1)
"""Rows a statement: few different statements, so that they stay compiled."""
FETCH = 20_000
STEPS = 10_000
"""Different times that a read of one series looks at by seeking, before it scans instead."""

_COLUMNS = "datastream, time, value, flag, coalesce(result_time, ?1), batch"


def landing_ddl(number: int) -> str:
    """The SQL that makes a landing table."""
    return (
        f"CREATE TABLE landing_{number:d} (time INTEGER NOT NULL, datastream INTEGER NOT NULL,"
        " value INTEGER NOT NULL, flag INTEGER NOT NULL, result_time INTEGER,"
        " batch INTEGER NOT NULL, PRIMARY KEY (time, datastream)) WITHOUT ROWID, STRICT"
    )


class SqliteLanding:
    """See `LandingDialect`."""

    readers_last = 0

    def __init__(self) -> None:
        self._inserts: dict[tuple[int, int, bool, bool], str] = {}

    def session(self, tx: Transaction) -> int:
        """A process writes the file from its start to its end."""
        return 1

    def create(self, tx: Transaction, number: int) -> None:
        """Make a landing table."""
        tx.driver.execute(landing_ddl(number))

    def drop(self, tx: Transaction, number: int) -> None:
        """Drop a landing table, without overwriting its pages with zeros.

        Its rows live on in blocks, so there is nothing to hide; overwriting one million rows took
        the writer 125 ms, dropping alone 17 ms.
        """
        (before,) = tx.driver.execute("PRAGMA secure_delete").fetchone()
        tx.driver.execute("PRAGMA secure_delete=OFF").fetchall()
        try:
            tx.driver.execute(f"DROP TABLE landing_{number:d}")
        finally:
            tx.driver.execute(f"PRAGMA secure_delete={('OFF', 'ON', 'FAST')[before]}").fetchall()

    def insert(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Insert rows, ordered by key; most often they are of one batch, and plain."""
        batch = rows.batch.item(0)
        one = len(rows) == 1
        alike = one or bool((rows.batch == batch).all())
        if one:
            plain = not rows.flag[0] and rows.result_time[0] == NO_TIME
        else:
            plain = not rows.flag.any() and bool((rows.result_time == NO_TIME).all())
        columns: list[Int64s | UInt8s] = [rows.time, rows.datastream, rows.value]
        if not plain:
            columns += [rows.flag, rows.result_time]
        if not alike:
            columns.append(rows.batch)
        values, width = _flat(*columns), len(columns)
        if not plain:
            for at in (np.flatnonzero(rows.result_time == NO_TIME) * width + 4).tolist():
                values[at] = None
        driver, shared = tx.driver, [batch] if alike else []
        for start, count in _chunks(len(rows)):
            statement = self._insert(number, count, plain=plain, alike=alike)
            driver.execute(statement, [*shared, *values[start * width : (start + count) * width]])

    def _insert(self, number: int, count: int, *, plain: bool, alike: bool) -> str:
        """The statement for so many rows, the very same text each time."""
        key = (number, count, plain, alike)
        statement = self._inserts.get(key)
        if statement is None:
            given = "?, ?, ?, " + ("0, NULL, " if plain else "?, ?, ")
            head = given.replace("?", "?2", 1) if alike else given
            batch = "?1" if alike else "?"
            rows = ", ".join([f"({head}{batch})", *[f"({given}{batch})"] * (count - 1)])
            statement = (
                f"INSERT INTO landing_{number:d}"
                f" (time, datastream, value, flag, result_time, batch) VALUES {rows}"
            )
            self._inserts = {old: kept for old, kept in self._inserts.items() if old[0] == number}
            self._inserts[key] = statement
        return statement

    def update(self, tx: Transaction, number: int, rows: Stored) -> None:
        """Overwrite the rows with these keys."""
        tx.driver.executemany(
            f"UPDATE landing_{number:d} SET value = ?, flag = ?, result_time = nullif(?, ?),"
            " batch = ? WHERE time = ? AND datastream = ?",
            [
                (value, flag, result_time, NO_TIME, batch, time, datastream)
                for datastream, time, value, flag, result_time, batch in zip(
                    *(column.tolist() for column in rows.columns), strict=True
                )
            ],
        )

    def find(self, tx: Transaction, number: int, datastream: Int64s, time: Int64s) -> Found:
        """The rows of a landing table with the given keys."""
        keys = np.column_stack((np.arange(len(time)), time, datastream))
        found: list[tuple[int, ...]] = []
        for count, values in _key_chunks(keys):
            cursor = tx.driver.execute(
                f"WITH k (i, t, d) AS (VALUES {_tuples(3, count, first=2)})"
                f" SELECT k.i, {_COLUMNS} FROM k CROSS JOIN landing_{number:d} AS l"
                " ON l.time = k.t AND l.datastream = k.d",
                [NO_TIME, *values],
            )
            found += cursor.fetchall()
        table = _table(found, 7)
        return Found(table[:, 0], _stored(table[:, 1:]))

    def find_blocks(
        self, tx: Transaction, datastream: Int64s, day: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, bytes]]:
        """Those blocks whose last time is not before ``time``."""
        found: list[tuple[int, int, bytes]] = []
        for count, values in _key_chunks(np.column_stack((datastream, day, time))):
            found += tx.driver.execute(
                f"WITH k (s, d, t) AS (VALUES {_tuples(3, count)})"
                " SELECT b.datastream, b.day, b.body FROM k CROSS JOIN blocks AS b"
                " ON b.day = k.d AND b.datastream = k.s AND b.last >= k.t",
                values,
            ).fetchall()
        return found

    def known_revisions(
        self, tx: Transaction, datastream: Int64s, time: Int64s
    ) -> Sequence[tuple[int, int, int, int, int | None]]:
        """All revisions under the given keys."""
        found: list[tuple[int, int, int, int, int | None]] = []
        for count, values in _key_chunks(np.column_stack((datastream, time))):
            found += tx.driver.execute(
                f"WITH k (s, t) AS (VALUES {_tuples(2, count)})"
                " SELECT r.datastream, r.time, r.value, r.flag, r.result_time"
                " FROM k CROSS JOIN revisions AS r ON r.datastream = k.s AND r.time = k.t",
                values,
            ).fetchall()
        return found

    def insert_revisions(self, tx: Transaction, rows: Sequence[tuple[int | None, ...]]) -> None:
        """Keep values that are not current."""
        tx.driver.executemany(
            "INSERT INTO revisions (datastream, time, value, flag, result_time, batch,"
            " replaced_by, replaced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def put_blocks(
        self,
        tx: Transaction,
        new: Sequence[tuple[int, int, int, int, bytes]],
        changed: Sequence[tuple[int, int, int, int, bytes, bytes]],
    ) -> bool:
        """Write blocks; False where the caller's knowledge of them is outdated."""
        written = tx.driver.executemany(
            "INSERT INTO blocks (datastream, day, rows, last, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (day, datastream) DO NOTHING",
            new,
        ).rowcount
        if new and written != len(new):
            return False
        swapped = tx.driver.executemany(
            "UPDATE blocks SET rows = ?, last = ?, body = ?"
            " WHERE day = ? AND datastream = ? AND body = ?",
            [
                (rows, last, body, day, datastream, old)
                for datastream, day, rows, last, body, old in changed
            ],
        ).rowcount
        return not changed or swapped == len(changed)

    def scan(self, snapshot: Snapshot, number: int, after: Place, limit: int) -> Stored:
        """The first rows of a landing table after a time and datastream, in this order."""
        cursor = snapshot.driver.execute(
            f"SELECT {_COLUMNS} FROM landing_{number:d} WHERE (time, datastream) > (?2, ?3)"
            " ORDER BY time, datastream LIMIT ?4",
            [NO_TIME, *after, limit],
        )
        return _fetch(cursor)

    def series(
        self, snapshot: Snapshot, number: int, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        """The rows of some datastreams: by seeking from time to time, or else by a scan."""
        if len(datastreams) > 1:
            return self._series_by_scan(snapshot, number, datastreams, start, end)
        (wanted,) = datastreams
        table = f"landing_{number:d}"
        rows = snapshot.driver.execute(
            f"WITH RECURSIVE times (t) AS ("
            f"SELECT min(time) FROM {table} WHERE time >= :start AND time < :end"
            f" UNION ALL SELECT (SELECT min(time) FROM {table} WHERE time > t AND time < :end)"
            " FROM times WHERE t IS NOT NULL LIMIT :steps)"
            " SELECT l.datastream, l.time, l.value, l.flag, coalesce(l.result_time, :none), l.batch"
            f" FROM times LEFT JOIN {table} AS l ON l.time = t AND l.datastream = :wanted",
            {"start": start, "end": end, "steps": STEPS, "none": NO_TIME, "wanted": wanted},
        ).fetchall()
        if len(rows) >= STEPS:
            return self._series_by_scan(snapshot, number, datastreams, start, end)
        return _stored(_table([row for row in rows if row[0] is not None], 6))

    def _series_by_scan(
        self, snapshot: Snapshot, number: int, datastreams: Sequence[int], start: int, end: int
    ) -> Stored:
        places = ", ".join(["?"] * len(datastreams))
        cursor = snapshot.driver.execute(
            f"SELECT {_COLUMNS} FROM landing_{number:d}"
            f" WHERE time >= ?2 AND time < ?3 AND datastream IN ({places}) ORDER BY time",
            [NO_TIME, start, end, *datastreams],
        )
        return _fetch(cursor)


def _flat(*columns: Int64s | UInt8s) -> list[Any]:
    """Row by row, as parameters of a statement."""
    if len(columns[0]) == 1:
        return [column.item() for column in columns]
    flat: list[Any] = np.column_stack(columns).ravel().tolist()
    return flat


def _chunks(rows: int) -> Iterator[tuple[int, int]]:
    """Start and length of the statements that cover some rows."""
    start = 0
    for size in CHUNKS:
        while rows - start >= size:
            yield start, size
            start += size


def _key_chunks(keys: Int64s) -> Iterator[tuple[int, list[int]]]:
    for start, count in _chunks(len(keys)):
        yield count, keys[start : start + count].ravel().tolist()


def _tuples(width: int, count: int, *, first: int = 1) -> str:
    """``(?2, ?3), (?, ?), …``: parameters counted on from ``first``."""
    head = ", ".join(f"?{first + offset}" for offset in range(width))
    rest = ", ".join(["?"] * width)
    return ", ".join([f"({head})", *[f"({rest})"] * (count - 1)])


def _fetch(cursor: Any) -> Stored:
    parts = []
    while rows := cursor.fetchmany(FETCH):
        parts.append(_stored(_table(rows, 6)))
    return Stored.join(parts)


def _table(rows: Sequence[tuple[int, ...]], width: int) -> Int64s:
    flat = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width)
    return flat.reshape(len(rows), width)


def _stored(table: Int64s) -> Stored:
    datastream, time, value, flag, result_time, batch = (
        np.ascontiguousarray(column) for column in table.T
    )
    return Stored(datastream, time, value, flag.astype(np.uint8), result_time, batch)
