"""The settings: what holds now, what comes next, and what waits for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.page import Column, Row, Table
from county_gov.contract.text import Text
from county_gov.parameters.words import COUNTY, day_words, value_words
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.naming import area_name
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from county_gov.contract.page import View
    from county_gov.contract.parameter import Parameter
    from county_gov.parameters import AreaValue, Overview, Proposal
    from county_gov.server.call import Call

TITLE = navigation.SETTINGS.title
MINE = Text(zh="等您批准", en="waits for you")
OTHERS = Text(zh="等他人批准", en="waits for somebody else")
ABOVE = Text(zh="适用上级的值", en="The value above")
FOR = Text(zh="适用于", en="For")
EVERY_CHOICE = Text(zh="其他类别", en="All other classes")
DEFAULT = Text(zh="默认值", en="Default")
NOTHING = Text(zh="没有值，无法判定", en="No value: cannot be determined")
MISFIT = Text(zh="单位或范围已改变，须重新设定", en="No longer fits: has to be set anew")
WAITING_COLUMNS = (
    Column("title", Text(zh="参数", en="Setting"), sortable=False),
    Column("value", Text(zh="提出的值", en="Proposed value"), sortable=False),
    Column("area", FOR, sortable=False),
    Column("from", Text(zh="生效日期", en="Holds from"), sortable=False),
    Column("by", Text(zh="提出人", en="Proposed by"), sortable=False),
    Column("at", Text(zh="提出时间", en="Proposed"), "instant", sortable=False),
    Column("state", Text(zh="状态", en="State"), "state", sortable=False),
)
VALUE_COLUMNS = (
    Column("area", FOR, sortable=False),
    Column("value", Text(zh="现行值", en="Value now"), sortable=False),
    Column("since", Text(zh="生效日期", en="Since"), sortable=False),
    Column("document", Text(zh="文号", en="Document"), sortable=False),
    Column("next", Text(zh="下一个值", en="Next"), sortable=False),
)


async def show_parameters(call: Call) -> web.StreamResponse:
    """Every setting that who looks may see."""
    found = await call.county.parameters.overview(call.actor)
    mine = {id(one) for each in found for one in each.decidable(call.actor)}
    waiting = [(each, one) for each in found for one in each.open]
    views: list[View] = []
    if waiting:
        views.append(_waiting(call, waiting, mine))
    views.append(_in_force(call, found))
    return await draw(
        call,
        "list.html",
        title=TITLE,
        headline=_headline(len(mine), len(waiting)),
        refresh_on=("parameter",),
        views=tuple(views),
        filters=(),
    )


def _headline(mine: int, waiting: int) -> Text:
    if mine:
        proposals = "proposal waits" if mine == 1 else "proposals wait"
        return Text(zh=f"{mine} 项参数值等您批准", en=f"{mine} {proposals} for your approval")
    if waiting:
        proposals = "proposal waits" if waiting == 1 else "proposals wait"
        return Text(
            zh=f"{waiting} 项参数值等他人批准", en=f"{waiting} {proposals} for somebody's approval"
        )
    return Text(zh="没有等待批准的参数值", en="No setting waits for approval")


def _waiting(call: Call, waiting: Sequence[tuple[Overview, Proposal]], mine: set[int]) -> Table:
    return Table(
        id="waiting",
        title=Text(zh="等待批准", en="Waiting for approval"),
        columns=WAITING_COLUMNS,
        rows=tuple(
            Row(
                {
                    "by": one.proposed_by,
                    "at": one.proposed_at,
                    "from": day_words(one.effective_from),
                    "state": "notice" if id(one) in mine else "neutral",
                },
                texts={
                    "title": overview.parameter.title,
                    "value": words_of(call, overview, one),
                    "area": target_words(call, overview.parameter, one.area, one.subject),
                    "state": MINE if id(one) in mine else OTHERS,
                },
                href=f"/parameters/{overview.parameter.id}#proposal-{one.number}",
            )
            for overview, one in waiting
        ),
        total=len(waiting),
        empty=Text(zh="没有等待批准的参数值。", en="No proposal waits."),
    )


def _in_force(call: Call, found: Sequence[Overview]) -> Table:
    rows = tuple(
        _row(call, overview, one, titled=True) for overview in found for one in overview.values
    )
    return Table(
        id="values",
        title=Text(zh="现行值", en="What holds now"),
        columns=(Column("title", Text(zh="参数", en="Setting"), sortable=False), *VALUE_COLUMNS),
        rows=rows,
        total=len(rows),
        empty=Text(
            zh="没有可设置的参数：它们由启用的插件提供。",
            en="There is nothing to set: enabled plugins bring the settings.",
        ),
    )


def values_table(call: Call, overview: Overview) -> Table:
    """What one parameter's areas have of their own, now and next."""
    rows = tuple(_row(call, overview, one) for one in overview.values)
    return Table(
        id="values",
        title=Text(zh="现行值与下一个值", en="What holds now, and what comes next"),
        columns=VALUE_COLUMNS,
        rows=rows,
        total=len(rows),
        empty=Text(zh="没有值。", en="There is no value."),
    )


