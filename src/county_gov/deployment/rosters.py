"""Rosters: who is on duty, as the datasets of records say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from county_gov.errors import NotFound
from county_gov.store import records, rosters

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.workflow import Roster, Workflow
    from county_gov.store import Snapshot
    from county_gov.store.records import RecordTable


def with_duties_indexed(
    datasets: Mapping[str, Dataset], workflows: Mapping[str, Workflow]
) -> dict[str, Dataset]:
    """The datasets, those of duties indexed by when a duty ends.

    Who is on duty is asked while a change is written: of all duties that ever were, only those that
    have not ended are looked at.
    """
    found = dict(datasets)
    for workflow in workflows.values():
        for state in workflow.states:
            roster = None if state.task is None else state.task.roster
            dataset = None if roster is None else found.get(roster.dataset)
            if roster is None or dataset is None:
                continue
            fields = tuple(
                evolve(one, indexed=True) if one.name == roster.ends else one
                for one in dataset.schema.fields
            )
            found[dataset.id] = evolve(dataset, schema=evolve(dataset.schema, fields=fields))
    return found


@frozen(eq=False)
class RecordRosters:
    """Implements `county_gov.cases.duty.Rosters` over datasets of records.

    Args:
        datasets: The datasets in use, by id.
    """

    datasets: Mapping[str, Dataset]
    _tables: dict[str, RecordTable] = field(factory=dict, init=False)

    def on_duty(
        self, snapshot: Snapshot, roster: Roster, areas: Sequence[str], at: int
    ) -> tuple[int, ...]:
        """The accounts of those on duty, those of the nearest area first.

        Raises:
            NotFound: if there is no such dataset.
        """
        dataset = self.datasets.get(roster.dataset)
        if dataset is None or dataset.kind != "records":
            raise NotFound(f"there is no dataset of records {roster.dataset!r}")
        if dataset.id not in self._tables:
            self._tables[dataset.id] = records.table_of(dataset)
        return rosters.on_duty(snapshot, self._tables[dataset.id], roster, areas, at)
