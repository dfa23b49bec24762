"""Datasets: what the county keeps, and who keeps the original.

A dataset of records is declared, and the core makes the rest: table and history, list page and
form, import and export, API, access, masking and catalogue:

    Dataset(
        id="reservoir.reservoirs",
        title=Text(zh="水库", en="Reservoirs"),
        kind="records",
        schema=Schema(
            fields=(
                Field("code", "text", Text(zh="编码", en="Code"), maximum=32),
                Field("name", "text", Text(zh="名称", en="Name"), maximum=80),
                Field("area", "text", Text(zh="所在区域", en="Area"), refers="area"),
                Field("crest", "int64", Text(zh="坝顶高程", en="Crest"), unit="m", decimals=2),
            ),
            key=("code",),
        ),
        read_permission="reservoir.read",
        write_permission="reservoir.write",
        area="area",
        label="name",
        dated=True,
    )
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import evolve, frozen

from county_gov.contract.batch import Batch
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.errors import ContractError

SystemOfRecord = Literal["ours", "external"]

VALID_FROM = "valid_from"
"""Field that a dated dataset has beside its own: the first local day on which a row holds."""

VALID_FROM_FIELD = Field(
    VALID_FROM,
    "date",
    Text(zh="生效日期", en="Valid from"),
    Text(zh="从这一天起有效", en="The first day on which the row holds"),
)

Upgrade = Callable[[Batch, int], Batch]
"""Makes rows of an earlier version of the schema into rows of this one."""


@frozen(eq=False)
class Dataset:
    """A declared collection of rows.

    Args:
        id: Prefixed by the plugin, for example ``sensors.air``.
        title: What it is called.
        schema: Its fields. Fields that are added, and that need not be given, migrate by
            themselves; whatever else changes its meaning raises ``schema.version``.
        kind: "observations" are kept per datastream by the observation store; every observations
            dataset has the columns of `OBSERVATIONS`. "records" are rows with a key.
        observed_properties: For observations: the properties that belong to this dataset.
        system_of_record: Whether we or another system decide what is true; records of another
            system are imported, and not edited here.
        read_permission: For records: who may read them.
        write_permission: For records: who may add, change, import and remove them.
        unmasked_permission: For records: who sees personal fields as they are; everybody else sees
            them masked. Empty means nobody but the system.
        area: For records: name of the field that holds an area's code; who reads or writes is
            narrowed by it as everywhere. Empty means that a row belongs to the whole county.
        label: For records: name of the field that names a row to people; empty means its key.
        dated: For records: whether rows hold from a day on. The core adds the field `VALID_FROM`
            to the key: of the rows of one key, that with the latest day that has begun holds.
        upgrade: Pure function from rows of an earlier version to rows of this one, called once at
            the start that brings the new version: ``upgrade(batch, from_version)``.

    Raises:
        ContractError: if a records dataset lacks a key or a permission, or names no field.
    """

    id: str
    title: Text
    schema: Schema
    kind: Literal["observations", "records"] = "observations"
    observed_properties: tuple[str, ...] = ()
    system_of_record: SystemOfRecord = "ours"
    read_permission: str = ""
    write_permission: str = ""
    unmasked_permission: str = ""
    area: str = ""
    label: str = ""
    dated: bool = False
    upgrade: Upgrade | None = None

    def __attrs_post_init__(self) -> None:
        if self.kind != "records":
            return
        if not self.schema.key:
            raise ContractError(f"dataset {self.id}: records need a key: name its fields")
        if not (self.read_permission and self.write_permission):
            raise ContractError(f"dataset {self.id}: name a read_permission and write_permission")
        for pointer in filter(None, (self.area, self.label)):
            if pointer not in self.schema.names:
                raise ContractError(f"dataset {self.id}: {pointer!r} is not a field")
        if self.dated and VALID_FROM in self.schema.names:
            raise ContractError(f"dataset {self.id}: the core adds {VALID_FROM!r}; remove it")

    @property
    def record_schema(self) -> Schema:
        """The schema of its records: its own, and `VALID_FROM` behind the key where it is dated."""
        if not self.dated:
            return self.schema
        fields = list(self.schema.fields)
        behind = 1 + max(fields.index(self.schema[name]) for name in self.schema.key)
        fields.insert(behind, VALID_FROM_FIELD)
        return evolve(self.schema, fields=tuple(fields), key=(*self.schema.key, VALID_FROM))
