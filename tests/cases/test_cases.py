"""Opening and moving cases through the real store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa
from attrs import evolve

from county_gov.cases import OPEN_PERMISSION, CaseDetail
from county_gov.contract.access import SYSTEM, Actor, Scope
from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView, Event
from county_gov.errors import (
    CaseConflict,
    CaseNotFound,
    DeploymentError,
    EventDataInvalid,
    EventNotAllowed,
)
from county_gov.store import tables
from tests.cases.world import (
    ACT,
    NORTH_GRID,
    READ,
    SOUTH_GRID,
    WORKFLOW,
    World,
    actor,
    make_cases,
)
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from county_gov.store import Store

EVERYWHERE = Scope.everything()


async def to_handling(world: World, case: CaseView) -> CaseView:
    """Bring a new case to the environment department."""
    case = await world.send(case, "dispatch", actor(1), worker_account=3, note="去看看")
    return await world.send(case, "report", actor(3), source="yes", handling_unit="environment")


async def detail_of(world: World, case: CaseView) -> CaseDetail:
    """Read a case as somebody who sees everything."""
    return await world.cases.get(EVERYWHERE, case.id)


async def test_a_case_goes_from_opening_to_closed(any_world: World) -> None:
    """Every step is in the history, each state's task is open while it lasts, versions count."""
    case = await any_world.open()
    assert ("YW-990101-2023-000001", "waiting", 1) == (case.number, case.state, case.version)
    case = await to_handling(any_world, case)
    case = await any_world.send(case, "close", actor(5))
    detail = await detail_of(any_world, case)
    assert ["", "dispatch", "report", "close"] == [one.event for one in detail.history]
    assert [1, 2, 3, 4] == [one.sequence for one in detail.history]
    assert ["waiting", "on_site", "handling", "closed"] == [one.to_state for one in detail.history]
    assert detail.task is None
    assert ["dispatch", "report", "close"] == [task.outcome for task in detail.tasks]
    assert detail.closed_at is not None
    assert {
        "station": "奥体",
        "worker_account": 3,
        "note": "去看看",
        "source": "yes",
        "handling_unit": "environment",
    } == dict(detail.view.data)
    assert {"source": "yes", "handling_unit": "environment"} == dict(detail.history[2].data)
    assert (("environment",), (3,)) == (detail.view.units, detail.view.persons)


async def test_each_step_leaves_its_traces_at_once(any_world: World) -> None:
    """History, audit, journal, outbox and idempotency key are all there after one event."""
    case = await any_world.open()
    await any_world.send(case, "dispatch", actor(1), worker_account=3)
    counts = {
        name: any_world.count(name)
        for name in ("case_events", "journal", "idempotency_keys", "tasks", "outbox")
    }
    expected = {"case_events": 2, "journal": 2, "idempotency_keys": 2, "tasks": 2, "outbox": 3}
    assert expected == counts
    assert [
        ("系统", "case.open", f"case:{case.id}"),
        ("陈甲", "case.move", f"case:{case.id}"),
    ] == any_world.audit("done")


async def test_numbers_have_no_gap_after_a_refused_opening(world: World) -> None:
    """A refused opening takes no number with it."""
    await world.open()
    with pytest.raises(EventDataInvalid):
        await world.cases.open(
            WORKFLOW.id, title="t", area=NORTH_GRID, subject="", data={}, actor=SYSTEM, key=""
        )
    assert "YW-990101-2023-000002" == (await world.open()).number


