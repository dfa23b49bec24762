"""What is wrong is said in Chinese, whatever the checks find."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.problem_words import problem_words
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.values import normalise

SCHEMA = Schema(
    (
        Field("code", "text", Text(zh="编码"), maximum=3),
        Field("state", "text", Text(zh="状况"), choices=(("new", Text(zh="新")),)),
        Field("count", "int64", Text(zh="数"), minimum=0, maximum=9),
        Field("flow", "float64", Text(zh="流量"), decimals=1),
        Field("share", "float64", Text(zh="比例")),
        Field("ready", "bool", Text(zh="可用")),
        Field("day", "date", Text(zh="日期")),
        Field("at", "instant", Text(zh="时间")),
    )
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["1700-01-01", "1700-01-01T00:00:00Z", 2**70, 1e300, 0.123, "\u202eabc"]),
)


@given(st.fixed_dictionaries({one.name: ANYTHING for one in SCHEMA.fields}))
def test_every_check_of_a_value_has_chinese_words(data: dict[str, object]) -> None:
    """No message of `normalise` is left in English, and the English one stays as it is."""
    _values, problems = normalise(SCHEMA, data)
    for one in problems:
        words = problem_words(one.message)
        assert not words.zh.startswith("填写有误"), one.message
        assert one.message == words.en


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("is required", "必填"),
        ("expected at most 5, got Decimal('9')", "不能大于 5，填的是 Decimal(“9”)"),
        ("'123' is not known as an area here", "没有编码为 “123” 的区域"),
        ("is not a column of a.b; known: 编号, 名称", "没有这一列；可用的列：编号, 名称"),
        ("'x' is not an area of the register", "区划中没有 “x”"),
        ("'x' is not an area of the register, or is no more", "区划中没有 “x”，或已撤销"),
        ("7 is not an active account", "账号 7 不存在或已停用"),
        ("'7' is not known: choose another", "没有 “7”，请另选"),
        (
            "was used for another command; take a new key",
            "这个幂等键已用于另一次请求，请换一个",
        ),
        ("unknown parameter; did you mean 'limit'?", "没有这个参数，是否为 “limit”？"),
        ("something new", "填写有误：something new"),
    ],
)
def test_words(message: str, expected: str) -> None:
    """What was found is kept in the words."""
    assert expected == problem_words(message).zh


def test_words_of_records_are_known() -> None:
    """Each message that records and their files compose has its words."""
    from pathlib import Path

    import county_gov.records

    folder = Path(county_gov.records.__file__).parent
    found = [
        text
        for file in ("columns", "keys", "planning", "writing")
        for text in re.findall(
            r'Problem\([^"]*?f?"([^"]+)"\)', (folder / f"{file}.py").read_text(encoding="utf-8")
        )
    ]
    assert len(found) > 5
    for text in found:
        message = re.sub(
            r"\{hint\}", "known: a", re.sub(r"\{(?:number|hidden|LONGEST_KEY)\}", "7", text)
        )
        message = re.sub(r"\{[^}]*\}", "x", message)
        assert not problem_words(message).zh.startswith("填写有误"), message
