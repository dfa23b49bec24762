"""Who is on duty, read from a dataset of records."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from county_gov.contract.workflow import Roster
from county_gov.deployment.rosters import RecordRosters, with_duties_indexed
from county_gov.errors import NotFound
from county_gov.store import records
from tests.server import patrolling
from tests.server.patrolling import ROSTER

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

WHO = Roster("watch.roster", "person", "begins", "ends", area="area")
LINE = ("grid", "village", "township", "county")
SHIFTS = (
    ("township", 0, 100, 1),
    ("county", 0, 100, 2),
    ("grid", 0, 50, 3),
    ("grid", 20, 60, 4),
    ("elsewhere", 0, 100, 5),
    (None, 0, 100, 6),
    ("grid", 60, 100, 7),
    ("village", 0, 100, None),
)


@pytest.fixture
def rosters(any_store: Store) -> RecordRosters:
    """Give rosters over a dataset with some shifts."""
    table = records.table_of(ROSTER).table

    def fill(tx: Transaction) -> None:
        table.create(tx.connection)
        for number, (area, begins, ends, person) in enumerate(SHIFTS):
            tx.execute(
                table.insert().values(
                    record=str(number),
                    version=1,
                    changed_at=0,
                    changed_by="",
                    f_area=area,
                    f_begins=begins,
                    f_ends=ends,
                    f_person=person,
                )
            )

    any_store.submit(fill).result()
    return RecordRosters({ROSTER.id: ROSTER})


def test_the_nearest_area_and_the_latest_shift_go_first(
    any_store: Store, rosters: RecordRosters
) -> None:
    """A duty holds from its beginning until just before its end, in its area and all below."""
    for at, expected in (
        (0, (3, 1, 2, 6)),
        (20, (4, 3, 1, 2, 6)),
        (50, (4, 1, 2, 6)),
        (60, (7, 1, 2, 6)),
        (100, ()),
    ):
        found = any_store.read_now(partial(rosters.on_duty, roster=WHO, areas=LINE, at=at))
        assert expected == found
    assert (1, 2, 6) == any_store.read_now(lambda s: rosters.on_duty(s, WHO, LINE[1:], 10))


def test_without_an_area_every_shift_counts(any_store: Store, rosters: RecordRosters) -> None:
    """Who began last goes first."""
    whole = evolve(WHO, area="")
    assert (4, 1, 2, 3, 5, 6) == any_store.read_now(
        lambda snapshot: rosters.on_duty(snapshot, whole, LINE, 30)
    )


def test_a_dataset_that_is_gone_is_said(any_store: Store, rosters: RecordRosters) -> None:
    """The case gives the task to any holder then."""
    with pytest.raises(NotFound, match=r"watch\.other"):
        any_store.read_now(
            lambda snapshot: rosters.on_duty(snapshot, evolve(WHO, dataset="watch.other"), LINE, 0)
        )


def test_duties_are_indexed_by_their_end() -> None:
    """Where a workflow's roster names a dataset; any other dataset stays as it is."""
    workflows = {patrolling.PATROL.id: patrolling.PATROL}
    other = evolve(ROSTER, id="watch.other")
    found = with_duties_indexed({ROSTER.id: ROSTER, other.id: other}, workflows)
    assert ["ends"] == [one.name for one in found[ROSTER.id].schema.fields if one.indexed]
    assert other is found["watch.other"]
