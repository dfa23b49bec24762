"""Episodes in the store: listing within a scope, changes, and states that cannot be overtaken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from attrs import evolve

from county_gov.contract.access import Grant, Scope
from county_gov.errors import LeaseLost, NotFound
from county_gov.store import Store, Transaction, tables
from county_gov.store.alerts import (
    EpisodeRow,
    count_episodes,
    count_lasting,
    count_open,
    episodes_between,
    find_episode,
    get_episode,
    insert_changes,
    insert_episodes,
    link_case,
    list_episodes,
    open_among,
    open_episodes,
    update_episodes,
)
from county_gov.store.judging_states import (
    StateRow,
    load_states,
    save_states,
    skipped_states,
    states_of,
)

T = TypeVar("T")
DAY = 20_000
EVERYWHERE = Scope.everything()
TOWNSHIP, OTHER = "990101001", "990101002"
FIRST, SECOND = TOWNSHIP + "001", OTHER + "001"


def write(store: Store, change: Callable[[Transaction], T]) -> T:
    """Run a change."""
    return store.submit(change).result()


def row(datastream: int, started: int, ended: int | None, **more: Any) -> EpisodeRow:
    """An episode of station 1 (first township) or 2 (second township)."""
    made = EpisodeRow(
        0, "t.policy", datastream, FIRST if datastream == 1 else SECOND, "warning", started, ended,
        started, 180.5, 150.0, "1", "HJ 633-2026 表3", corrected=False, withdrawn=False, case=None,
    )  # fmt: skip
    return evolve(made, **more)


@pytest.fixture
def county(any_store: Store) -> Store:
    """Give two townships with a village and a station each, of two units."""

    def change(tx: Transaction) -> None:
        for code, parent in ((TOWNSHIP, None), (OTHER, None), (FIRST, TOWNSHIP), (SECOND, OTHER)):
            tx.insert(tables.areas, code=code, kind="x", name=code)
            tx.insert(tables.area_parents, code=code, valid_from=0, parent=parent)
        for number, area in ((1, FIRST), (2, SECOND)):
            thing = tx.insert(
                tables.things, code=f"s{number}", name="x", area=area, unit=f"unit-{number}"
            )
            tx.insert(
                tables.datastreams,
                number=number,
                code=f"s{number}.pm25",
                thing=thing,
                observed_property="pm25",
                name="x",
                unit_symbol="µg/m³",
                period=0,
                decimals=1,
            )

    write(any_store, change)
    return any_store


@pytest.fixture
def ids(county: Store) -> list[int]:
    """Give four episodes: ended, open, of the other township, withdrawn."""
    rows = [
        row(1, 10, 20, peak=300.0, severity="alarm"),
        row(1, 30, None),
        row(2, 15, None, severity="urgent"),
        row(1, 50, 60, withdrawn=True, corrected=True),
    ]
    return write(county, lambda tx: insert_episodes(tx, rows))


def listed(store: Store, scope: Scope = EVERYWHERE, **filters: Any) -> list[int]:
    """Beginnings of the episodes listed."""
    found = store.read_now(lambda s: list_episodes(s, scope, day=DAY, **filters))
    total = {key: one for key, one in filters.items() if key not in {"sort", "limit", "offset"}}
    count = store.read_now(lambda s: count_episodes(s, scope, day=DAY, **total))
    if not {"limit", "offset"} & set(filters):
        assert len(found) == count
    return [one.started_at for one in found]


def test_lists_are_filtered_sorted_and_paged(county: Store, ids: list[int]) -> None:
    """Latest first; withdrawn only when asked for."""
    assert [30, 15, 10] == listed(county)
    assert [50, 30, 15, 10] == listed(county, withdrawn=True)
    assert [30, 15] == listed(county, open_only=True)
    assert [15] == listed(county, datastream="s2.pm25")
    assert [] == listed(county, policy="t.other")
    assert [15, 10, 30] == listed(county, sort="-severity")
    assert [30, 10] == listed(county, sort="peak", datastream="s1.pm25")
    assert [15] == listed(county, limit=1, offset=1)
    assert {"warning": 1, "urgent": 1} == county.read_now(
        lambda s: count_open(s, EVERYWHERE, day=DAY)
    )
    with pytest.raises(NotFound, match="sort 'id; DROP': expected one of"):
        listed(county, sort="id; DROP")


def test_a_scope_limits_every_read(county: Store, ids: list[int]) -> None:
    """An area shows what lies below it, a unit what its stations measured, nothing nothing."""

    def scope(**parts: str) -> Scope:
        return Scope(frozenset({Grant(**parts)}))  # type: ignore[arg-type]

    assert [30, 10] == listed(county, scope(area=TOWNSHIP))
    assert [15] == listed(county, scope(area=OTHER))
    assert [15] == listed(county, scope(area=OTHER, unit="unit-2"))
    assert [] == listed(county, scope(area=OTHER, unit="unit-1"))
    assert [] == listed(county, Scope())
    assert (
        30
        == county.read_now(
            lambda s: get_episode(s, scope(area=TOWNSHIP), ids[1], day=DAY)
        ).view.started_at
    )
    with pytest.raises(NotFound, match="outside your area"):
        county.read_now(lambda s: get_episode(s, scope(area=OTHER), ids[1], day=DAY))


def test_an_episode_tells_its_history(county: Store, ids: list[int]) -> None:
    """Limit, citation, case and changes in their order; judging leaves the case alone."""

    def change(tx: Transaction) -> None:
        insert_changes(
            tx, [(ids[1], "raised", b'{"severity":"warning"}'), (ids[1], "cleared", b"{}")]
        )
        link_case(tx, ids[1], 5)
        update_episodes(tx, [row(1, 30, 40, id=ids[1], peak=200.0, corrected=True)])

    write(county, change)
    detail = county.read_now(lambda s: get_episode(s, EVERYWHERE, ids[1], day=DAY))

    assert (40, 200.0, True, "5") == (
        detail.view.ended_at,
        detail.view.peak,
        detail.view.corrected,
        detail.view.case,
    )
    assert (150.0, "1", "HJ 633-2026 表3") == (detail.limit, detail.rule_version, detail.citation)
    assert [("raised", {"severity": "warning"}), ("cleared", {})] == [
        (one.change, one.details) for one in detail.changes
    ]


def test_judging_finds_its_episodes(county: Store, ids: list[int]) -> None:
    """The open one of each datastream, and those that lasted within a stretch."""
    found = county.read_now(lambda s: open_episodes(s, "t.policy", [1, 2, 3]))
    many = county.read_now(lambda s: open_episodes(s, "t.policy", list(range(1, 400))))

    assert {1: ids[1], 2: ids[2]} == {number: one.id for number, one in found.items()}
    assert found == many

    def between(start: int, end: int) -> list[int]:
        rows = county.read_now(lambda s: episodes_between(s, "t.policy", 1, start, end))
        return [one.started_at for one in rows]

    assert [10, 30] == between(20, 30)
    assert [10] == between(0, 29)
    assert [30] == between(21, 100)


def test_what_lasts_is_found_by_policy_station_and_case(county: Store, ids: list[int]) -> None:
    """Neither what has ended nor what was withdrawn; a single one is found in any case."""
    for one in ids:
        write(county, lambda tx, one=one: link_case(tx, one, 7))  # type: ignore[misc]

    def among(policies: list[str], numbers: list[int]) -> list[int]:
        found = county.read_now(lambda s: open_among(s, policies, numbers))
        return [one.started_at for one in found]

    assert [15, 30] == among(["t.policy", "t.other"], [1, 2])
    assert [15] == among(["t.policy"], [2])
    assert [] == among(["t.other"], [1, 2])
    assert [] == among([], [1])
    assert 2 == county.read_now(lambda s: count_lasting(s, 7))
    assert 0 == county.read_now(lambda s: count_lasting(s, 8))
    withdrawn = county.read_now(lambda s: find_episode(s, ids[3]))
    assert withdrawn is not None
    assert (50, True, 7) == (withdrawn.started_at, withdrawn.withdrawn, withdrawn.case)
    assert county.read_now(lambda s: find_episode(s, 999_999)) is None


def test_states_cannot_be_overtaken(county: Store) -> None:
    """A state is written over the one that was read, and over no other."""
    first = StateRow("t.policy", 1, 100, "{}")
    second = evolve(first, judged_until=200, skipped_from=150, skipped_to=180)
    write(county, lambda tx: save_states(tx, [None], [first]))
    write(county, lambda tx: save_states(tx, [first], [second]))

    for stale in (None, first):
        with pytest.raises(LeaseLost, match="1 of 1 judging states have moved"):
            write(county, lambda tx, old=stale: save_states(tx, [old], [first]))  # type: ignore[misc]
    assert {1: second} == county.read_now(lambda s: load_states(s, "t.policy", [1, 2]))
    assert [second] == county.read_now(lambda s: skipped_states(s, "t.policy", 10))
    assert {} == county.read_now(lambda s: load_states(s, "t.other", [1]))
    assert {} == county.read_now(lambda s: load_states(s, "t.policy", []))


def test_states_are_found_by_how_far_they_were_judged(county: Store) -> None:
    """Those judged at an instant or later, of one policy."""
    rows = [StateRow("t.policy", number, number * 100, "{}") for number in (1, 2, 3)]
    write(county, lambda tx: save_states(tx, [None] * 3, rows))

    assert rows[1:] == county.read_now(lambda s: states_of(s, "t.policy", 200))
    assert [] == county.read_now(lambda s: states_of(s, "t.other", 0))