async def test_the_systems_titles_are_mended_and_a_persons_refused(world: World) -> None:
    """An alert is not lost over a name; a person is told what to leave out."""
    clerk = actor(7, permissions=(OPEN_PERMISSION, READ))

    async def opened(title: str, by: Actor) -> CaseView:
        return await world.cases.open(
            WORKFLOW.id,
            title=title,
            area=NORTH_GRID,
            subject="s\x00",
            data={},
            actor=by,
            key=world.key(),
        )

    mended = await opened("烟\x1b雾\ud800" + "长" * 300, SYSTEM)
    assert ("烟雾", 200, "s") == (mended.title[:2], len(mended.title), mended.subject)
    assert "烟雾" == (await opened("\n", SYSTEM)).title
    with pytest.raises(EventDataInvalid) as caught:
        await opened("", clerk)
    assert ["title", "subject"] == [one.place for one in caught.value.problems]


async def test_numbers_begin_anew_with_the_local_year(world: World, clock: StandingClock) -> None:
    """The year is the county's: 31 December 16:00 UTC is 1 January in Shanghai."""
    clock.instant = 1_704_038_399_000_000
    assert "YW-990101-2023-000001" == (await world.open()).number
    clock.advance(seconds=1)
    assert "YW-990101-2024-000001" == (await world.open()).number


async def test_the_same_key_gives_the_first_result(any_world: World) -> None:
    """A repeated request changes nothing, even after the case has moved on."""
    case = await any_world.open(key="once")
    assert case.id == (await any_world.open(key="once")).id
    moved = await any_world.send(case, "dispatch", actor(1), key="k", worker_account=3)
    await any_world.send(moved, "report", actor(3), source="no", handling_unit="water")
    again = await any_world.send(case, "dispatch", actor(1), key="k", worker_account=3)
    assert (moved.version, moved.state, moved.persons, moved.units) == (
        again.version,
        again.state,
        again.persons,
        again.units,
    )
    assert dict(moved.data) == dict(again.data)
    assert 3 == any_world.count("case_events")


async def test_the_same_key_for_something_else_is_refused(world: World) -> None:
    """A key stands for one request; another actor's key is another key."""
    case = await world.open()
    case = await world.send(case, "dispatch", actor(1), key="k", note="a")
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(case, "send_back", actor(1), key="k")
    assert "idempotency" == caught.value.code
    await world.send(case, "send_back", actor(3), key="k")


async def test_a_stale_version_is_a_conflict_that_names_the_current_one(world: World) -> None:
    """Who looked at an older version is told which one there is now."""
    case = await world.open()
    await world.send(case, "dispatch", actor(1), worker_account=3)
    with pytest.raises(CaseConflict) as caught:
        await world.send(case, "withdraw", actor(2))
    assert 2 == caught.value.current


async def test_one_case_is_moved_by_one_of_two_that_wait_together(world: World) -> None:
    """Both passed the checks on the same version; the transaction lets one of them in."""
    case = await world.open()
    results = await asyncio.gather(
        world.send(case, "dispatch", actor(1), note="eins"),
        world.send(case, "dispatch", actor(2), note="zwei"),
        return_exceptions=True,
    )
    assert 1 == sum(isinstance(one, CaseView) for one in results)
    assert 1 == sum(isinstance(one, CaseConflict) for one in results)


async def test_nobody_sees_or_moves_a_case_of_another_township(world: World) -> None:
    """Out of scope a case does not exist, and the attempt is in the audit trail."""
    case = await world.open(area=NORTH_GRID)
    stranger = actor(4)
    with pytest.raises(CaseNotFound):
        await world.cases.get(stranger, case.id)
    with pytest.raises(CaseNotFound):
        await world.send(case, "withdraw", stranger)
    assert [] == list((await world.cases.find(stranger))[0])
    assert [
        ("郭丁", "case.read", f"case:{case.id}"),
        ("郭丁", "case.move", f"case:{case.id}"),
    ] == world.audit("refused")


