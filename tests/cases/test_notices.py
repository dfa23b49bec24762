"""Templates of notices know names and nothing else."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from county_gov.cases.notices import Occasion, compose, fill, placeholders, words_of
from county_gov.contract.schema import Field, Schema, Value
from county_gov.contract.workflow import CaseView, Notice
from tests.cases.world import WORKFLOW, words

FIELDS = Schema(
    fields=(
        Field("amount", "int64", words("金额"), decimals=2),
        Field("day", "date", words("日")),
        Field("at", "instant", words("时")),
        Field("seen", "bool", words("见")),
        Field("worker_account", "int64", words("人")),
        Field("kind", "text", words("类"), choices=(("a", words("甲", "first")),)),
        Field("free", "text", words("文")),
    )
)


def occasion(**data: Value) -> Occasion:
    """Give an occasion with this data."""
    view = CaseView(
        "1", "N-1", WORKFLOW.id, "waiting", 2, "990101", "标题", "s", 1_772_323_200_000_000, data
    )
    return Occasion(
        workflow=evolve(WORKFLOW, data=FIELDS, events=()),
        view=view,
        event=words("派单", "dispatch"),
        actor="陈甲",
        area=words("示范县", "Demo"),
        names={"worker_account": words("高丙", "Gao")},
        timezone=ZoneInfo("Asia/Shanghai"),
    )


def test_values_are_written_for_people() -> None:
    """Scaled numbers, days, instants, choices, truths and persons are written as people do."""
    given = occasion(amount=-1205, day=1, at=0, seen=True, worker_account=3, kind="a", free=None)
    found = words_of(given, "en")
    expected = {
        "amount": "-12.05",
        "day": "1970-01-02",
        "at": "1970-01-01 08:00",
        "seen": "yes",
        "worker_account": "Gao",
        "kind": "first",
        "free": "—",
        "opened_at": "2026-03-01 08:00",
        "state": "waiting",
        "area": "Demo",
    }
    assert expected == {name: found[name] for name in expected}
    assert ("是", "高丙", "甲", "示范县") == tuple(
        words_of(given, "zh")[name] for name in ("seen", "worker_account", "kind", "area")
    )


def test_the_title_is_told_in_the_language_of_whom_it_is_told() -> None:
    """A title that has an English one is told so to who reads English."""
    given = occasion()
    given = evolve(given, view=evolve(given.view, title_en="Title"))
    assert ["标题", "Title"] == [words_of(given, language)["title"] for language in ("zh", "en")]


def test_braces_in_data_are_only_text() -> None:
    """What a person typed is never read as a template."""
    notice = Notice("clerk", words("{free}"), words("{{{free}}}"))
    subject, body = compose(notice, occasion(free="{number} {0.__class__}\nx"), language="zh")
    assert ("{number} {0.__class__} x", "{{number} {0.__class__}\nx}") == (subject, body)


def test_long_texts_are_cut_and_subjects_have_one_line() -> None:
    """A subject has 200 characters and a body 4,000 at most."""
    notice = Notice("clerk", words("{free}"), words("{free}"))
    subject, body = compose(notice, occasion(free="长\n" * 5000), language="zh")
    assert (200, 4000, False) == (len(subject), len(body), "\n" in subject)


@given(st.text(alphabet="{}ab!:.[]0_ 中"))
def test_any_template_is_either_refused_or_filled(template: str) -> None:
    """What passes the check at start can be filled when it counts."""
    try:
        names = placeholders(template)
    except ValueError:
        return
    assert all(name.isidentifier() for name in names)
    fill(template, dict.fromkeys(names, "x"))


@pytest.mark.parametrize(
    "template", ["{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{}", "{0}", "{a", "a}"]
)
def test_more_than_a_name_is_refused(template: str) -> None:
    """No attribute, index, conversion, specification or number gets through."""
    with pytest.raises(ValueError, match=r"expected|encountered"):
        placeholders(template)
