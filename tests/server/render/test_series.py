"""A chart's data: nothing lost, nothing that could end its element, gaps stay gaps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.page import Line, Series
from county_gov.contract.text import Text
from county_gov.server.render.series import chart_json, numbers, script_safe

TITLE = Text(zh="标题", en="Title")
YEARS = st.integers(1_000_000_000_000_00, 2_000_000_000_000_000)


@given(st.recursive(st.text() | st.none() | st.integers(), st.lists, max_leaves=5))
def test_script_safe_json_means_the_same(value: object) -> None:
    """Escaped JSON has no character that HTML would read, and decodes to the same value."""
    safe = script_safe(json.dumps(value, ensure_ascii=False))
    assert not set(str(safe)) & set("<>&\u2028\u2029")
    assert value == json.loads(str(safe))


def test_a_hostile_label_cannot_end_the_element() -> None:
    """A label with a closing tag stays inside the JSON."""
    hostile = Text(zh="</script><script>alert(1)</script><!--")
    line = Line(hostile, np.array([0]), np.array([1.0]))
    text = str(
        chart_json(
            Series("s", TITLE, "<b>", (line,)), language="zh", timezone=ZoneInfo("UTC"), now=0
        )
    )
    assert "<" not in text
    assert hostile.zh == json.loads(text)["lines"][0]["label"]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "UTC"])
@given(times=st.lists(YEARS, min_size=1, max_size=40))
def test_wall_clock_is_what_the_county_s_clocks_show(zone: str, times: list[int]) -> None:
    """Each instant's milliseconds, read as UTC, are its local time, also where clocks changed."""
    timezone = ZoneInfo(zone)
    line = Line(TITLE, np.array(sorted(times), dtype=np.int64), np.zeros(len(times)))
    data = json.loads(
        str(chart_json(Series("s", TITLE, "", (line,)), language="zh", timezone=timezone, now=0))
    )
    for at, shown in zip(sorted(times), data["lines"][0]["times"], strict=True):
        local = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(timezone)
        read = datetime.fromtimestamp(shown // 1000, UTC)
        assert local.replace(tzinfo=None) == read.replace(tzinfo=None)


@given(
    st.lists(
        st.dictionaries(st.integers(0, 30), st.floats(allow_infinity=False), max_size=20),
        min_size=1,
        max_size=3,
    )
)
def test_the_table_has_every_instant_once(lines: list[dict[int, float]]) -> None:
    """The table's rows are the union of all instants, newest first, with each line's own value."""
    series = Series(
        "s",
        TITLE,
        "",
        tuple(
            Line(
                TITLE,
                np.array(list(one), dtype=np.int64),
                np.array(list(one.values()), dtype=float),
            )
            for one in lines
        ),
    )
    table = numbers(series, whole=True)
    assert sorted({at for one in lines for at in one}, reverse=True) == [at for at, _ in table.rows]
    assert len(table.rows) == table.total
    for at, values in table.rows:
        expected = [one.get(at) for one in lines]
        kept = [None if value is None or np.isnan(value) else value for value in expected]
        assert kept == list(values)