async def test_a_confidential_case_is_for_who_takes_part(store: Store, world: World) -> None:
    """Permission and area are not enough to see or move it; the given task is."""
    case = await world.send(await world.open(), "dispatch", actor(1), worker_account=3)
    cases = make_cases(store, evolve(WORKFLOW, confidential=True))
    with pytest.raises(CaseNotFound):
        await cases.get(actor(7), case.id)
    with pytest.raises(CaseNotFound):
        await cases.send_event(
            case.id, "withdraw", data={}, actor=actor(7), expected_version=case.version, key="k"
        )
    assert case.id == (await cases.get(actor(3), case.id)).view.id
    assert frozenset() == await cases.seen(SYSTEM, [case.id], plugin="other")
    assert frozenset({case.id}) == await cases.seen(SYSTEM, [case.id], plugin="demo")
    assert cases.hides(case.workflow, "other")
    assert not cases.hides(case.workflow, "demo")


@pytest.mark.parametrize("case_id", ["", "0", "-1", "1.0", "a", "9" * 30, "１", "01", "1\n"])
async def test_ids_that_cannot_be_are_not_found(world: World, case_id: str) -> None:
    """Whatever stands in an address, it is a case or it is not found."""
    with pytest.raises(CaseNotFound):
        await world.cases.get(EVERYWHERE, case_id)


async def test_reading_is_not_acting(world: World) -> None:
    """Who may only read is told that the permission is missing, and that is recorded."""
    case = await world.open()
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(case, "dispatch", actor(1, permissions=(READ,)))
    assert "permission" == caught.value.code
    assert [("陈甲", "case.move", f"case:{case.id}")] == world.audit("refused")


async def test_the_task_belongs_to_whom_it_was_given(world: World) -> None:
    """Neither another role nor, once a unit has it, another unit may do the task."""
    case = await world.open()
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(case, "dispatch", actor(3))
    assert "task" == caught.value.code
    case = await to_handling(world, case)
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(case, "close", actor(6))
    assert "task" == caught.value.code
    await world.send(case, "close", actor(5))


async def test_any_holder_of_the_permission_may_withdraw(world: World) -> None:
    """An event for any holder does not ask for the task."""
    case = await world.open()
    withdrawn = await world.send(case, "withdraw", actor(3))
    assert "closed" == withdrawn.state
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(withdrawn, "withdraw", actor(3))
    assert "state" == caught.value.code


async def test_an_unknown_event_names_the_known_ones(world: World) -> None:
    """The refusal of an unknown event says which there are."""
    case = await world.open()
    with pytest.raises(EventNotAllowed, match="dispatch, report") as caught:
        await world.send(case, "\ud800", actor(1))
    assert "event" == caught.value.code


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"worker_account": 4}, "worker_account"),
        ({"worker_account": 999}, "worker_account"),
        ({"worker_account": "3"}, "worker_account"),
        ({"note": "x" * 51}, "note"),
        ({"noot": "x"}, "noot"),
    ],
)
async def test_data_that_breaks_the_form_names_its_field(
    world: World, data: dict[str, Value], place: str
) -> None:
    """Types, lengths, unknown fields and persons without the role are refused by name."""
    case = await world.open()
    with pytest.raises(EventDataInvalid) as caught:
        await world.cases.send_event(
            case.id, "dispatch", data=data, actor=actor(1), expected_version=1, key="k"
        )
    assert [place] == [problem.place for problem in caught.value.problems]
    assert 1 == (await detail_of(world, case)).view.version


async def test_a_unit_must_be_in_the_register(world: World) -> None:
    """A unit that nobody knows cannot be given a case."""
    case = await world.send(await world.open(), "dispatch", actor(1), worker_account=3)
    with pytest.raises(EventDataInvalid, match="not a unit"):
        await world.send(case, "report", actor(3), source="no", handling_unit="nowhere")


async def test_a_guard_objects_in_its_own_words(world: World) -> None:
    """The guard's text comes back in both languages."""
    case = await world.open()
    with pytest.raises(EventNotAllowed) as caught:
        await world.send(case, "dispatch", actor(1), note="object")
    assert ("guard", "不行", "no") == (caught.value.code, caught.value.zh, caught.value.en)


