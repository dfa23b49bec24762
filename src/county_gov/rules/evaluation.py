"""A rule's answers, checked where they come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from county_gov.contract.batch import Batch
from county_gov.contract.rule import (
    FAIL,
    PASS,
    ROW_COLUMNS,
    UNKNOWN,
    Judgement,
    Rule,
    Verdicts,
)
from county_gov.errors import ContractError


@frozen(eq=False)
class RuleEvaluator:
    """Calls a rule and refuses an answer that breaks the contract.

    Args:
        rule: The rule as its plugin declared it.
    """

    rule: Rule

    def judge(self, batch: Batch, *, as_of: int | None = None) -> Verdicts:
        """The rule's verdicts for every row of a batch.

        Args:
            batch: Columns ``datastream``, ``time`` and one per input of the rule, each of shape
                (n,). A row is judged by the limits in force at its time.
            as_of: Instant, microseconds UTC, whose limits judge every row instead: what would be
                said of these values then. It is given to the rule as each row's time.

        Raises:
            ContractError: if a column is missing, if the rule raises, if a condition is missing or
                unknown, or if a column has the wrong type, dtype, shape or values.
        """
        if as_of is not None:
            batch = Batch({**batch, "time": np.full(batch.rows, as_of, np.int64)})
        missing = [name for name in (*ROW_COLUMNS, *self.rule.inputs) if name not in batch]
        if missing:
            raise self._broken("batch", f"the columns {missing} as well", sorted(batch))
        try:
            answers = self.rule.judge(batch)
        except Exception as error:
            raise ContractError(
                f"rule {self.rule.id}: judge raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(answers, Mapping):
            raise self._broken("judge", "a mapping from condition id to Judgement", answers)
        expected = {condition.id for condition in self.rule.conditions}
        if set(answers) != expected:
            raise self._broken("judge", f"the conditions {sorted(expected)}", sorted(answers))
        for condition, judgement in answers.items():
            self._check(condition, judgement, batch.rows)
        return Verdicts(self.rule.id, self.rule.version, answers)

    def _check(self, condition: str, judgement: Judgement, rows: int) -> None:
        if not isinstance(judgement, Judgement):
            raise self._broken(condition, "a Judgement", judgement)
        columns: tuple[tuple[str, Any, type[np.generic]], ...] = (
            ("outcomes", judgement.outcomes, np.int8),
            ("values", judgement.values, np.float64),
            ("limits", judgement.limits, np.float64),
        )
        for name, column, dtype in columns:
            place = f"{condition}.{name}"
            if not isinstance(column, np.ndarray):
                raise self._broken(place, f"an array of {dtype.__name__}", column)
            if column.dtype != dtype:
                raise self._broken(place, f"dtype {dtype.__name__}", column.dtype)
            if column.shape != (rows,):
                raise self._broken(place, f"shape ({rows},)", column.shape)
        outcomes, values, limits = judgement.outcomes, judgement.values, judgement.limits
        known = outcomes != UNKNOWN
        self._first(
            condition,
            "outcomes",
            f"{PASS}, {FAIL} or {UNKNOWN}",
            known & (outcomes != PASS) & (outcomes != FAIL),
            outcomes,
        )
        bad = known & ~np.isfinite(values)
        self._first(condition, "values", "a finite value wherever PASS or FAIL", bad, values)
        self._first(
            condition, "limits", "a finite limit, or NaN for none", np.isinf(limits), limits
        )

    def _first(
        self,
        condition: str,
        name: str,
        expected: str,
        bad: NDArray[np.bool_],
        column: NDArray[Any],
    ) -> None:
        """Raise for the first bad row, if there is one."""
        if bad.any():
            row = int(np.argmax(bad))
            raise self._broken(f"{condition}.{name}[{row}]", expected, column[row])

    def _broken(self, place: str, expected: str, got: object) -> ContractError:
        if not isinstance(got, str | int | float | np.generic | np.dtype | tuple | list):
            got = type(got).__name__
        return ContractError(f"rule {self.rule.id}: {place}: expected {expected}, got {got}")
