"""Checks of rules: their answers have the right shape, and depend on nothing but their row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from county_gov.contract.rule import FAIL, PASS, UNKNOWN, Judgement, Rule
from county_gov.testing.conformance.batches import batches, made, missing, text_inputs
from county_gov.testing.conformance.check import Check, Nonconformity, Subject, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = Mapping[str, "NDArray[Any]"]
Answers = Mapping[str, Judgement]
PARTS = (("outcomes", np.int8), ("values", np.float64), ("limits", np.float64))
EXAMPLES = 30


class _Silent(Exception):
    """The rule gave no answer that could be looked at: another check says so."""


def rule_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each rule."""
    datasets, parameters = subject.declared("datasets"), subject.declared("parameters")
    for rule in subject.declared("rules"):
        texts = text_inputs(rule, datasets, parameters)
        for name, (question, looks) in CHECKS.items():
            if name in COHORT_MAY and rule.scope == "cohort":
                continue
            yield Check(f"rule:{rule.id}:{name}", question, partial(looks, rule, texts))


def _each(rule: Rule, texts: frozenset[str], look: Callable[[Columns], None], *, rows: int) -> None:
    """Look at many batches; the smallest that fails is told."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @given(batches(rule, texts, minimum=rows))
    def examples(columns: Columns) -> None:
        try:
            look(columns)
        except _Silent:
            return

    examples()


def _answers(rule: Rule, columns: Columns) -> Answers:
    """The rule's answers, as far as they can be looked at."""
    try:
        found: object = rule.judge(made(columns))
    except Exception as error:
        raise _Silent from error
    if not isinstance(found, Mapping):
        raise _Silent
    return {str(key): one for key, one in found.items() if isinstance(one, Judgement)}


def _arrays(rule: Rule, columns: Columns) -> dict[str, NDArray[Any]]:
    """All columns of the answers that have one row for each row of the batch."""
    rows = len(columns["time"])
    found = {
        f"{key}.{name}": np.asarray(getattr(one, name))
        for key, one in _answers(rule, columns).items()
        for name, _ in PARTS
    }
    if any(one.shape != (rows,) for one in found.values()):
        raise _Silent
    return found


def _steady(rule: Rule, columns: Columns) -> dict[str, NDArray[Any]]:
    """As `_arrays`, of a rule that gives the same answers twice."""
    first, again = _arrays(rule, columns), _arrays(rule, columns)
    if any(not _equal(column, again.get(name, column[:0])) for name, column in first.items()):
        raise _Silent
    return first


