"""SQLite: one writing process, a bounded log, a full disk that costs nothing that was promised."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from county_gov.contract.clock import SystemClock
from county_gov.errors import StoreError, StoreFull
from county_gov.store import Store, checkpoint, open_database, tables
from county_gov.store.checkpoint import LONGEST, Checkpoints
from county_gov.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from county_gov.store import Transaction

PATIENCE = 30

WRITES_FOREVER = """
import sys
import sqlalchemy as sa
from county_gov.contract.clock import SystemClock
from county_gov.store import Store, open_database, tables
store = Store(open_database(sys.argv[1]), SystemClock())
store.start()
for number in range(10**9):
    row = {"plugin": "test", "key": str(number), "value": ""}
    store.submit(lambda tx: tx.execute(sa.insert(tables.plugin_notes), [row])).result()
    print(number, flush=True)
"""


def _put(key: str, value: str = "") -> Callable[[Transaction], None]:
    def change(tx: Transaction) -> None:
        tx.insert(tables.plugin_notes, plugin="test", key=key, value=value)

    return change


def _count(store: Store) -> int:
    statement = sa.select(sa.func.count()).select_from(tables.plugin_notes)
    return int(store.read_now(lambda snapshot: snapshot.scalar(statement)))


def test_a_second_writer_is_refused_by_name(store: Store) -> None:
    """The error names the process that writes; readers are welcome."""
    other = Store(open_database(store.database.url), SystemClock())
    with pytest.raises(StoreError, match=f"process {os.getpid()} is writing this database"):
        other.start()
    store.submit(_put("a")).result(PATIENCE)
    assert 1 == _count(other)
    other.close()


def test_the_right_to_write_is_given_back(database: SqliteDatabase) -> None:
    """After a stop another may write."""
    for key in ("a", "b"):
        store = Store(SqliteDatabase(database.url), SystemClock())
        store.start()
        store.submit(_put(key)).result(PATIENCE)
        store.close()
    assert not database.path.with_name("county.db.lock").read_text()


def test_a_killed_process_loses_nothing_and_leaves_no_lock(database: SqliteDatabase) -> None:
    """What it had answered is there, and the next process starts at once."""
    acknowledged: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_FOREVER, database.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(50)]
        acknowledged = [line for line in acknowledged if line.isdigit()]
        with pytest.raises(StoreError, match=f"process {process.pid} is writing"):
            database.connect_writer()
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split()
    store = Store(database, SystemClock())
    store.start()
    rows = store.read_now(lambda snap: snap.rows(sa.select(tables.plugin_notes.c.key)))
    kept = {row.key for row in rows}
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 1
    store.submit(_put("next")).result(PATIENCE)
    store.close()


def test_the_files_are_readable_by_their_owner_alone(store: Store) -> None:
    """The database, its log and its lock hold personal data, or lead to it."""
    store.submit(_put("a")).result(PATIENCE)
    assert isinstance(store.database, SqliteDatabase)
    folder = store.database.path.parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("county.db*")}
    names = ["county.db", "county.db-shm", "county.db-wal", "county.db.lock"]
    assert dict.fromkeys(names, 0o600) == modes


def test_readers_cannot_write(store: Store) -> None:
    """A snapshot is for reading only."""
    with pytest.raises(StoreError, match="readonly"):
        store.read_now(lambda snap: snap.connection.execute(sa.delete(tables.plugin_notes)))


def test_a_snapshot_is_one_consistent_state(store: Store) -> None:
    """What is committed while a reader reads does not show."""

    def read_twice() -> tuple[int, int]:
        statement = sa.select(sa.func.count()).select_from(tables.plugin_notes)

        def read(snapshot: object) -> tuple[int, int]:
            first = snapshot.scalar(statement)  # type: ignore[attr-defined]
            store.submit(_put("between")).result(PATIENCE)
            return first, snapshot.scalar(statement)  # type: ignore[attr-defined]

        return store.read_now(read)

    assert (0, 0) == read_twice()
    assert 1 == _count(store)


def test_a_full_disk_keeps_nothing_of_the_change_and_all_before_it(store: Store) -> None:
    """Refused as StoreFull, memory undone, reading goes on, and so does writing with space."""
    undone: list[str] = []

    def too_much(tx: Transaction) -> None:
        tx.on_rollback(lambda: undone.append("too much"))
        for number in range(1000):
            _put(f"big{number}", "x" * 5000)(tx)

    store.submit(_put("before")).result(PATIENCE)
    pages = store.submit(_limit_pages(extra=20)).result(PATIENCE)
    with pytest.raises(StoreFull, match="free space and try again"):
        store.submit(too_much).result(PATIENCE)
    assert ["too much"] == undone
    assert 1 == _count(store)
    assert "the disk is full" in store.writer.trouble
    store.submit(_put("small")).result(PATIENCE)
    assert "" == store.writer.trouble
    store.submit(lambda tx: tx.driver.execute(f"PRAGMA max_page_count={pages * 1000}")).result(30)
    store.submit(too_much).result(PATIENCE)
    assert 1002 == _count(store)


def _limit_pages(*, extra: int) -> Callable[[Transaction], int]:
    def change(tx: Transaction) -> int:
        (pages,) = tx.driver.execute("PRAGMA page_count").fetchone()
        tx.driver.execute(f"PRAGMA max_page_count={pages + extra}")
        return int(pages)

    return change


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 8 MB, where mounting one is permitted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root's rights")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_file_system_costs_nothing_that_was_promised(small_disk: Path) -> None:
    """Until there is space commits are refused, reading goes on, and all that was kept stays."""
    database = SqliteDatabase(f"sqlite:///{small_disk / 'county.db'}")
    database.create_tables()
    store = Store(database, SystemClock())
    store.start()
    futures = [store.submit(_put(str(number), "x" * 20_000)) for number in range(1000)]
    errors = [future.exception(PATIENCE) for future in futures]
    kept = errors.count(None)
    assert {StoreFull} == {type(error) for error in errors if error}
    assert 0 < kept == _count(store)
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    store.submit(_put("more", "x" * 200_000)).result(PATIENCE)
    store.close()
    again = Store(SqliteDatabase(database.url), SystemClock())
    assert kept + 1 == _count(again)
    check = again.read_now(lambda snap: snap.driver.execute("PRAGMA integrity_check").fetchone())
    assert ("ok",) == check
    again.close()


def test_the_writer_promises_the_disk(store: Store) -> None:
    """Every commit is synchronised, and what is deleted is overwritten."""

    def pragmas(tx: Transaction) -> list[object]:
        names = ("journal_mode", "synchronous", "secure_delete", "wal_autocheckpoint")
        return [tx.driver.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert ["wal", 2, 1, 0] == store.submit(pragmas).result(PATIENCE)


def test_the_log_stays_bounded_while_readers_never_stop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers that follow one another without a gap cannot let the log grow for ever."""
    monkeypatch.setattr(checkpoint, "PATIENT_PAGES", 1_024)
    assert isinstance(store.database, SqliteDatabase)
    log_file = store.database.path.with_name("county.db-wal")
    stop = threading.Event()

    def keep_reading() -> None:
        while not stop.is_set():
            _count(store)

    readers = [threading.Thread(target=keep_reading) for _ in range(3)]
    for reader in readers:
        reader.start()
    value = "x" * 1_000_000
    for number in range(250):
        store.submit(_put(str(number), value)).result(PATIENCE)
    stop.set()
    for reader in readers:
        reader.join()
    assert log_file.stat().st_size < 125_000_000


