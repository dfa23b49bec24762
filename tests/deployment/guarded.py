"""A dam with something of each kind to be seen, one matter of it confidential; and who looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve, frozen

from county_gov.api import (
    Actor,
    Batch,
    Dataset,
    Endpoint,
    EndpointContext,
    Field,
    Grant,
    Hooks,
    NotFound,
    Parameter,
    Permission,
    Request,
    Response,
    Schema,
    Scope,
    Text,
    Workflow,
    implements,
)
from county_gov.testing import Scenario
from tests.deployment.dam import DAMS, LIMIT, NAME, USE, DamPlugin, workflow

GATES, NEWS = "dam.gates", "dam.news"
GAUGE = "dam.gauge"
HERE, ELSEWHERE, COUNTY = "990101001", "990101002", "990101"
READ = "dam.read"
OPEN = "cases.case.open"
ALL = (USE, READ, OPEN, "core.observations.read", "core.alerts.read")


def rows_of(name: str, *fields: Field, area: str = "") -> Dataset:
    """A dataset of records with a code."""
    return Dataset(
        name,
        NAME,
        Schema((Field("code", "text", NAME, classification="public"), *fields), key=("code",)),
        kind="records",
        read_permission=READ,
        write_permission=USE,
        area=area,
    )


@frozen(eq=False)
class GuardedPlugin(DamPlugin):
    """The dam with gates in areas, public news, and a confidential workflow."""

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """Gates lie in an area; news are for everybody."""
        place = Field("area", "text", NAME, refers="area")
        keeper = Field("keeper", "text", NAME, classification="personal", required=False)
        return DAMS, rows_of(GATES, place, keeper, area="area"), rows_of(NEWS)

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """One that needs a permission, one for people of the county, and one for anybody."""
        public = Field("depth", "float64", NAME, classification="public", required=False)
        return (
            evolve(LIMIT, varies_by="area", read_permission=READ),
            evolve(LIMIT, id="dam.house", default=1.5),
            evolve(LIMIT, id="dam.public", field=public, default=2.5),
        )

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """Watch and repair, and what is confidential."""
        return workflow("watch"), workflow("repair"), evolve(workflow("secret"), confidential=True)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Those of the dam, and reading."""
        return (*DamPlugin.permissions(self), Permission(READ, Text(zh="看")))

    @implements(Hooks.endpoints)
    def endpoints(self) -> Iterable[Endpoint]:
        """One for anybody."""
        return (Endpoint("dam.open", NAME, "GET", "/dam/v1/open", "", nothing, public=True),)


async def nothing(_ctx: EndpointContext, _request: Request) -> Response:
    """Answers nothing."""
    return Response(status=204)


@asynccontextmanager
async def guarded() -> AsyncIterator[Scenario]:
    """A county in which one of everything lies here, and nothing elsewhere."""
    roles = {"keeper": ALL}
    story = Scenario(
        GuardedPlugin,
        areas=(ELSEWHERE,),
        datastreams=(GAUGE,),
        roles=roles,
        start="2026-06-01 12:00",
    )
    async with story as s:
        await s.feed(GAUGE, [("11:00", -1.0)])
        await s.put(GATES, code="G1", area=HERE, keeper="张三")
        await s.put(NEWS, code="N1")
        await s.set("dam.limit", 40.0, area=HERE)
        await s.open("dam.secret", title="举报", area=HERE)
        yield s


async def person(s: Scenario, *permissions: str, area: str = HERE) -> Actor:
    """The keeper with just these permissions, each within an area."""
    scope = Scope(frozenset({Grant(area=area)}))
    keeper = await s.actor("keeper")
    return evolve(keeper, scopes=dict.fromkeys(permissions, scope), posts=())


def contexts(s: Scenario, actor: Actor) -> Mapping[str, Any]:
    """Every kind of context that belongs to somebody."""
    return {
        "page": s.county.page_context("dam", actor, {}),
        "command": s.county.command_context(actor, {}, "dam.do", "click", ""),
        "endpoint": s.county.endpoint_context("dam.ask", actor, ""),
    }


async def shown(s: Scenario, ctx: Any) -> dict[str, int]:
    """How much each member shows; what is not to be found shows nothing."""
    start, end = s.at("2026-06-01 00:00"), s.at("2026-06-02 00:00")
    asked = {
        "read.datastreams": ctx.read.datastreams(),
        "read.latest": ctx.read.latest(),
        "read.observations": ctx.read.observations(GAUGE, start, end),
        "read.hourly": ctx.read.hourly(GAUGE, start, end),
        "read.episodes": ctx.read.episodes(),
        "read.cases": ctx.read.cases(),
        "read.count_cases": ctx.read.count_cases(),
        "records.get": ctx.records.get(GATES, "G1"),
        "records.find": ctx.records.find(GATES),
        "records.count": ctx.records.count(GATES),
        "records.columns": ctx.records.columns(GATES),
        "parameters.value": ctx.parameters.value("dam.limit", area=HERE),
    }
    found = {}
    for name, question in asked.items():
        try:
            answer: Any = await question
        except NotFound:
            answer = 0
        if isinstance(answer, Batch):
            answer = answer.rows
        if isinstance(answer, tuple):
            answer = len(answer)
        found[name] = answer if isinstance(answer, int) else int(answer is not None)
    return found
