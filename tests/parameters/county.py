"""A small county with a parameter, who proposes and who approves: for the tests of parameters."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from attrs import define, field

from county_gov.contract.access import Actor, Grant, Scope
from county_gov.contract.parameter import Parameter
from county_gov.contract.rule import Citation
from county_gov.contract.schema import Field
from county_gov.contract.text import Text
from county_gov.parameters import Notices, Parameters, Proposal
from county_gov.registers import Registers
from county_gov.store import Store, Transaction, tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from county_gov.store import Snapshot

COUNTY = "990101"
NORTH, SOUTH = "990101001", "990101002"
VILLAGE = "990101001001"
"""Lies in the north until `MOVED`, then in the south."""
MOVED = date(2024, 1, 1)
TODAY = date(2023, 11, 15)
"""The local day on which the tests' clock stands."""
EPOCH_DAY = date(1970, 1, 1).toordinal()
ZONE = ZoneInfo("Asia/Shanghai")
PROPOSE, APPROVE = "dam.limits.propose", "dam.limits.approve"
LEVEL = Field("level", "float64", Text("水位", "Level"), unit="m", minimum=0, decimals=2)
LIMIT = Parameter(
    "dam.limit",
    Text("汛限水位", "Flood limit"),
    LEVEL,
    PROPOSE,
    APPROVE,
    varies_by="area",
    default=40.5,
    citation=Citation("示例规程", "SL 1-2020", "3.1"),
)
MODE = Parameter(
    "dam.mode",
    Text("调度方式", "Mode"),
    Field("mode", "text", Text("方式"), choices=(("keep", Text("蓄")), ("spill", Text("泄")))),
    PROPOSE,
    APPROVE,
)
PEOPLE = {1: ("an", "zh"), 2: ("bo", "en"), 3: ("ce", "zh")}


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH_DAY


def fill(tx: Transaction) -> None:
    """Write the areas and the accounts."""
    rows = [
        (COUNTY, None, 0, None),
        (NORTH, COUNTY, 0, None),
        (SOUTH, COUNTY, 0, None),
        (VILLAGE, NORTH, 0, day_number(MOVED)),
        (VILLAGE, SOUTH, day_number(MOVED), None),
    ]
    for code, parent, begun, ended in rows:
        tx.insert(tables.area_parents, code=code, parent=parent, valid_from=begun, valid_to=ended)
    for code in {row[0] for row in rows}:
        tx.insert(tables.areas, code=code, kind="area", name=f"区{code}", name_en=f"Area {code}")
    for number, (login, language) in PEOPLE.items():
        tx.insert(
            tables.accounts,
            number=number,
            login=login,
            name=login.upper(),
            password="-",
            language=language,
            created_at=0,
        )


def person(number: int, *permissions: str, area: str = COUNTY, unit: str | None = None) -> Actor:
    """Somebody whose permissions reach an area."""
    scope = Scope(frozenset([Grant(area=area, unit=unit)]))
    scopes = dict.fromkeys(permissions or (PROPOSE, APPROVE), scope)
    return Actor("person", f"人{number}", account=number, scopes=scopes)


AN, BO = person(1), person(2)


def everybody(_snapshot: Snapshot, _permission: str, _area: str, _day: int) -> Collection[int]:
    """Everybody may approve."""
    return PEOPLE


@define(eq=False)
class Town:
    """A started store with the county in it, and its parameters."""

    store: Store
    parameters: Parameters
    registers: Registers
    keys: int = field(default=0)

    def key(self) -> str:
        """Give an idempotency key that was not used before."""
        self.keys += 1
        return f"key-{self.keys}"

    async def propose(
        self, value: float | str | None, day: date = TODAY, by: Actor = AN, **rest: Any
    ) -> Proposal:
        """Propose a value for the limit, unless another parameter is named."""
        given: dict[str, Any] = {
            "document": "示例文件",
            "number": "示〔2023〕1号",
            "key": self.key(),
            "ends": value is None,
            **rest,
        }
        parameter = given.pop("parameter", LIMIT.id)
        return await self.parameters.propose(
            by, parameter, value=value, effective_from=day, **given
        )

    async def set(self, value: float | None, day: date = TODAY, area: str = "") -> Proposal:
        """Let a value hold."""
        proposal = await self.propose(value, day, area=area, reason="补录")
        return await self.parameters.approve(BO, proposal.id, reason="补录", key=self.key())

    async def level(self, area: str = "", on: date | None = None) -> object:
        """The limit that holds, None where there is none."""
        found = await self.parameters.value(LIMIT.id, area=area, on=on)
        return None if found is None else found.value

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of a table's rows, in the order in which they were written."""
        found = tables.metadata.tables[table]
        wanted = [found.c[name] for name in columns]
        order = "position" if table == "journal" else "id"
        statement = sa.select(*wanted).order_by(found.c[order])
        return [tuple(row) for row in self.store.read_now(lambda one: one.rows(statement))]


async def town_of(store: Store, *parameters: Parameter) -> Town:
    """The county on a store."""
    store.submit(fill).result()
    registers = Registers(store)
    await registers.load()
    return Town(store, parameters_of(store, registers, *parameters), registers)


def parameters_of(store: Store, registers: Registers, *parameters: Parameter) -> Parameters:
    """The parameters of the county, as one process has them."""
    notices = Notices(
        channels=("log",),
        approvers=everybody,
        timezone=ZONE,
        county=COUNTY,
        drill=False,
    )
    return Parameters(
        store,
        {one.id: one for one in parameters or (LIMIT, MODE)},
        clock=store.clock,
        timezone="Asia/Shanghai",
        registers=lambda: registers.snapshot,
        county=COUNTY,
        notices=notices,
    )
