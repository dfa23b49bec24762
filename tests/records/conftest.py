"""Datasets and a county's records to try them with, on each supported database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest
from attrs import field, frozen

from county_gov.contract.access import Actor, Grant, Scope
from county_gov.contract.dataset import Dataset
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.records import Records
from county_gov.store import Transaction, tables

if TYPE_CHECKING:
    from county_gov.store import Store

COUNTY, NORTH, SOUTH, VILLAGE = "990101", "990101001", "990101002", "990101001001"


@frozen
class Codes:
    """The codes of the registers."""

    areas: Mapping[str, object] = field(
        factory=lambda: dict.fromkeys((COUNTY, NORTH, SOUTH, VILLAGE))
    )
    units: Mapping[str, object] = field(factory=lambda: {"water": None})


FIELDS = (
    Field("code", "text", Text(zh="编码", en="Code"), maximum=32),
    Field("name", "text", Text(zh="名称", en="Name"), maximum=80),
    Field("area", "text", Text(zh="所在区域", en="Area"), refers="area", required=False),
    Field("crest", "int64", Text(zh="坝顶高程", en="Crest"), unit="m", decimals=2, required=False),
    Field("volume", "float64", Text(zh="库容", en="Volume"), minimum=0, required=False),
    Field("built", "date", Text(zh="建成日期", en="Built"), required=False),
    Field("checked", "instant", Text(zh="检查时间", en="Checked"), required=False),
    Field("large", "bool", Text(zh="是否大型", en="Large"), required=False),
    Field(
        "grade",
        "text",
        Text(zh="等级", en="Grade"),
        choices=(("a", Text(zh="甲", en="first")), ("b", Text(zh="乙", en="second"))),
        required=False,
    ),
    Field(
        "keeper",
        "text",
        Text(zh="管理员", en="Keeper"),
        classification="personal",
        required=False,
    ),
    Field("note", "text", Text(zh="备注", en="Note"), multiline=True, required=False),
)


def dataset(
    *fields: Field, key: tuple[str, ...] = ("code",), version: int = 1, **changes: object
) -> Dataset:
    """A dataset of reservoirs."""
    values: dict[str, object] = {
        "id": "reservoir.reservoirs",
        "title": Text(zh="水库", en="Reservoirs"),
        "schema": Schema(fields=fields or FIELDS, key=key, version=version),
        "kind": "records",
        "read_permission": "reservoir.read",
        "write_permission": "reservoir.write",
        "unmasked_permission": "reservoir.unmask",
        "area": "" if fields else "area",
        "label": "" if fields else "name",
    }
    return Dataset(**(values | changes))  # type: ignore[arg-type]


def person(account: int = 7, *permissions: str, area: str | None = COUNTY) -> Actor:
    """A person with some of the dataset's permissions within an area."""
    scope = Scope(grants=frozenset({Grant(area=area)}))
    names = permissions or ("reservoir.read", "reservoir.write")
    return Actor("person", f"P{account}", account, scopes=dict.fromkeys(names, scope))


def lay_out_areas(tx: Transaction) -> None:
    """Put the areas into the register: a village in the north, the north and south in a county."""
    for code, parent in ((COUNTY, None), (NORTH, COUNTY), (SOUTH, COUNTY), (VILLAGE, NORTH)):
        tx.insert(tables.areas, code=code, kind="area", name=code)
        tx.insert(tables.area_parents, code=code, valid_from=0, parent=parent)


Open = Callable[..., Records]


@pytest.fixture
def unstarted(any_store: Store) -> Open:
    """Give a function that makes records of some datasets, without starting them."""
    any_store.submit(lay_out_areas).result()

    def make(*datasets: Dataset) -> Records:
        return Records(
            any_store,
            {one.id: one for one in datasets or (dataset(),)},
            clock=any_store.clock,
            timezone="Asia/Shanghai",
            registers=Codes,
        )

    return make


@pytest.fixture
async def records(unstarted: Open) -> Records:
    """Give started records of reservoirs."""
    made = unstarted()
    await made.start()
    return made
