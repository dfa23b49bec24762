"""What plugins' functions give is checked where it comes in, and the first mistake is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from attrs import evolve

from county_gov.api import (
    FAIL,
    PASS,
    UNKNOWN,
    Batch,
    Citation,
    Condition,
    ContractError,
    Judgement,
    Latest,
    Paragraphs,
    Receipt,
    Rule,
    Text,
)
from county_gov.contract.source import Decoded
from county_gov.registry import results

NAME = Text(zh="名", en="Name")
RULE = Rule(
    "dam.flood",
    NAME,
    {"level": Latest("level")},
    (Condition("above", NAME, Citation("防洪法"), "m"),),
    lambda _batch: {},
)
GOOD = Judgement(
    np.array([PASS, FAIL, UNKNOWN], np.int8),
    np.array([3.0, 1.0, np.nan]),
    np.array([2.0, np.nan, np.nan]),
)


def wrong(**columns: object) -> dict[str, object]:
    """Answers with one column that is not what it should be."""
    made = evolve(GOOD)
    for name, column in columns.items():
        object.__setattr__(made, name, column)
    return {"above": made}


JUDGED: dict[str, tuple[object, str]] = {
    "nothing": (None, "judge: expected a mapping from condition id to Judgement, got NoneType"),
    "a judgement": (GOOD, "a mapping from condition id to Judgement, got Judgement"),
    "no condition": ({}, r"the conditions \['above'\], got \[\]"),
    "another condition": ({"below": GOOD}, r"the conditions \['above'\], got \['below'\]"),
    "no judgement": ({"above": True}, "above: expected a Judgement, got"),
    "a list": (wrong(outcomes=[1, 0, 2]), "outcomes: expected an array of int8"),
    "a scalar": (wrong(values=np.float64(1)), "values: expected an array of float64"),
    "wide outcomes": (wrong(outcomes=np.zeros(3, np.int64)), "dtype int8, got int64"),
    "narrow values": (wrong(values=np.zeros(3, np.float32)), "dtype float64, got float32"),
    "objects": (wrong(limits=np.zeros(3, object)), "limits: expected dtype float64, got object"),
    "too few": (wrong(values=np.zeros(2)), r"shape \(3,\), got \(2,\)"),
    "a table": (wrong(values=np.zeros((3, 1))), r"shape \(3,\), got \(3, 1\)"),
    "an unknown outcome": (
        wrong(outcomes=np.array([PASS, FAIL, 7], np.int8)),
        r"outcomes\[2\]: expected .*, got 7",
    ),
    "NaN": (wrong(values=np.full(3, np.nan)), r"values\[0\]: expected a finite value .*, got nan"),
    "infinity": (wrong(values=np.full(3, np.inf)), r"values\[0\]: expected a finite value"),
    "no limit": (wrong(limits=np.full(3, -np.inf)), r"limits\[0\]: expected a finite limit"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_a_rules_wrong_answers_are_named(name: str) -> None:
    """The condition, the column, the first bad row, what was expected and what came."""
    answers, words = JUDGED[name]

    with pytest.raises(ContractError, match=words):
        results.check_judgements(RULE, answers, 3)


def test_right_answers_pass() -> None:
    """NaN stands for no limit, and for no value where nothing is known."""
    assert {"above": GOOD} == results.check_judgements(RULE, {"above": GOOD}, 3)


def decoded(rows: object = None, rejected: object = (), **columns: object) -> Decoded:
    """Two readings with columns exchanged; None leaves one out."""
    good: dict[str, object] = {
        "datastream": np.array(["a", "b"], object),
        "time": np.array([1, 2], np.int64),
        "value": np.array([1.0, 2.0]),
    }
    kept = {name: one for name, one in {**good, **columns}.items() if one is not None}
    numbers = np.array([0, 1], np.int64) if rows is None else rows
    batch = Batch(cast("Mapping[str, Any]", kept))
    return Decoded(batch, cast("Any", numbers), cast("Any", rejected))


DECODED: dict[str, tuple[object, str]] = {
    "nothing": (None, "expected a Decoded, got NoneType"),
    "no time": (decoded(time=None), "as well, got"),
    "seconds": (decoded(time=np.array([1.0, 2.0])), "time: expected dtype int64, got float64"),
    "texts as values": (decoded(value=np.array(["1", "2"])), "value: expected dtype float64"),
    "numbers as codes": (decoded(datastream=np.array([1, 2])), "datastream: expected texts"),
    "a list as code": (
        decoded(datastream=np.array(["a", None], object)),
        r"datastream\[1\]: expected a text, got NoneType",
    ),
    "a number as flag": (decoded(flag=np.array(["", 3], object)), r"flag\[1\]: expected a text"),
    "result times": (decoded(result_time=np.zeros(2)), "result_time: expected dtype int64"),
    "numbers that are none": (decoded(rows=np.zeros(2)), "rows: expected dtype int64"),
    "a list of numbers": (decoded(rows=[0, 1]), "rows: expected an array of int64"),
    "too few numbers": (decoded(rows=np.zeros(1, np.int64)), r"rows: expected shape \(2,\)"),
    "a negative number": (
        decoded(rows=np.array([0, -1], np.int64)),
        r"rows\[1\]: expected numbers from 0, got -1",
    ),
    "rejected texts": (decoded(rejected=(("broken", "text"),)), "rejected: expected"),
}


@pytest.mark.parametrize("name", DECODED)
def test_a_decoders_wrong_rows_are_named(name: str) -> None:
    """The column, the first bad row, what was expected and what came."""
    made, words = DECODED[name]

    with pytest.raises(ContractError, match=words):
        results.check_decoded("dam.levels")(made)


def test_right_rows_pass() -> None:
    """Also texts of a fixed length, and whole numbers as values."""
    results.check_decoded("dam.levels")(decoded())
    results.check_decoded("dam.levels")(
        decoded(datastream=np.array(["a", "b"]), value=np.array([1, 2]))
    )


def test_objections_receipts_headlines_and_rows_are_checked() -> None:
    """Each says what was expected."""
    results.check_objection("full")(None)
    results.check_objection("full")(NAME)
    results.check_receipts((Receipt("k", "sent"),))
    results.check_headline(NAME)
    results.check_batch("upgrade", 2)(decoded().batch)
    for check, given in (
        (results.check_objection("full"), "no"),
        (results.check_objection("full"), False),
        (results.check_receipts, (True,)),
        (results.check_headline, "text"),
        (results.check_batch("upgrade", 3), decoded().batch),
        (results.check_batch("upgrade", 3), None),
    ):
        with pytest.raises(ContractError, match="expected"):
            cast("Any", check)(given)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (None, "a tuple of views"),
        (Paragraphs("a", NAME, (NAME,)), "a tuple of views"),
        (("text",), "expected"),
        ((Paragraphs("a", NAME, (NAME,)),) * 51, "at most 50 views, got 51"),
        ((Paragraphs("a", cast("Any", "title"), (NAME,)),), "title"),
    ],
)
def test_wrong_views_are_named(views: object, words: str) -> None:
    """Down to what a field holds."""
    with pytest.raises(ContractError, match=words):
        results.check_views("dam/page")(views)