async def test_a_guard_that_raises_refuses_only_its_event(store: Store, world: World) -> None:
    """The event is refused and recorded; other events of the case go on."""

    def broken(*_: object) -> Text | None:
        raise ZeroDivisionError("1/0")

    dispatch = WORKFLOW.event("dispatch")
    assert dispatch is not None
    events = tuple(
        evolve(one, guards=(broken,)) if one.id == "dispatch" else one for one in WORKFLOW.events
    )
    world.cases = make_cases(store, evolve(WORKFLOW, events=events))
    case = await world.open()
    with pytest.raises(EventNotAllowed, match="ZeroDivisionError") as caught:
        await world.send(case, "dispatch", actor(1))
    assert "guard_failed" == caught.value.code
    assert [("陈甲", "case.move", f"case:{case.id}")] == world.audit("refused")
    assert "closed" == (await world.send(case, "withdraw", actor(1))).state


async def test_a_person_opens_a_case_only_where_permitted(world: World) -> None:
    """Opening by hand needs its permission for the area; an unknown area is refused."""
    clerk = actor(7, permissions=(OPEN_PERMISSION, READ))
    assert "waiting" == (await world.open(by=clerk)).state
    with pytest.raises(EventNotAllowed) as caught:
        await world.open(by=clerk, area=SOUTH_GRID)
    assert "permission" == caught.value.code
    with pytest.raises(EventNotAllowed):
        await world.open(by=actor(7))
    with pytest.raises(EventDataInvalid, match="not an area"):
        await world.open(by=clerk, area="1")


async def test_actions_are_what_would_be_allowed(world: World) -> None:
    """The buttons of a person are the events that the transaction would take from that person."""
    case = await world.open()

    async def possible(who: Actor) -> list[str]:
        detail = await detail_of(world, case)
        events: tuple[Event, ...] = world.cases.actions(detail, who)
        return [event.id for event in events]

    assert ["dispatch", "withdraw"] == await possible(actor(1))
    assert ["withdraw"] == await possible(actor(3))
    assert [] == await possible(actor(4))
    case = await world.send(case, "dispatch", actor(1), worker_account=3)
    assert ["report", "send_back", "withdraw"] == await possible(actor(3))
    assert ["withdraw"] == await possible(actor(1))


async def test_mine_are_the_cases_with_a_task_of_mine(any_world: World) -> None:
    """A task for a named person or unit is only theirs; one for a role is every holder's."""
    north = await any_world.open(area=NORTH_GRID)
    south = await any_world.open(area=SOUTH_GRID)

    async def mine(who: Actor) -> list[str]:
        rows, total = await any_world.cases.find(who, mine=who, sort="opened")
        assert len(rows) == total
        return [row.view.id for row in rows]

    assert {north.id, south.id} == set(await mine(actor(1)))
    assert [] == await mine(actor(3))
    north = await any_world.send(north, "dispatch", actor(1), worker_account=3)
    south = await any_world.send(south, "dispatch", actor(1))
    assert [north.id] == await mine(actor(3))
    assert [south.id] == await mine(actor(4))
    await any_world.send(north, "report", actor(3), source="no", handling_unit="environment")
    assert [north.id] == await mine(actor(5))
    assert [] == await mine(actor(6))


