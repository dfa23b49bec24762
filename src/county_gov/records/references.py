"""What fields refer to: whether the codes that records name exist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from county_gov.store import records as tables
from county_gov.store import records_references as registered

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field, Value
    from county_gov.store import Snapshot
    from county_gov.store.records import RecordTable


class RegisterCodes(Protocol):
    """What records need to know of the registers: which codes there are."""

    @property
    def areas(self) -> Mapping[str, object]:
        """Areas by code."""
        ...

    @property
    def units(self) -> Mapping[str, object]:
        """Organisation units by code."""
        ...


def reference_of(dataset: Dataset, one: Field) -> str:
    """What a field refers to, empty for nothing; the field of the area always to an area."""
    return "area" if one.name == dataset.area else one.refers


def unknown_codes(
    snapshot: Snapshot,
    registers: Callable[[], RegisterCodes],
    datasets: Mapping[str, RecordTable],
    reference: str,
    codes: Collection[Value],
) -> set[Value]:
    """Those of some codes that do not exist.

    Args:
        snapshot: What is read.
        registers: The areas and units of now.
        datasets: The tables of the datasets by id.
        reference: "area", "unit", "thing", "person" or a dataset's id.
        codes: What records name.
    """
    wanted = set(codes) - {None}
    if reference == "area":
        return wanted - set(registers().areas)
    if reference == "unit":
        return wanted - set(registers().units)
    if reference == "thing":
        return wanted - registered.things(snapshot, map(str, wanted))
    if reference == "person":
        return wanted - registered.accounts(snapshot, wanted)
    known = tables.existing_keys(snapshot, datasets[reference], map(str, wanted))
    return {code for code in wanted if str(code) not in known}
