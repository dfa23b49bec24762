"""A small county with people, and a workflow, for the tests of cases."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from county_gov.cases import Cases
from county_gov.contract.access import Actor, Grant, Post, Scope
from county_gov.contract.schema import Field, Schema, Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView, Event, Notice, State, TaskSpec, Workflow
from county_gov.store import Store, Transaction, tables
from county_gov.store.sqlite import SqliteDatabase
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COUNTY = "990101"
NORTH, SOUTH = "990101001", "990101002"
NORTH_GRID, SOUTH_GRID = "990101001001001", "990101002001001"
PARENTS = {
    COUNTY: None,
    NORTH: COUNTY,
    SOUTH: COUNTY,
    "990101001001": NORTH,
    "990101002001": SOUTH,
    NORTH_GRID: "990101001001",
    SOUTH_GRID: "990101002001",
}
UNITS = ("centre", "environment", "water", "north-office", "south-office")

PEOPLE = {
    1: ("chen", "陈甲", "zh", Post("dispatch_centre", "centre", COUNTY)),
    2: ("deng", "邓乙", "zh", Post("dispatch_centre", "centre", COUNTY)),
    3: ("gao", "高丙", "zh", Post("grid_worker", "north-office", NORTH)),
    4: ("guo", "郭丁", "en", Post("grid_worker", "south-office", SOUTH)),
    5: ("hu", "胡戊", "en", Post("department_officer", "environment", COUNTY)),
    6: ("shui", "水己", "zh", Post("department_officer", "water", COUNTY)),
    7: ("leng", "冷庚", "zh", Post("clerk", "north-office", NORTH)),
}
READ, ACT = "demo.smoke.read", "demo.smoke.act"


def words(zh: str, en: str = "") -> Text:
    """Give a text in two languages."""
    return Text(zh=zh, en=en)


def quiet_guard(case: CaseView, actor: Actor, data: Mapping[str, Value]) -> Text | None:
    """Object to a note that says so."""
    return words("不行", "no") if data.get("note") == "object" else None


WORKFLOW = Workflow(
    id="demo.smoke",
    title=words("烟雾", "Smoke"),
    version=1,
    number="YW-{county}-{year}-{serial:06}",
    initial="waiting",
    read_permission=READ,
    data=Schema(fields=(Field("station", "text", words("站点"), required=False),)),
    opened_notices=(
        Notice(
            to="dispatch_centre",
            subject=words("待派单 {number}", "To dispatch: {number}"),
            body=words("{title}（{area}，{station}）", "{title} ({area}, {station})"),
        ),
    ),
    states=(
        State("waiting", words("待派单", "waiting"), TaskSpec(words("派单"), "dispatch_centre")),
        State(
            "on_site",
            words("现场查找", "on site"),
            TaskSpec(words("查找", "search"), "grid_worker", assignee="worker_account"),
        ),
        State(
            "handling",
            words("处置", "handling"),
            TaskSpec(words("处置"), "department_officer", unit="handling_unit"),
        ),
        State("closed", words("结案", "closed"), final=True),
    ),
    events=(
        Event(
            "dispatch",
            words("派单", "dispatch"),
            ("waiting",),
            "on_site",
            ACT,
            form=Schema(
                fields=(
                    Field("worker_account", "int64", words("网格员"), required=False),
                    Field("note", "text", words("说明"), required=False, maximum=50),
                )
            ),
            guards=(quiet_guard,),
            assigns_person="worker_account",
            notices=(
                Notice(
                    to="grid_worker",
                    subject=words("请到现场 {number}", "Go and look: {number}"),
                    body=words("{actor}：{note}", "{actor}: {note}"),
                ),
            ),
        ),
        Event(
            "report",
            words("上报", "report"),
            ("on_site",),
            "handling",
            ACT,
            form=Schema(
                fields=(
                    Field(
                        "source",
                        "text",
                        words("来源"),
                        choices=(("yes", words("有", "found")), ("no", words("无", "none"))),
                    ),
                    Field("handling_unit", "text", words("处置单位")),
                )
            ),
            assigns_unit="handling_unit",
            notices=(
                Notice(
                    to="participants",
                    subject=words("已上报 {number}", "Reported: {number}"),
                    body=words("来源：{source}", "source: {source}"),
                ),
            ),
        ),
        Event("send_back", words("退回"), ("on_site", "handling"), "waiting", ACT),
        Event("close", words("结案", "close"), ("handling",), "closed", ACT),
        Event("withdraw", words("撤销"), ("waiting", "on_site"), "closed", ACT, any_holder=True),
    ),
)


def fill(tx: Transaction) -> None:
    """Put areas, units, accounts and posts into the registers."""
    for code, parent in PARENTS.items():
        tx.insert(tables.areas, code=code, kind="area", name=f"区{code}", name_en="")
        tx.insert(tables.area_parents, code=code, valid_from=0, parent=parent, valid_to=None)
    for code in UNITS:
        tx.insert(tables.units, code=code, name=f"单位{code}", kind="office", area=COUNTY)
    for number, (login, name, language, post) in PEOPLE.items():
        tx.insert(
            tables.accounts,
            number=number,
            login=login,
            name=name,
            password="-",
            language=language,
            created_at=0,
        )
        tx.insert(
            tables.posts,
            account=number,
            role=post.role,
            unit=post.unit,
            area=post.area,
            valid_from=0,
            valid_to=None,
        )


def actor(number: int, *, permissions: tuple[str, ...] = (READ, ACT)) -> Actor:
    """Give a person whose permissions reach the area of their post."""
    _, name, _, post = PEOPLE[number]
    scope = Scope(grants=frozenset([Grant(area=post.area)]))
    return Actor(
        kind="person",
        name=name,
        account=number,
        posts=(post,),
        scopes=dict.fromkeys(permissions, scope),
    )


def make_cases(store: Store, *workflows: Workflow, channels: tuple[str, ...] = ("log",)) -> Cases:
    """Give the cases of the test county."""
    return Cases(
        store,
        {one.id: one for one in workflows or (WORKFLOW,)},
        county=COUNTY,
        timezone="Asia/Shanghai",
        channels=channels,
        guard_seconds=30,
    )


@define(eq=False)
class World:
    """A started store with the county in it, and its cases."""

    store: Store
    cases: Cases
    keys: int = field(default=0)

    def key(self) -> str:
        """Give an idempotency key that was not used before."""
        self.keys += 1
        return f"key-{self.keys}"

    async def open(
        self,
        *,
        area: str = NORTH_GRID,
        key: str = "",
        by: Actor | None = None,
        workflow: str = WORKFLOW.id,
        drill: bool = False,
    ) -> CaseView:
        """Open a case as the system, unless somebody is named."""
        from county_gov.contract.access import SYSTEM

        return await self.cases.open(
            workflow,
            title="烟雾很大",
            area=area,
            subject="station:1",
            data={"station": "奥体"},
            actor=by or SYSTEM,
            key=key or self.key(),
            drill=drill,
        )

    async def send(
        self,
        case: CaseView,
        event: str,
        by: Actor,
        *,
        version: int | None = None,
        key: str = "",
        **data: Value,
    ) -> CaseView:
        """Send an event on the version of the view."""
        return await self.cases.send_event(
            case.id,
            event,
            data=data,
            actor=by,
            expected_version=case.version if version is None else version,
            key=key or self.key(),
        )

    def audit(self, outcome: str) -> list[tuple[str, str, str]]:
        """Give actor, action and object of the audit entries with an outcome."""
        import sqlalchemy as sa

        columns = tables.audit.c
        statement = sa.select(columns.actor, columns.action, columns.object).where(
            columns.outcome == outcome
        )
        return [tuple(row) for row in self.store.read_now(lambda s: s.rows(statement))]

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        import sqlalchemy as sa

        statement = sa.select(sa.func.count()).select_from(tables.metadata.tables[table])
        return int(self.store.read_now(lambda s: s.scalar(statement)))


@contextmanager
def world_in(folder: Path, *workflows: Workflow) -> Iterator[World]:
    """Give a world of its own, for tests that need a fresh one for each example."""
    database = SqliteDatabase(f"sqlite:///{folder / 'county.db'}")
    database.create_tables()
    store = Store(database, StandingClock())
    store.start()
    try:
        store.submit(fill).result()
        yield World(store=store, cases=make_cases(store, *workflows))
    finally:
        store.close()
