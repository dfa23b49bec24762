"""The pollution case: every way through it ends, and its guards say who may do what."""

from __future__ import annotations

import re

import pytest

from county_gov.api import Actor, CaseView, Text, Value
from county_gov_sensors.pollution import (
    PERMISSIONS,
    POLLUTION,
    READ,
    a_found_source_is_described,
    only_the_assigned_worker,
)

WAY = ("dispatch", "report", "sign_for", "feed_back", "close")


def case(**data: Value) -> CaseView:
    """A case in the hands of somebody."""
    return CaseView(
        "1",
        "WR-990101-2026-000001",
        "sensors.pollution",
        "on_site",
        2,
        "990101001",
        "",
        "",
        0,
        data,
    )


def person(account: int) -> Actor:
    """A person."""
    return Actor("person", "示范·丙", account)


def test_the_short_way_leads_to_the_end() -> None:
    """Dispatch, report, sign for, feed back, close: each goes on from where the last one ended."""
    state = POLLUTION.initial
    for name in WAY:
        event = POLLUTION.event(name)
        assert event is not None
        assert state in event.sources
        state = event.target

    assert POLLUTION.state(state).final


def test_every_state_can_be_reached_and_left() -> None:
    """No case is stranded; every state that is not final has a task."""
    moves = {(source, event.target) for event in POLLUTION.events for source in event.sources}
    reached, waiting = {POLLUTION.initial}, [POLLUTION.initial]
    while waiting:
        here = waiting.pop()
        new = {target for source, target in moves if source == here} - reached
        reached |= new
        waiting += new

    assert {state.id for state in POLLUTION.states} == reached
    assert {state.id for state in POLLUTION.states if not state.final} == {
        source for source, _ in moves
    }
    assert all((state.task is None) == state.final for state in POLLUTION.states)


def test_only_known_permissions_and_fields_are_named() -> None:
    """Permissions are declared; what notices quote is a field of the case."""
    declared = {one.id for one in PERMISSIONS}
    fields = {field.name for event in POLLUTION.events for field in event.form.fields}
    fields |= {"number", "title", "subject", "area"}
    notices = [*POLLUTION.opened_notices, *(n for e in POLLUTION.events for n in e.notices)]
    quoted = {
        name
        for notice in notices
        for text in (notice.subject.zh, notice.subject.en, notice.body.zh, notice.body.en)
        for name in re.findall(r"{(\w*)}", text)
    }

    assert {READ, *(event.permission for event in POLLUTION.events)} == declared
    assert quoted <= fields


def test_everything_is_said_in_both_languages() -> None:
    """States, tasks, events, fields, choices and consequences have an English text."""
    texts: list[Text] = [POLLUTION.title]
    for state in POLLUTION.states:
        texts += [state.title, *([state.task.title] if state.task else [])]
    for event in POLLUTION.events:
        texts += [event.title, *([event.consequence] if event.consequence else [])]
        for field in event.form.fields:
            texts += [field.title, *(words for _, words in field.choices)]

    assert [] == [text.zh for text in texts if not text.en]


@pytest.mark.parametrize(("account", "allowed"), [(7, True), (8, False)])
def test_only_the_assigned_worker_reports(account: int, allowed: bool) -> None:
    """Another grid worker is told why not."""
    answer = only_the_assigned_worker(case(worker_account=7), person(account), {})

    assert allowed == (answer is None)


def test_the_system_is_no_grid_worker() -> None:
    """An actor without an account never passes for the assigned person."""
    system = Actor("system", "系统")

    assert only_the_assigned_worker(case(), system, {}) is not None


@pytest.mark.parametrize(
    ("found", "description", "allowed"),
    [("yes", "", False), ("yes", "  ", False), ("yes", "露天焚烧", True), ("no", "", True)],
)
def test_a_found_source_needs_words(found: str, description: str, allowed: bool) -> None:
    """Yes without a description is refused."""
    data: dict[str, Value] = {"source_found": found, "source_description": description}

    assert allowed == (a_found_source_is_described(case(), person(1), data) is None)