def _judges(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        try:
            found: object = rule.judge(made(columns))
        except Exception as error:
            if _is_write(error):
                raise _Silent from error
            message = f"judge raised {type(error).__name__}: {error}"
            raise Nonconformity(f"{message}\n{_shown(columns)}") from error
        require(isinstance(found, Mapping), f"judge gave {type(found).__name__}, not a mapping")

    _each(rule, texts, look, rows=1)


def _conditions(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        expected, found = {one.id for one in rule.conditions}, set(_answers(rule, columns))
        require(
            expected == found,
            f"the conditions are {sorted(expected)}, answered are {sorted(found)} by a Judgement",
        )

    _each(rule, texts, look, rows=1)


def _empty(rule: Rule, texts: frozenset[str]) -> None:
    columns = {name: column[:0] for name, column in missing(rule, texts).items()}
    try:
        found: object = rule.judge(made(columns))
    except Exception as error:
        if _is_write(error):
            return
        message = f"{type(error).__name__}: {error}"
        raise Nonconformity(f"an empty batch made judge raise {message}") from error
    for key, one in found.items() if isinstance(found, Mapping) else ():
        for name, _ in PARTS:
            shape = np.shape(getattr(one, name, 0))
            require(shape == (0,), f"{key}.{name} of an empty batch has shape {shape}, not (0,)")


def _length(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        rows = len(columns["time"])
        for key, one in _answers(rule, columns).items():
            for name, _ in PARTS:
                shape = np.shape(getattr(one, name))
                require(shape == (rows,), f"{key}.{name} has shape {shape}; expected ({rows},)")

    _each(rule, texts, look, rows=2)


def _dtype(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        for key, one in _answers(rule, columns).items():
            for name, dtype in PARTS:
                found = np.asarray(getattr(one, name)).dtype
                require(found == dtype, f"{key}.{name} is {found}; expected {np.dtype(dtype)}")

    _each(rule, texts, look, rows=1)


def _finite(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        for key, one in _answers(rule, columns).items():
            outcomes = np.asarray(one.outcomes)
            strange = ~np.isin(outcomes, (PASS, FAIL, UNKNOWN))
            require(
                not strange.any(),
                f"{key}.outcomes holds {outcomes[strange].tolist()[:1]}; expected PASS (1),"
                " FAIL (0) or UNKNOWN (-1)",
            )
            for name in ("values", "limits"):
                column = np.asarray(getattr(one, name))
                require(
                    column.dtype.kind not in "fc" or not np.isinf(column).any(),
                    f"{key}.{name} is infinite; expected a number, or NaN for unknown",
                )

    _each(rule, texts, look, rows=1)


def _unknown(rule: Rule, texts: frozenset[str]) -> None:
    try:
        found = _answers(rule, missing(rule, texts))
    except _Silent:
        return
    for key, one in found.items():
        outcomes = np.asarray(one.outcomes)
        require(
            (outcomes == UNKNOWN).all(),
            f"{key}: every input is missing, and the answer is {outcomes.tolist()}; expected"
            " UNKNOWN (-1): comparing with NaN gives False, which is no answer",
        )


def _repeatable(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        first, again = _arrays(rule, columns), _arrays(rule, columns)
        _same(first, again, "the same batch was judged twice, with other answers")

    _each(rule, texts, look, rows=1)


def _unmutated(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        batch = made(columns)
        try:
            rule.judge(batch)
        except Exception as error:
            if _is_write(error):
                raise Nonconformity(f"judge writes into the batch: {error}; copy first") from error
            raise _Silent from error
        for name, column in columns.items():
            require(
                name in batch and _equal(column, batch[name]),
                f"judge has changed the batch's column {name!r}; copy it first",
            )

    _each(rule, texts, look, rows=1)


def _order(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        turned = np.arange(len(columns["time"]))[::-1]
        whole = _steady(rule, columns)
        back = _arrays(rule, {name: column[turned] for name, column in columns.items()})
        message = "a row's answer depends on the order of the rows"
        _same({name: one[turned] for name, one in whole.items()}, back, message)

    _each(rule, texts, look, rows=2)


def _split(rule: Rule, texts: frozenset[str]) -> None:
    def look(columns: Columns) -> None:
        middle = len(columns["time"]) // 2
        whole = _steady(rule, columns)
        parts = [
            _arrays(rule, {name: column[rows] for name, column in columns.items()})
            for rows in (slice(None, middle), slice(middle, None))
        ]
        if any(set(part) != set(whole) for part in parts):
            raise _Silent
        joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
        _same(whole, joined, "a row's answer depends on which rows are in the batch")

    _each(rule, texts, look, rows=2)


def _same(first: Columns, second: Columns, message: str) -> None:
    for name, column in first.items():
        if name in second and not _equal(column, second[name]):
            found = f"{name}: {column.tolist()} and {second[name].tolist()}"
            raise Nonconformity(f'{message}; where that is meant, say scope="cohort"\n{found}')


def _equal(first: NDArray[Any], second: NDArray[Any]) -> bool:
    numbers = first.dtype.kind in "fc" and second.dtype.kind in "fc"
    return bool(np.array_equal(first, second, equal_nan=numbers))


def _is_write(error: Exception) -> bool:
    return isinstance(error, ValueError | TypeError) and (
        "read-only" in str(error) or "does not support item assignment" in str(error)
    )


def _shown(columns: Columns) -> str:
    return "\n".join(f"{name}: {column.tolist()}" for name, column in columns.items())


CHECKS: Mapping[str, tuple[str, Callable[[Rule, frozenset[str]], None]]] = {
    "judges": ("Does it judge every batch without raising?", _judges),
    "conditions": ("Does it answer its conditions, all of them and no others?", _conditions),
    "empty": ("Does it take an empty batch?", _empty),
    "length": ("Has each answer one row for each row of the batch?", _length),
    "dtype": ("Are outcomes int8, values and limits float64?", _dtype),
    "finite": ("Are outcomes -1, 0 or 1, and numbers finite or NaN?", _finite),
    "unknown": ("Is what cannot be determined unknown, not a no?", _unknown),
    "repeatable": ("Does the same batch get the same answers again?", _repeatable),
    "unmutated": ("Does it leave the batch as it was?", _unmutated),
    "order": ("Is a row's answer independent of the rows' order?", _order),
    "split": ("Is a row's answer independent of the other rows?", _split),
}
COHORT_MAY = frozenset(("order", "split"))
"""Checks that a rule of scope "cohort" need not pass: its rows depend on each other."""
