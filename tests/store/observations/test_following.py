"""Whatever fails, and however: what landing keeps in memory is what the database says."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
import sqlalchemy as sa
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.clock import HOUR
from county_gov.store import Store, Transaction, WriterLimits
from county_gov.store.observations import Observations, Small
from county_gov.store.observations.lookup import unsettled
from county_gov.store.observations.starting import open_table, stored_heads
from county_gov.store.sqlite import SqliteDatabase
from tests.store.observations.county import Row, begin_batch, readings
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store.transaction import Snapshot

PATIENCE = 60
DATASTREAMS, TIMES = 4, 12


class FailingCommits(SqliteDatabase):
    """A database whose next commit fails when told to."""

    fail = False

    def commit(self, connection: sa.Connection) -> None:
        """Fail once, or commit."""
        if self.fail:
            self.fail = False
            msg = "the disk went away"
            raise OSError(msg)
        super().commit(connection)


@frozen
class Step:
    """A change: rows that land, alone or with others, and whether it fails once they have."""

    rows: tuple[Row, ...]
    end: Literal["done", "error", "sql"]
    together: bool
    close: bool


@frozen
class Group:
    """Changes that share a commit, how that ends, and how far the clock moves after it."""

    steps: tuple[Step, ...]
    commits: bool
    seconds: int


ROWS = st.lists(
    st.tuples(st.integers(1, DATASTREAMS), st.integers(0, TIMES), st.integers(0, 2)),
    min_size=1,
    max_size=12,
).map(tuple)
STEPS = st.builds(
    Step,
    rows=ROWS,
    end=st.sampled_from(["done", "done", "error", "sql"]),
    together=st.booleans(),
    close=st.booleans(),
)
GROUPS = st.builds(
    Group,
    steps=st.lists(STEPS, min_size=1, max_size=4).map(tuple),
    commits=st.sampled_from([True, True, True, False]),
    seconds=st.sampled_from([0, HOUR // 1_000_000 + 1]),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups=st.lists(GROUPS, min_size=1, max_size=6))
def test_memory_is_what_the_database_says(
    groups: list[Group], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After random changes that fail by themselves, in a savepoint shared with others, or with the
    whole commit, the heads, the open table and the kept columns are those of the tables.
    """
    folder = tmp_path_factory.mktemp("following")
    database, clock = FailingCommits(f"sqlite:///{folder / 'county.db'}"), StandingClock()
    database.create_tables()
    store = Store(database, clock, limits=WriterLimits(gather=PATIENCE))
    store.start()
    observations = Observations(store, most_rows=15)
    observations.start()
    for group in groups:
        run(store, observations, group, database)
        clock.advance(seconds=group.seconds)
        store.read_now(lambda snapshot: check(snapshot, observations))
    store.close()


def run(store: Store, observations: Observations, group: Group, database: FailingCommits) -> None:
    """Make the changes of a group in one commit, and wait for them."""
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        entered.set()
        assert release.wait(PATIENCE)

    held = store.submit(hold)
    assert entered.wait(PATIENCE)
    waiting = [store.submit(change(observations, step)) for step in group.steps]
    database.fail = not group.commits
    release.set()
    wait([held, *waiting], PATIENCE)
    for step, future in zip(group.steps, waiting, strict=True):
        assert (future.exception() is None) == (group.commits and step.end == "done")


def change(observations: Observations, step: Step) -> Callable[[Transaction], None]:
    """One step as a change."""

    def make(tx: Transaction) -> None:
        batch = begin_batch(tx, 0)
        if step.together:
            half = len(step.rows) // 2
            parts = [part for part in (step.rows[:half], step.rows[half:]) if part]
            small = [Small.of(readings(part)) for part in parts]
            observations.land_together(tx, small, [batch, begin_batch(tx, 0)][: len(small)])
        else:
            observations.land(tx, readings(step.rows), batch=batch)
        if step.close:
            observations._landing.close(tx, force=True)
        if step.end == "error":
            raise LookupError(step.end)
        if step.end == "sql":
            tx.connection.exec_driver_sql("SELECT * FROM nowhere")

    return make


def check(snapshot: Snapshot, observations: Observations) -> None:
    """Compare what is in memory with what is read."""
    landing = observations._landing
    highest = dict.fromkeys(range(1, DATASTREAMS + 1), int(NO_TIME))
    for datastream, time in zip(*(one.tolist() for one in stored_heads(snapshot)), strict=True):
        highest[datastream] = max(highest[datastream], time)
    assert highest == {one: landing.heads._times.item(one) for one in highest}
    assert open_table(snapshot) == landing._open.value
    numbers = {table.number for table in unsettled(snapshot)}
    assert set(landing.kept._parts) <= numbers
    for number in numbers:
        kept = landing.kept.rows_of(number)
        if kept is not None:
            stored = landing._dialect.scan(snapshot, number, (-(1 << 62), 0), 1_000)
            order = np.lexsort((kept.datastream, kept.time))
            assert stored.datastream.tolist() == kept.datastream[order].tolist()
            assert stored.time.tolist() == kept.time[order].tolist()
            assert stored.value.tolist() == kept.value[order].tolist()
