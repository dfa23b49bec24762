"""What a rule answers is checked where it comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from county_gov.contract.batch import Batch
from county_gov.contract.rule import Judgement
from county_gov.errors import ContractError
from county_gov.registry.breaker import CircuitBreaker
from county_gov.rules.evaluation import RuleEvaluator
from tests.rules.ledger import LATEST, SetClock, compare, rule_over

Change = Callable[[dict[str, Any]], Any]


def rows() -> Batch:
    """Three readings."""
    return Batch(
        {
            "datastream": np.array([1, 1, 2]),
            "time": np.array([0, 1, 2]),
            "value": np.array([100.0, 160.0, 260.0]),
        }
    )


def judged(change: Change) -> Any:
    """The answers of a rule that does something else with good answers."""
    rule = evolve(rule_over(LATEST), judge=lambda batch: change(dict(compare(batch))))
    return RuleEvaluator(rule).judge(rows())


def with_high(**columns: Any) -> Change:
    """Replace columns of the condition "high"."""

    def change(answers: dict[str, Any]) -> dict[str, Any]:
        high = answers["high"]
        kept = {"outcomes": high.outcomes, "values": high.values, "limits": high.limits}
        return answers | {"high": Judgement(**kept | columns)}

    return change


def test_good_answers_pass_with_rule_and_version() -> None:
    """Verdicts name the rule and its version."""
    verdicts = judged(lambda answers: answers)

    assert ("t.rule", "1") == (verdicts.rule, verdicts.version)
    assert [0, 1, 1] == verdicts.judgements["high"].outcomes.tolist()


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: None, "judge: expected a mapping from condition id to Judgement, got NoneType"),
        (lambda a: {"high": a["high"]}, "expected the conditions"),
        (lambda a: a | {"more": a["high"]}, "'more'"),
        (lambda a: a | {"high": 1}, "high: expected a Judgement, got 1"),
        (with_high(outcomes=1), "high.outcomes: expected an array of int8, got 1"),
        (with_high(outcomes=np.ones(3, np.int64)), "expected dtype int8, got int64"),
        (with_high(values=np.ones(3, np.float32)), "high.values: expected dtype float64"),
        (with_high(limits=np.ones(2)), r"high.limits: expected shape \(3,\), got \(2,\)"),
        (with_high(outcomes=np.ones((3, 1), np.int8)), r"shape \(3,\), got \(3, 1\)"),
        (
            with_high(outcomes=np.array([0, 2, 1], np.int8)),
            r"high.outcomes\[1\]: expected 1, 0 or -1, got 2",
        ),
        (
            with_high(values=np.array([1.0, NAN, 2.0])),
            r"high.values\[1\]: expected a finite value wherever PASS or FAIL, got nan",
        ),
        (with_high(values=np.array([1.0, 2.0, np.inf])), r"high.values\[2\].*got inf"),
        (with_high(limits=np.array([1.0, -np.inf, 2.0])), r"high.limits\[1\]: expected a finite"),
    ],
)
def test_a_broken_answer_names_rule_place_and_value(change: Change, words: str) -> None:
    """Each breach is told with what was expected and what came."""
    with pytest.raises(ContractError, match=words) as caught:
        judged(change)
    assert str(caught.value).startswith("rule t.rule: ")


def test_nan_is_right_where_unknown() -> None:
    """An unknown row may have neither value nor limit."""
    unknown = with_high(
        outcomes=np.full(3, -1, np.int8), values=np.full(3, NAN), limits=np.full(3, NAN)
    )

    assert [-1, -1, -1] == judged(unknown).judgements["high"].outcomes.tolist()


def test_a_rule_that_raises_breaks_the_contract() -> None:
    """The error names the rule and carries what it raised."""

    def raises(answers: dict[str, Any]) -> Any:
        if answers:
            raise ZeroDivisionError("by nothing")
        return answers

    with pytest.raises(ContractError, match="judge raised ZeroDivisionError: by nothing"):
        judged(raises)


def test_the_circuit_opens_and_tries_once_after_the_pause() -> None:
    """Five failures in a row open it; one success closes it; one failure opens it again."""
    clock = SetClock()
    breaker = CircuitBreaker(clock)
    told = [breaker.note_failure("bad") for _ in range(5)]
    allowed = [breaker.allows]
    clock.time += breaker.pause
    allowed.append(breaker.allows)
    told.append(breaker.note_failure("worst"))
    allowed.append(breaker.allows)
    clock.time += breaker.pause
    reason = breaker.reason
    breaker.succeeded()
    told.append(breaker.note_failure("once"))
    allowed.append(breaker.allows)

    assert [False, False, False, False, True, True, False] == told
    assert [False, True, False, True] == allowed
    assert "worst" == reason


def test_a_batch_without_an_inputs_column_is_refused() -> None:
    """The message names what is missing and what there is."""
    batch = Batch({"datastream": np.ones(1), "time": np.ones(1)})
    with pytest.raises(ContractError, match=r"batch: expected the columns \['value'\] as well"):
        RuleEvaluator(rule_over(LATEST)).judge(batch)


def test_as_of_asks_with_the_limits_of_another_day() -> None:
    """Each row is given to the rule as if it were of that instant; without it, as of its own."""
    seen: list[list[int]] = []

    def judge(batch: Batch) -> Any:
        seen.append(batch["time"].tolist())
        return compare(batch)

    evaluator = RuleEvaluator(evolve(rule_over(LATEST), judge=judge))
    evaluator.judge(rows())
    evaluator.judge(rows(), as_of=7)

    assert [[0, 1, 2], [7, 7, 7]] == seen
