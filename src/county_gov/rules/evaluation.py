"""A rule's answers, checked where they come in."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from county_gov.contract.batch import Batch
from county_gov.contract.rule import (
    ROW_COLUMNS,
    Rule,
    Verdicts,
)
from county_gov.errors import ContractError
from county_gov.registry.results import check_judgements


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
        checked = check_judgements(self.rule, answers, batch.rows)
        return Verdicts(self.rule.id, self.rule.edition, checked)

    def _broken(self, place: str, expected: str, got: object) -> ContractError:
        if not isinstance(got, str | int | float | np.generic | np.dtype | tuple | list):
            got = type(got).__name__
        return ContractError(f"rule {self.rule.id}: {place}: expected {expected}, got {got}")