def _row(call: Call, overview: Overview, one: AreaValue, *, titled: bool = False) -> Row:
    current = one.current
    texts = {
        "title": overview.parameter.title,
        "area": target_words(call, overview.parameter, one.area, one.subject),
        "value": current_words(call, overview, one),
    }
    since = document = ""
    if current is not None:
        since = day_words(current.effective_from)
        document = current.document_number
    elif overview.parameter.citation is not None and not (one.area or one.subject):
        citation = overview.parameter.citation
        document = citation.number or str(citation)
    if one.upcoming:
        coming = one.upcoming[0]
        value, day = words_of(call, overview, coming), day_words(coming.effective_from)
        texts["next"] = Text(
            zh=f"{value.zh}（{day} 起）", en=f"{value.in_language('en')} (from {day})"
        )
    cells = {"since": since, "document": document}
    return Row(cells, texts=texts, href=f"/parameters/{overview.parameter.id}" if titled else "")


def current_words(call: Call, overview: Overview, one: AreaValue) -> Text:
    """What holds for an area itself, in words."""
    if one.misfit is not None:
        return MISFIT
    if one.current is not None and one.current.value is not None:
        return words_of(call, overview, one.current)
    parameter = overview.parameter
    if one.subject or (one.area and one.current is not None):
        return ABOVE
    if parameter.default is None:
        return NOTHING
    value = value_words(parameter.field, parameter.default, call.county.parameters.timezone)
    return Text(
        zh=f"{value.zh}（{DEFAULT.zh}）", en=f"{value.in_language('en')} ({DEFAULT.en.lower()})"
    )


def words_of(call: Call, overview: Overview, one: Proposal) -> Text:
    """A proposal's value in words."""
    field = overview.parameter.field
    return _unbroken(value_words(field, one.value, call.county.parameters.timezone), field.unit)


def _unbroken(words: Text, unit: str) -> Text:
    """A value that keeps its unit on its line."""
    if not (unit and words.zh.endswith(f" {unit}")):
        return words
    return Text(zh=f"{words.zh.removesuffix(f' {unit}')}\N{NO-BREAK SPACE}{unit}")


def target_words(call: Call, parameter: Parameter, area: str, subject: str) -> Text:
    """What a value is for: a thing, a choice, an area or the whole county."""
    chosen = dict(parameter.choices).get(subject)
    if chosen is not None:
        return chosen
    if subject and parameter.choices:
        return Text(zh=f"{subject}（已取消的类别）", en=f"{subject} (class removed)")
    if subject:
        return thing_words(call, subject)
    return EVERY_CHOICE if parameter.choices and not area else area_words(call, area)


def thing_words(call: Call, thing: str) -> Text:
    """A thing's name, or its code where nothing is known of it any more."""
    views = call.county.registers.snapshot.datastreams_at(thing)
    named = next((one for one in views if one.thing_name), None)
    return Text(zh=thing) if named is None else Text(zh=named.thing_name, en=named.thing_name_en)


def area_words(call: Call, area: str) -> Text:
    """An area's name; the whole county where there is none."""
    return area_name(call.county.registers.snapshot, area) if area else COUNTY


ROUTES = (Route("GET", "/parameters", show_parameters, SIGNED_IN, TITLE),)
