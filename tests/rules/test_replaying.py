"""Judging again looks at no more rows than a change touches, however long the history is."""

from __future__ import annotations

import pytest

from county_gov.contract.clock import HOUR
from county_gov.contract.rule import Latest, Window
from county_gov.store import Store
from tests.rules.ledger import Memory, Row, Told, empty_tables, standing
from tests.rules.test_joining import (
    FIRST,
    PERIOD,
    SECOND,
    Dated,
    expected,
    judging_of,
    rule_of,
    run,
)


@pytest.mark.parametrize("hold_for", [0, HOUR])
def test_late_joined_readings_are_judged_with_the_rows_they_touch(
    shared_store: Store, hold_for: int
) -> None:
    """Two weeks of rows that nothing was known of: each late reading touches those of an hour."""
    empty_tables(shared_store)
    memory, dated = Memory(), Dated()
    rule = rule_of(Latest(FIRST), Window(SECOND, HOUR, "sum"))
    judging = judging_of(rule, memory, dated, hold_for)
    slots = range(14 * 24 * 3)
    run(shared_store, judging, [Told(memory.land([Row(1, n * PERIOD, 1000) for n in slots]))])
    (desk,) = judging._desks  # the figure stands nowhere else
    before = desk.judge.rows_judged

    late = range(500, 600)
    for slot in late:
        run(shared_store, judging, [Told(memory.land([Row(3, slot * PERIOD, 100)]))])

    touched = 4 if hold_for == 0 else 120
    assert len(late) * touched >= desk.judge.rows_judged - before
    assert expected(memory, dated, rule, hold_for) == standing(shared_store)