async def test_lists_are_paged_sorted_filtered_and_counted(any_world: World) -> None:
    """Pages fit together, totals are of the whole, filters narrow, text is not a pattern."""
    for _ in range(5):
        await any_world.open(area=NORTH_GRID)
    closed = await any_world.send(await any_world.open(area=SOUTH_GRID), "withdraw", actor(1))
    find = any_world.cases.find
    first, total = await find(EVERYWHERE, sort="number", limit=4)
    rest, _ = await find(EVERYWHERE, sort="number", limit=4, offset=4)
    numbers = [row.view.number for row in (*first, *rest)]
    assert (6, sorted(numbers)) == (total, numbers)
    assert 5 == (await find(EVERYWHERE, open_only=True))[1]
    assert 1 == (await find(EVERYWHERE, state="closed"))[1]
    assert 1 == (await find(EVERYWHERE, within=SOUTH_GRID[:9]))[1]
    assert 1 == (await find(EVERYWHERE, text=closed.number.lower()))[1]
    assert 0 == (await find(EVERYWHERE, text="%"))[1]
    counts = await any_world.cases.counts(EVERYWHERE)
    assert {("demo.smoke", "waiting"): 5, ("demo.smoke", "closed"): 1} == counts
    assert {} == await any_world.cases.counts(actor(4), open_only=True)
    with pytest.raises(ValueError, match="sort"):
        await find(EVERYWHERE, sort="data")
    with pytest.raises(ValueError, match="limit"):
        await find(EVERYWHERE, limit=501)


@pytest.mark.parametrize("odd", ["\ud800", "a\x00b", "%_\\'\"", "\u202e", "x" * 100_000])
async def test_odd_texts_from_an_address_harm_nothing(any_world: World, odd: str) -> None:
    """Filters, areas, events, keys and ids take any text without an error of the database."""
    case = await any_world.open()
    find = any_world.cases.find
    for filters in ({"workflow": odd}, {"state": odd}, {"text": odd}, {"within": odd}):
        assert 0 == (await find(EVERYWHERE, **filters))[1]  # type: ignore[arg-type]
    clerk = actor(7, permissions=(OPEN_PERMISSION, READ))
    with pytest.raises(EventDataInvalid, match="not an area"):
        await any_world.open(by=clerk, area=odd)
    with pytest.raises(EventNotAllowed):
        await any_world.send(case, odd, actor(1))
    with pytest.raises(EventDataInvalid, match="ASCII"):
        await any_world.send(case, "dispatch", actor(1), key=odd + "é")
    with pytest.raises(CaseNotFound):
        await any_world.cases.get(actor(1), odd)
    with pytest.raises(CaseNotFound):
        await any_world.send(case, odd, actor(4))


async def test_notices_go_to_whom_the_task_goes(any_world: World) -> None:
    """The named worker alone is told, in that person's language, and a drill says so."""
    case = await any_world.open(area=SOUTH_GRID, drill=True)
    await any_world.send(case, "dispatch", actor(1), worker_account=4, note="去 {number}")
    columns = tables.outbox.c
    statement = sa.select(columns.recipient, columns.subject, columns.body, columns.drill).order_by(
        columns.id
    )
    rows = [tuple(row) for row in any_world.store.read_now(lambda s: s.rows(statement))]
    assert [
        ("chen", f"【演练】待派单 {case.number}", "【演练】烟雾很大（区990101002001001，奥体）", 1),
        ("deng", f"【演练】待派单 {case.number}", "【演练】烟雾很大（区990101002001001，奥体）", 1),
        ("guo", f"[DRILL] Go and look: {case.number}", "[DRILL] 陈甲: 去 {number}", 1),
    ] == rows


async def test_participants_are_told_but_not_who_acts(world: World) -> None:
    """Members of a participating unit are told; the reporter knows already."""
    await to_handling(world, await world.open())
    columns = tables.outbox.c
    statement = sa.select(columns.recipient, columns.body).where(columns.key.like("case:%:3:%"))
    rows = [tuple(row) for row in world.store.read_now(lambda s: s.rows(statement))]
    assert [("hu", "source: found")] == rows


async def test_a_notice_to_nobody_is_recorded(world: World) -> None:
    """Where nobody holds the role, the audit trail says that the notice found no recipient."""
    posts = tables.posts
    await world.store.write(
        lambda tx: tx.execute(sa.delete(posts).where(posts.c.role == "dispatch_centre"))
    )
    case = await world.open()
    assert [("系统", "notice.unaddressed", f"case:{case.id}")] == world.audit("failed")


