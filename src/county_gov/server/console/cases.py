"""Cases: the list, with what is mine to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.page import Column, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import EXPORTED, Listing, csv_answer, table_rows
from county_gov.server.console.naming import area_name, role_title, state_title
from county_gov.server.render import Filter, Option
from county_gov.server.routes import SIGNED_IN, Route
from county_gov.store.case_lists import SORTS

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.cases import CaseSummary
    from county_gov.contract.workflow import Workflow
    from county_gov.server.call import Call

TITLE = navigation.CASES.title
ALL = Text(zh="全部", en="All")
COLUMNS = (
    Column("number", Text(zh="编号", en="Number")),
    Column("title", Text(zh="事项", en="Case")),
    Column("state", Text(zh="状态", en="State"), "state"),
    Column("task", Text(zh="当前任务", en="Task"), sortable=False),
    Column("holder", Text(zh="由谁办理", en="Whose turn"), sortable=False),
    Column("area", Text(zh="地点", en="Area")),
    Column("opened", Text(zh="立案", en="Opened"), "instant"),
    Column("moved", Text(zh="最近办理", en="Last moved"), "instant"),
)
EMPTY = Text(
    zh="没有符合条件的事项。可在上方选择“全部”查看已结案的事项。",
    en="No case matches. Choose “All” above to see closed ones as well.",
)


async def show_cases(call: Call) -> web.StreamResponse:
    """The list of cases."""
    listing = Listing.read(call.request.query, "cases", SORTS, "-moved")
    table = await _table(call, listing)
    _mine, waiting = await call.county.cases.find(call.actor, mine=call.actor, limit=1)
    return await draw(
        call,
        "list.html",
        title=TITLE,
        headline=_headline(waiting),
        refresh_on=("case",),
        views=(table,),
        filters=_filters(call),
    )


async def export_cases(call: Call) -> web.StreamResponse:
    """The list as CSV."""
    order = Listing.read(call.request.query, "cases", SORTS, "-moved").sort
    rows: list[Row] = []
    page = 1
    while len(rows) < EXPORTED:
        table = await _table(call, Listing("cases", page, order, 500))
        rows.extend(table.rows)
        if not table.rows or len(rows) >= table.total:
            break
        page += 1
    whole = Table("cases", TITLE, COLUMNS, tuple(rows), len(rows), EMPTY)
    return csv_answer("cases", table_rows(call, whole))


async def _table(call: Call, listing: Listing) -> Table:
    query = call.request.query
    shown = query.get("show", "")
    found, total = await call.county.cases.find(
        call.actor,
        workflow=query.get("workflow", ""),
        state=query.get("state", ""),
        open_only=shown != "all",
        mine=call.actor if shown == "mine" else None,
        text=query.get("q", "")[:100],
        sort=listing.sort,
        limit=listing.size,
        offset=listing.offset,
    )
    return Table(
        id="cases",
        title=Text(zh="事项列表", en="Cases"),
        columns=COLUMNS,
        rows=tuple(_row(call, one) for one in found),
        total=total,
        empty=EMPTY,
        page=listing.page,
        page_size=listing.size,
        sort=listing.sort,
        export=f"/cases.csv?{query_string(call)}",
    )


def query_string(call: Call) -> str:
    """The query of this page, as it came."""
    return call.request.query_string


def _row(call: Call, one: CaseSummary) -> Row:
    workflow = call.county.cases.workflow_of(one.view)
    texts = {
        "title": Text(zh=one.view.title, en=one.view.title_en),
        "state": state_title(workflow, one.view.state),
        "area": area_name(call.county.registers.snapshot, one.view.area),
    }
    if one.task is not None:
        texts["task"] = one.task.title
        texts["holder"] = role_title(call.county, one.task.role)
    return Row(
        {
            "number": one.view.number,
            "title": one.view.title,
            "state": case_status(workflow, one.view.state),
            "task": one.task.state if one.task else None,
            "holder": one.task.role if one.task else None,
            "area": one.view.area,
            "opened": one.view.opened_at,
            "moved": one.moved_at,
        },
        texts=texts,
        href=f"/cases/{one.view.id}",
    )


def case_status(workflow: Workflow | None, state: str) -> Status:
    """How a case in a state is shown: new ones ask for somebody, closed ones are good."""
    if workflow is None:
        return "unknown"
    if state == workflow.initial:
        return "warning"
    final = any(one.id == state and one.final for one in workflow.states)
    return "good" if final else "notice"


def _headline(waiting: int) -> Text:
    if not waiting:
        return Text(zh="没有等您办理的事项", en="No case waits for you")
    verb = "case waits" if waiting == 1 else "cases wait"
    return Text(zh=f"{waiting} 件事项等您办理", en=f"{waiting} {verb} for you")


def _filters(call: Call) -> tuple[Filter, ...]:
    query = call.request.query
    cases = call.county.cases
    workflows = [
        one
        for one in (*cases.workflows.values(), *cases.retired.values())
        if call.actor.may(one.read_permission)
    ]
    states = [Option(one.id, one.title) for flow in workflows for one in flow.states]
    return (
        Filter(
            "show",
            Text(zh="范围", en="Show"),
            "select",
            (
                Option("", Text(zh="未结案", en="Open")),
                Option("mine", Text(zh="等我办理", en="Waiting for me")),
                Option("all", Text(zh="全部（含已结案）", en="All, also closed")),
            ),
            query.get("show", ""),
        ),
        Filter(
            "state",
            Text(zh="状态", en="State"),
            "select",
            (Option("", ALL), *dict.fromkeys(states)),
            query.get("state", ""),
        ),
        Filter("q", Text(zh="编号或标题", en="Number or title"), value=query.get("q", "")[:100]),
    )


ROUTES = (
    Route("GET", "/cases", show_cases, SIGNED_IN, TITLE),
    Route(
        "GET",
        "/cases.csv",
        export_cases,
        SIGNED_IN,
        Text(zh="导出事项", en="Export cases as CSV"),
        answer_media="text/csv",
    ),
)
