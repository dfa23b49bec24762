"""Rosters: who is on duty, as the datasets of records say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.errors import NotFound
from county_gov.store import records, rosters

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.workflow import Roster
    from county_gov.store import Snapshot
    from county_gov.store.records import RecordTable


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
