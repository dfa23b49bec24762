"""A backup made under writes is one consistent state, and a restore gives it back whole."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from county_gov.errors import MigrationPending, StoreError
from county_gov.store import Priority, Store, migration, open_database, tables
from county_gov.store.backup import MANIFEST, backup, read_manifest, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from county_gov.store.database import Database
    from county_gov.store.transaction import Snapshot, Transaction
    from tests.store_fixtures import StandingClock

LANDED = sa.table("landing_1", sa.column("time"), sa.column("value"))
LANDING = "CREATE TABLE landing_1 (time BIGINT NOT NULL, value BIGINT NOT NULL)"


def _pair(number: int) -> Callable[[Transaction], None]:
    """A change of two tables, which no consistent copy shows apart."""

    def change(tx: Transaction) -> None:
        tx.execute(
            sa.insert(tables.plugin_notes).values(plugin="pairs", key=str(number), value="注")
        )
        tx.execute(sa.insert(LANDED).values(time=number, value=number))
        tx.journal("case", str(number), b"\x00\xff")

    return change


def _everything(snapshot: Snapshot) -> dict[str, list[tuple[Any, ...]]]:
    metadata = sa.MetaData()
    metadata.reflect(snapshot.connection)
    return {
        name: sorted(tuple(row) for row in snapshot.rows(sa.select(table)))
        for name, table in metadata.tables.items()
    }


@pytest.fixture
def migrated_store(any_database: Database, clock: StandingClock) -> Iterator[Store]:
    """Give a store whose tables were made by migrations, with one table made at run time."""
    connection = any_database.connect_writer()
    any_database.begin(connection)
    tables.metadata.drop_all(connection)
    any_database.commit(connection)
    any_database.disconnect_writer(connection)
    migration.upgrade(any_database)
    store = Store(any_database, clock)
    store.start()
    store.submit(lambda tx: tx.connection.exec_driver_sql(LANDING)).result(30)
    yield store
    store.close()


@pytest.fixture
def empty_place(migrated_store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a place to restore into."""
    if migrated_store.database.dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'restored' / 'county.db'}"
    url: str = request.getfixturevalue("second_postgresql_database")
    return url


def test_a_backup_under_writes_restores_to_one_consistent_state(
    migrated_store: Store, empty_place: str, tmp_path: Path
) -> None:
    """Both tables of every change are in the copy, or neither; a later restore equals it."""
    store, folder = migrated_store, tmp_path / "backup"
    enough, stop = threading.Event(), threading.Event()

    def keep_writing() -> None:
        number = 0
        while not stop.is_set():
            store.submit(_pair(number), Priority.INTAKE).result(30)
            number += 1
            if number > 20:
                enough.set()

    thread = threading.Thread(target=keep_writing)
    thread.start()
    assert enough.wait(30)
    manifest = backup(store.database, folder, clock=store.clock)
    stop.set()
    thread.join()
    assert 20 <= manifest.rows["landing_1"]
    assert manifest.rows["landing_1"] == manifest.rows["plugin_notes"] == manifest.rows["journal"]
    assert migration.newest() == manifest.revision
    assert store.clock.now() == manifest.created_at

    restore(folder, empty_place)
    restored = open_database(empty_place)
    copy = restored.read(_everything)
    restored.close()
    numbers = sorted(int(key) for _, key, _ in copy["plugin_notes"])
    assert list(range(manifest.rows["landing_1"])) == numbers
    original = store.read_now(_everything)
    for name, rows in original.items():
        assert set(copy[name]) <= set(rows), name
    assert manifest.rows == {name: len(rows) for name, rows in copy.items()}


def test_a_restored_database_equals_the_one_at_rest(
    migrated_store: Store, empty_place: str, tmp_path: Path
) -> None:
    """Without writes in between, all rows of all tables are the same, and it can be written."""
    store = migrated_store
    for number in range(5):
        store.submit(_pair(number)).result(30)
    store.submit(
        lambda tx: tx.insert(tables.accounts, login="li", name="李", password="x", created_at=tx.at)
    ).result(30)
    backup(store.database, tmp_path / "backup")
    restore(tmp_path / "backup", empty_place)
    restored = Store(open_database(empty_place), store.clock)
    assert store.read_now(_everything) == restored.read_now(_everything)
    migration.require_current(restored.database)
    restored.start()
    number = restored.submit(
        lambda tx: tx.insert(
            tables.accounts, login="wang", name="王", password="x", created_at=tx.at
        )
    ).result(30)
    assert 2 == number
    restored.close()


def test_a_full_place_is_refused(migrated_store: Store, tmp_path: Path) -> None:
    """A restore never writes over a database, a backup never into a folder with something."""
    folder = tmp_path / "backup"
    backup(migrated_store.database, folder)
    with pytest.raises(StoreError, match="empty folder"):
        backup(migrated_store.database, folder)
    url = _secret_url(migrated_store)
    migrated_store.close()
    with pytest.raises(StoreError, match="restore into"):
        restore(folder, url)


def _secret_url(store: Store) -> str:
    if store.database.dialect == "sqlite":
        return store.database.url
    return str(store.database._address.render_as_string(hide_password=False))  # type: ignore[attr-defined]


@pytest.fixture
def finished_backup(store: Store, tmp_path: Path) -> Path:
    """Give the folder of a backup."""
    store.submit(
        lambda tx: tx.execute(sa.insert(tables.plugin_notes).values(plugin="a", key="b", value="c"))
    ).result(30)
    backup(store.database, tmp_path / "backup")
    return tmp_path / "backup"


def test_a_damaged_backup_is_refused(finished_backup: Path, tmp_path: Path) -> None:
    """One changed byte is found before anything is restored."""
    (name,) = read_manifest(finished_backup).files
    content = bytearray((finished_backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    (finished_backup / name).write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        restore(finished_backup, f"sqlite:///{tmp_path / 'new.db'}")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": 1', '"format": 2', "expected format 1, got 2"),
        ('"county.db"', '"../county.db"', "by its plain name"),
        ('"dialect": "sqlite"', '"dialect": "postgresql"', "cannot be restored into sqlite"),
        ('"plugin_notes": 1', '"plugin_notes": 2', "these tables differ: plugin_notes"),
        ('"files"', '"flies"', "missing required field"),
    ],
)
def test_a_wrong_manifest_is_refused(
    finished_backup: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    """What the manifest says is checked, and the error says what was wrong."""
    path = finished_backup / MANIFEST
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(StoreError, match=said):
        restore(finished_backup, f"sqlite:///{tmp_path / 'new.db'}")


def test_a_backup_of_a_newer_program_is_refused(finished_backup: Path, tmp_path: Path) -> None:
    """A program does not restore tables that it does not know."""
    path = finished_backup / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"revision": null', '"revision": "9999"'))
    with pytest.raises(MigrationPending, match="9999"):
        restore(finished_backup, f"sqlite:///{tmp_path / 'new.db'}")


def test_a_folder_without_manifest_is_no_backup(finished_backup: Path, tmp_path: Path) -> None:
    """A backup that was cut off has no manifest and cannot be restored."""
    (finished_backup / MANIFEST).unlink()
    with pytest.raises(StoreError, match="not finished"):
        restore(finished_backup, f"sqlite:///{tmp_path / 'new.db'}")


def test_a_backup_is_readable_by_its_owner_alone(finished_backup: Path) -> None:
    """It holds what the database holds, personal data included."""
    modes = {path.stat().st_mode & 0o777 for path in finished_backup.iterdir()}
    assert {0o600} == modes
    assert 0o700 == finished_backup.stat().st_mode & 0o777
