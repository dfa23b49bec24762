"""The start of records: each dataset's table is made, widened or upgraded as it is declared now."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from county_gov.contract.dataset import Dataset
from county_gov.errors import DeploymentError, Problem
from county_gov.records.declaration import encode_declaration
from county_gov.records.evolution import Step, step_of
from county_gov.records.upgrading import Upgrading, remove_old
from county_gov.store import records as tables
from county_gov.store import records_declared as declared
from county_gov.store.records_declared import DeclaredRow

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Store, Transaction

log = structlog.get_logger(__name__)


def steps_of(snapshot: Snapshot, datasets: Mapping[str, Dataset]) -> list[Step]:
    """What a start has to do for each dataset.

    Raises:
        DeploymentError: with every dataset whose rows cannot follow its declaration.
    """
    rows = declared.read_declared(snapshot)
    steps: list[Step] = []
    problems: list[Problem] = []
    for key, dataset in datasets.items():
        step, found = step_of(snapshot, dataset, rows.get(key))
        steps.append(step)
        problems += found
    if problems:
        raise DeploymentError(problems)
    return steps


def plan_start(snapshot: Snapshot, datasets: Mapping[str, Dataset]) -> tuple[str, ...]:
    """What a start would do, a line for each dataset that changes."""
    return tuple(step.words for step in steps_of(snapshot, datasets) if step.words)


@frozen(eq=False)
class Starting:
    """Brings the tables of datasets up to their declarations.

    Args:
        store: Where they are.
        datasets: The datasets of records that are declared.
    """

    store: Store
    datasets: Mapping[str, Dataset]

    async def run(self) -> None:
        """Make, widen and upgrade.

        Raises:
            DeploymentError: with every dataset whose rows cannot follow its declaration; then
                nothing was changed.
        """
        steps = await self.store.read(lambda snapshot: steps_of(snapshot, self.datasets))
        for step in steps:
            if step.kind == "upgrade" and step.row is not None and step.stored is not None:
                table = step.row.table
                await Upgrading(self.store, step.row, step.stored, step.dataset, step.retired).run()
            else:
                table = tables.table_name(step.dataset.id)
                await self.store.write(partial(self._adapt, step))
            await remove_old(self.store, table)
            if step.words:
                log.info("dataset", change=step.words)

    def _adapt(self, step: Step, tx: Transaction) -> None:
        """Make a table, or add what it lacks."""
        dataset = step.dataset
        table = tables.table_of(dataset)
        if step.kind == "make":
            declared.make_table(tx, table)
        else:
            declared.add_columns(tx, table)
        text = encode_declaration(dataset, step.retired)
        row = DeclaredRow(dataset.id, table.name, dataset.schema.version, text, None)
        if row != step.row:
            declared.write_declared(tx, row)
