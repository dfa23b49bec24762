"""The SQL of cases, on each supported database."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from attrs import evolve

from county_gov.contract.access import SYSTEM
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView
from county_gov.store import Store, Transaction, idempotency, tables, tasks
from county_gov.store import cases as rows
from county_gov.store.tasks import NewTask

VIEW = CaseView("", "N-1", "demo", "a", 1, "990101", "标题", "s", 5, MappingProxyType({"x": 1}))


def insert(tx: Transaction) -> CaseView:
    """Insert a case with its opening."""
    case = rows.insert_case(tx, VIEW, workflow_version=3, drill=True)
    view = evolve(VIEW, id=str(case))
    rows.append_history(tx, view, event="", from_state="", actor=SYSTEM, data={"x": 1})
    return view


def move(tx: Transaction, view: CaseView, state: str, **data: int) -> bool:
    """Move a case and write its history."""
    after = evolve(view, state=state, version=view.version + 1, data={**view.data, **data})
    moved = rows.move_case(tx, after, final=False)
    if moved:
        rows.append_history(
            tx, after, event="go", from_state=view.state, actor=SYSTEM, data=dict(data)
        )
    return moved


def test_a_case_is_read_as_it_was_written(any_store: Store) -> None:
    """All that was given comes back; the data is read-only."""
    view = any_store.submit(insert).result()
    record = any_store.read_now(lambda s: rows.read_case(s, int(view.id)))
    assert record is not None
    assert (3, True, None) == (record.workflow_version, record.drill, record.closed_at)
    assert ("N-1", "标题", 5, {"x": 1}) == (
        record.view.number,
        record.view.title,
        record.view.opened_at,
        dict(record.view.data),
    )
    with pytest.raises(TypeError):
        record.view.data["x"] = 2  # type: ignore[index]
    assert any_store.read_now(lambda s: rows.read_case(s, 999)) is None


def test_only_the_expected_version_is_moved(any_store: Store) -> None:
    """The second of two moves from one version changes nothing and says so."""
    view = any_store.submit(insert).result()
    assert any_store.submit(lambda tx: move(tx, view, "b", y=2)).result()
    assert not any_store.submit(lambda tx: move(tx, view, "c", y=3)).result()
    record = any_store.read_now(lambda s: rows.read_case(s, int(view.id)))
    assert record is not None
    assert ("b", 2, {"x": 1, "y": 2}) == (
        record.view.state,
        record.view.version,
        dict(record.view.data),
    )


def test_an_earlier_version_can_be_read_again(any_store: Store) -> None:
    """State, data and participants come back as they were after each event."""
    view = any_store.submit(insert).result()
    case = int(view.id)

    def go(tx: Transaction) -> None:
        move(tx, view, "b", x=7)
        rows.add_participants(tx, case, units=["u"], persons=[4], since=2)
        rows.add_participants(tx, case, units=["u"], persons=[4], since=9)

    any_store.submit(go).result()
    first = any_store.read_now(lambda s: rows.view_at(s, case, 1))
    second = any_store.read_now(lambda s: rows.view_at(s, case, 2))
    assert first is not None
    assert second is not None
    assert ("a", {"x": 1}, (), ()) == (first.state, dict(first.data), first.units, first.persons)
    assert ("b", {"x": 7}, ("u",), (4,)) == (
        second.state,
        dict(second.data),
        second.units,
        second.persons,
    )
    assert any_store.read_now(lambda s: rows.view_at(s, case, 3)) is None


def test_serials_count_within_workflow_and_year_and_leave_no_gap(any_store: Store) -> None:
    """A change that is undone gives its serial back."""

    def refused(tx: Transaction) -> None:
        rows.next_serial(tx, "w", 2026)
        raise RuntimeError("undone")

    serials = [any_store.submit(lambda tx: rows.next_serial(tx, "w", 2026)).result()]
    with pytest.raises(RuntimeError):
        any_store.submit(refused).result()
    serials += [any_store.submit(lambda tx: rows.next_serial(tx, "w", 2026)).result()]
    others = [
        any_store.submit(lambda tx: rows.next_serial(tx, "w", 2027)).result(),
        any_store.submit(lambda tx: rows.next_serial(tx, "v", 2026)).result(),
    ]
    assert ([1, 2], [1, 1]) == (serials, others)


def test_a_task_ends_once(any_store: Store) -> None:
    """An ended task keeps by whom and how it ended."""
    view = any_store.submit(insert).result()
    case = int(view.id)

    def twice(tx: Transaction) -> None:
        tasks.insert_task(tx, view, NewTask(Text("办", "do"), "r", unit="u"))
        tasks.end_tasks(tx, case, actor=SYSTEM, outcome="one")
        tasks.end_tasks(tx, case, actor=SYSTEM, outcome="two")

    any_store.submit(twice).result()
    (task,) = any_store.read_now(lambda s: tasks.read_tasks(s, [case]))
    assert ("one", "系统", Text("办", "do"), "u") == (
        task.outcome,
        task.ended_by,
        task.title,
        task.unit,
    )
    assert () == any_store.read_now(lambda s: tasks.read_tasks(s, [case], open_only=True))


def test_a_key_is_kept_once_and_forgotten_in_time(any_store: Store) -> None:
    """A second result under one key does not replace the first; requests' keys can be dropped."""
    result = rows.KeptResult(fingerprint="f", case=1, version=2)
    any_store.submit(lambda tx: rows.keep_result(tx, "account:1", "k", result)).result()
    assert result == any_store.read_now(lambda s: rows.kept_result(s, "account:1", "k"))
    assert any_store.read_now(lambda s: rows.kept_result(s, "account:2", "k")) is None
    other = rows.KeptResult(fingerprint="g", case=1, version=3)
    any_store.submit(lambda tx: rows.keep_result(tx, "account:1", "k", other)).result()
    assert result == any_store.read_now(lambda s: rows.kept_result(s, "account:1", "k"))
    any_store.submit(lambda tx: rows.keep_result(tx, "account:2", "k", result)).result()

    later = any_store.clock.now() + 1

    def forget(limit: int) -> int:
        found = any_store.read_now(lambda s: idempotency.old(s, before=later, limit=limit))
        if found:
            any_store.submit(lambda tx: idempotency.forget(tx, found)).result()
        return len(found)

    any_store.submit(lambda tx: rows.keep_result(tx, "system:系统", "k", result)).result()
    assert [1, 1, 0] == [forget(1) for _ in range(3)]
    assert result == any_store.read_now(lambda s: rows.kept_result(s, "system:系统", "k"))


def test_names_of_what_does_not_exist_are_left_out(any_store: Store) -> None:
    """Unknown units and accounts are simply not there."""

    def fill(tx: Transaction) -> None:
        tx.insert(tables.units, code="u", name="单位", kind="k", area="990101")
        tx.insert(tables.accounts, login="l", name="名", password="-", active=0, created_at=0)

    any_store.submit(fill).result()
    names = any_store.read_now(lambda s: rows.unit_names(s, ["u", "v"]))
    assert {"u": Text("单位")} == names
    assert {} == any_store.read_now(lambda s: rows.accounts_by_number(s, [1, 2]))
    known = any_store.read_now(lambda s: rows.accounts_by_number(s, [1, 2], active_only=False))
    assert [1] == list(known)
