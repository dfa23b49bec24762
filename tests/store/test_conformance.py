"""What every database must do alike, beyond what the modules' own tests show."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from county_gov.store import Store, tables

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Transaction

PATIENCE = 30
LARGEST = 2**63 - 1


def test_an_ignored_insert_says_whether_it_added_a_row(any_store: Store) -> None:
    """The count is 1 for a new key and 0 for one that is there, whose row stays as it is."""

    def put(cursor: str) -> int:
        def change(tx: Transaction) -> int:
            statement = tx.database.insert_ignore(tables.cursors)
            return tx.execute(statement.values(source="s", cursor=cursor, updated_at=1)).rowcount

        return any_store.submit(change).result(PATIENCE)

    assert [1, 0] == [put("first"), put("second")]
    rows = any_store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.cursors.c.cursor)))
    assert ["first"] == [row.cursor for row in rows]


def test_an_insert_can_update_what_is_there(any_store: Store) -> None:
    """The same key takes the new values."""

    def put(cursor: str, tx: Transaction) -> None:
        statement = tx.database.insert(tables.cursors)
        statement = statement.values(source="s", cursor=cursor, updated_at=1)
        tx.execute(
            statement.on_conflict_do_update(
                index_elements=["source"], set_={"cursor": statement.excluded.cursor}
            )
        )

    for cursor in ("first", "second"):
        any_store.submit(partial(put, cursor)).result(PATIENCE)
    row = any_store.read_now(lambda snapshot: snapshot.first(sa.select(tables.cursors)))
    assert row is not None
    assert ("s", "second", 1) == tuple(row)


def test_an_insert_gives_the_new_row_s_identity(any_store: Store) -> None:
    """Identities rise from 1; a table keyed by text has none."""

    def change(tx: Transaction) -> list[int]:
        return [
            tx.insert(tables.accounts, login=login, name="", password="", created_at=1)
            for login in ("li", "wang")
        ]

    assert [1, 2] == any_store.submit(change).result(PATIENCE)
    note = {"plugin": "p", "key": "k", "value": "v"}
    assert 0 == any_store.submit(lambda tx: tx.insert(tables.plugin_notes, **note)).result(PATIENCE)


@pytest.mark.parametrize(
    "value", ["", "注意 😀", "line\nline\r\n\ttab", "'; DROP TABLE cases; --", "%s %(a)s ? :b"]
)
def test_texts_come_back_as_they_were(any_store: Store, value: str) -> None:
    """Chinese, emoji, line ends, quotes and what looks like parameters."""
    note = {"plugin": "p", "key": value, "value": value}
    any_store.submit(lambda tx: tx.insert(tables.plugin_notes, **note)).result(PATIENCE)
    statement = sa.select(tables.plugin_notes).where(tables.plugin_notes.c.key == value)
    row = any_store.read_now(lambda snapshot: snapshot.first(statement))
    assert row is not None
    assert ("p", value, value) == tuple(row)


def test_numbers_and_bytes_come_back_as_they_were(any_store: Store) -> None:
    """Integers of 64 bits, exactly; bytes of every value; real numbers to the last digit."""
    payload = bytes(range(256))

    def change(tx: Transaction) -> None:
        tx.journal("case", "1", payload)
        tx.execute(
            tables.things.insert().values(
                code="t",
                name="",
                longitude=0.1 + 0.2,
                latitude=-5e-324,
                area=str(LARGEST),
                unit="",
                active=-LARGEST - 1,
            )
        )

    def read(snapshot: Snapshot) -> tuple[Any, ...]:
        thing = snapshot.first(sa.select(tables.things))
        assert thing is not None
        body = snapshot.scalar(sa.select(tables.journal.c.payload))
        return thing.longitude, thing.latitude, thing.active, bytes(body)

    any_store.submit(change).result(PATIENCE)
    assert (0.1 + 0.2, -5e-324, -LARGEST - 1, payload) == any_store.read_now(read)


def test_a_number_beyond_64_bits_fails_its_change_alone(any_store: Store) -> None:
    """It is neither rounded nor does it harm the changes beside it."""

    def put(number: int) -> None:
        any_store.submit(
            lambda tx: tx.insert(tables.register_versions, name=str(number), version=number)
        ).result(PATIENCE)

    put(LARGEST)
    with pytest.raises((OverflowError, sa.exc.DataError)):
        put(LARGEST + 1)
    rows = any_store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.register_versions)))
    assert [(str(LARGEST), LARGEST)] == [tuple(row) for row in rows]


def test_a_text_in_a_column_of_numbers_fails_its_change(any_store: Store) -> None:
    """Tables are strict on both databases."""
    statement = sa.text("INSERT INTO register_versions (name, version) VALUES ('a', 'b')")
    with pytest.raises((sa.exc.IntegrityError, sa.exc.DataError)):
        any_store.submit(lambda tx: tx.execute(statement)).result(PATIENCE)


def test_a_key_that_is_there_fails_its_change(any_store: Store) -> None:
    """The error is the same on both databases, and the row stays."""
    note = {"plugin": "p", "key": "k", "value": "v"}
    any_store.submit(lambda tx: tx.insert(tables.plugin_notes, **note)).result(PATIENCE)
    with pytest.raises(sa.exc.IntegrityError):
        any_store.submit(lambda tx: tx.insert(tables.plugin_notes, **note)).result(PATIENCE)


def test_a_later_change_of_a_commit_sees_the_earlier(any_store: Store) -> None:
    """Changes run one after another, as if each had a commit of its own."""

    def count(tx: Transaction) -> int:
        found = len(tx.rows(sa.select(tables.plugin_notes)))
        tx.insert(tables.plugin_notes, plugin="p", key=str(found), value="")
        return found

    futures = [any_store.submit(count) for _ in range(30)]
    assert list(range(30)) == [future.result(PATIENCE) for future in futures]


def test_a_notice_is_queued_once(any_store: Store) -> None:
    """The same key again is left as it is."""

    def queue(tx: Transaction) -> None:
        for body in ("first", "second"):
            tx.append_outbox(key="k", notifier="n", recipient="r", subject="s", body=body)

    any_store.submit(queue).result(PATIENCE)
    rows = any_store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.outbox.c.body)))
    assert ["first"] == [row.body for row in rows]