async def test_followers_learn_the_case_as_it_was_then(any_world: World) -> None:
    """A journal entry gives the case right after its event, however far it has gone since."""
    case = await any_world.open()
    await to_handling(any_world, case)
    columns = tables.journal.c
    statement = sa.select(columns.position, columns.ref, columns.payload).order_by(columns.position)
    entries = any_world.store.read_now(lambda s: s.rows(statement))
    moved = [await any_world.cases.moved(row.position, row.payload) for row in entries]
    assert ["", "dispatch", "report"] == [one.event for one in moved]
    assert ["waiting", "on_site", "handling"] == [one.case.state for one in moved]
    assert [(), (3,), (3,)] == [one.case.persons for one in moved]
    assert {case.id} == {row.ref for row in entries}
    assert "waiting" == msgspec.json.decode(entries[0].payload)["state"]


async def test_a_title_in_both_languages_is_shown_and_found_in_both(any_world: World) -> None:
    """A title given as a text keeps its English; what a person wrote is shown as it is."""
    cases = any_world.cases
    case = await cases.open(
        WORKFLOW.id,
        title=Text(zh="水库汛情：鹿野水库", en="Reservoir flood: Luye"),
        area=NORTH_GRID,
        subject="luye",
        data={"station": "奥体"},
        actor=SYSTEM,
        key="both",
    )
    read = (await cases.get(EVERYWHERE, case.id)).view
    assert "水库汛情：鹿野水库" == read.title == read.title_in("zh")
    assert "Reservoir flood: Luye" == read.title_in("en")
    for words in ("鹿野", "flood: luye"):
        found, _total = await cases.find(EVERYWHERE, text=words)
        assert [case.id] == [one.view.id for one in found]
    alone = await any_world.open()
    assert "烟雾很大" == alone.title_in("zh") == alone.title_in("en")


async def test_opening_in_a_transaction_that_fails_leaves_nothing(world: World) -> None:
    """A case opened in somebody's transaction is undone with it."""

    def judge(tx: object) -> None:
        world.cases.open_in(
            tx,  # type: ignore[arg-type]
            WORKFLOW.id,
            title="t",
            area=NORTH_GRID,
            subject="s",
            data={},
            actor=SYSTEM,
            key="judge",
        )
        raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError, match="afterwards"):
        await world.store.write(judge)
    assert 0 == world.count("cases") + world.count("outbox") + world.count("case_serials")


async def test_cases_of_a_disabled_workflow_stay_readable(store: Store, world: World) -> None:
    """Without their workflow cases can still be read everywhere, and nothing can be done."""
    case = await world.open()
    other = evolve(WORKFLOW, id="demo.other", number="X{year}{serial}")
    world.cases = make_cases(store, other)
    detail = await detail_of(world, case)
    assert () == world.cases.actions(detail, actor(1))
    with pytest.raises(CaseNotFound):
        await world.send(case, "withdraw", actor(1))


def test_all_problems_of_all_workflows_refuse_the_start(store: Store) -> None:
    """The start names every problem of every workflow at once."""
    broken = evolve(WORKFLOW, initial="nowhere", read_permission="")
    with pytest.raises(DeploymentError) as caught:
        make_cases(store, broken, evolve(broken, id="demo.twin"))
    places = [problem.place for problem in caught.value.problems]
    assert 2 == sum(place.endswith(".initial") for place in places)
    assert "workflow demo.twin.number" in places


async def test_a_device_needs_the_permission_like_anybody(world: World) -> None:
    """A device without scopes sees nothing; with one it may make events for any holder."""
    case = await world.open()
    with pytest.raises(CaseNotFound):
        await world.send(case, "withdraw", Actor(kind="device", name="d1"))
    device = Actor(kind="device", name="d1", scopes={ACT: Scope.everything()})
    with pytest.raises(EventNotAllowed):
        await world.send(case, "dispatch", device)
    assert "closed" == (await world.send(case, "withdraw", device)).state