def test_checkpoints_come_in_portions() -> None:
    """The interval shrinks when much is written, and grows when little is."""
    checkpoints = Checkpoints()

    class Driver:
        pages = 0

        def execute(self, statement: str) -> Driver:
            return self

        def fetchone(self) -> tuple[int, int, int]:
            return 0, self.pages, self.pages

    driver = Driver()
    driver.pages = 100_000
    checkpoints.note_commit()
    assert checkpoints.due(1e9)
    checkpoints.run(driver)
    busy = checkpoints._interval
    for pages in (1, 2, 3, 4, 5, 6, 7, 8, 9):
        driver.pages = pages
        checkpoints.note_commit()
        checkpoints.run(driver)
    assert busy < 0.1
    assert not checkpoints.dirty
    assert not checkpoints.due(1e9)


def test_a_checkpoint_that_fails_is_put_off() -> None:
    """The log keeps everything, so nobody hears of it but the operator."""

    class Driver:
        def execute(self, statement: str) -> None:
            msg = "disk I/O error"
            raise sqlite3.OperationalError(msg)

    checkpoints = Checkpoints()
    checkpoints.note_commit()
    with capture_logs() as logs:
        checkpoints.run(Driver())
    assert ["checkpoint failed"] == [entry["event"] for entry in logs]
    assert checkpoints.dirty
    assert LONGEST == checkpoints._interval


@pytest.mark.parametrize(("version", "warnings"), [((3, 51, 2), 1), ((3, 51, 3), 0)])
def test_an_sqlite_that_can_corrupt_its_log_is_warned_of(
    database: SqliteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    warnings: int,
) -> None:
    """With the version that mends it; opening it says nothing, so that no command repeats it."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    fresh = SqliteDatabase(database.url)
    with capture_logs() as logs:
        fresh.disconnect_writer(fresh.connect_writer())
    assert [] == logs
    assert warnings == sum("3.51.3" in one for one in fresh.cautions())
    fresh.close()


@pytest.mark.parametrize("damage", ["text", "first page", "folder"])
def test_a_file_that_is_no_database_is_told_with_its_place(tmp_path: Path, damage: str) -> None:
    """Reading and writing say which file, and the way out; nothing of SQLAlchemy is seen."""
    path = tmp_path / "county.db"
    fresh = SqliteDatabase(f"sqlite:///{path}")
    if damage == "text":
        path.write_text("nothing of a database" * 100, encoding="utf-8")
    elif damage == "folder":
        path.mkdir()
    else:
        fresh.create_tables()
        fresh.close()
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 3900)
    for work in (fresh.connect_writer, lambda: fresh.read(lambda found: found)):
        with pytest.raises(StoreError, match=r"county\.db: SQLite cannot read it .* restore"):
            work()
    fresh.close()


def test_an_sqlite_without_strict_tables_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest version that is supported is named."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StoreError, match=r"3\.37"):
        SqliteDatabase(f"sqlite:///{tmp_path / 'county.db'}")


def test_a_file_that_another_program_holds_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps a transaction of its own open is not county_gov; the error says what to do."""
    monkeypatch.setattr("county_gov.store.sqlite.PATIENCE_SECONDS", 0.01)
    path = tmp_path / "county.db"
    held = SqliteDatabase(f"sqlite:///{path}")
    held.create_tables()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        connection = held.connect_writer()
        with pytest.raises(sqlite3.OperationalError) as refused:
            held.begin(connection)
        explained = held.explain_error(refused.value)
        assert "another program holds it" in str(explained)
        other.execute("ROLLBACK")
    held.disconnect_writer(connection)
    held.close()
