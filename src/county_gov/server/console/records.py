"""The rows of a dataset: found, ordered, taken out as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from attrs import frozen

from county_gov.contract.dataset import VALID_FROM_FIELD
from county_gov.contract.page import Column, Row, Table
from county_gov.contract.records import Equal, Filter, From, Missing, Until
from county_gov.contract.text import Text
from county_gov.errors import RecordInvalid
from county_gov.server.console import navigation
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing, typed
from county_gov.server.console.records_names import RecordNames, label_of, options_of, read_names
from county_gov.server.records import (
    DATASET,
    FORMAT,
    dataset_of,
    file_answer,
    may_edit,
    may_import,
    values_of,
)
from county_gov.server.render import Filter as ListFilter
from county_gov.server.render import Option
from county_gov.server.render.records import Link
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Field
    from county_gov.server.call import Call
    from county_gov.tabular.table import TableFormat

TITLE = navigation.CATALOGUE.title
CATALOGUE = Link(TITLE, "/records")
ALL = Text(zh="全部", en="All")
TODAY = Text(zh="今天有效", en="In force today")
EVERY_DAY = Text(zh="所有日期", en="Of all days")
MOST_COLUMNS = 8
"""Fields that a list shows; the row's own page has them all."""
MOST_FILTERS = 4
MASKED = Text(zh="已脱敏", en="masked")
EMPTY = "-"
"""Stands in an address for what is not filled in."""
NOT_FILLED = Text(zh="（未填写）", en="(not filled in)")
FROM, UNTIL = Text(zh="不早于", en="not before"), Text(zh="不晚于", en="not after")


def address(dataset: str, *parts: str) -> str:
    """An address below a dataset's list."""
    return "/".join(["/records", dataset, *(quote(part, safe="") for part in parts)])


def crumbs_of(dataset: Dataset, *more: Link) -> tuple[Link, ...]:
    """The way back from a page below a dataset's list."""
    return (CATALOGUE, Link(dataset.title, address(dataset.id)), *more)


async def show_records(call: Call) -> web.StreamResponse:
    """The rows of a dataset."""
    dataset = dataset_of(call)
    listing = Listing.read(
        call.request.query, "rows", [one.name for one in dataset.record_schema.fields], ""
    )
    wanted = _wanted(call, dataset)
    found, total = await _find(call, dataset, wanted, listing)
    columns = _columns(dataset)
    names = await read_names(call, columns, [one.values for one in found])
    masked = frozenset[str]().union(*(one.masked for one in found))
    table = Table(
        id="rows",
        title=dataset.title,
        columns=tuple(_column(one, masked) for one in columns),
        rows=tuple(_row(dataset, one, columns, names, wanted.on) for one in found),
        total=total,
        empty=_empty(call, dataset, narrowed=wanted != Wanted()),
        page=listing.page,
        page_size=listing.size,
        sort=listing.sort,
        export=_export(call, dataset, "csv"),
    )
    noun = "row" if total == 1 else "rows"
    return await draw(
        call,
        "records.html",
        title=dataset.title,
        headline=Text(
            zh=f"{dataset.title.zh}：共 {total} 条",
            en=f"{dataset.title.in_language('en')}: {total} {noun}",
        ),
        crumbs=(CATALOGUE,),
        links=_links(call, dataset, total),
        views=(table,),
        filters=await _filters(call, dataset),
    )


def _columns(dataset: Dataset) -> tuple[Field, ...]:
    """The fields that the list shows: what names a row, its key, then the others in order."""
    first = [dataset.label] if dataset.label else []
    wanted = dict.fromkeys([*first, *dataset.schema.key])
    if dataset.dated:
        wanted[VALID_FROM_FIELD.name] = None
    wanted |= dict.fromkeys(one.name for one in dataset.schema.fields if not one.multiline)
    by_name = {one.name: one for one in dataset.record_schema.fields}
    return tuple(by_name[name] for name in list(wanted)[:MOST_COLUMNS])


def _column(one: Field, masked: frozenset[str]) -> Column:
    title = one.title
    if one.name in masked:
        title = Text(zh=f"{title.zh}（{MASKED.zh}）", en=f"{title.in_language('en')} ({MASKED.en})")
    if one.dtype == "instant":
        return Column(one.name, title, "instant")
    number = one.dtype in ("int64", "float64") and not (one.refers or one.choices)
    if number:
        return Column(one.name, title, "number", unit=one.unit, decimals=one.decimals or 0)
    return Column(one.name, title)


def _row(
    dataset: Dataset, record: Record, columns: Sequence[Field], names: RecordNames, on: str
) -> Row:
    day = str(record.values.get(VALID_FROM_FIELD.name) or "")
    query = f"?{urlencode({'on': day})}" if on and day else ""
    first = columns[0]
    texts = {
        one.name: names.words(one, record.values.get(one.name))
        for one in columns
        if one.refers or one.choices or one.dtype == "bool"
    }
    texts = {name: words for name, words in texts.items() if record.values.get(name) is not None}
    cells: dict[str, str | int | float | None] = {
        one.name: record.values.get(one.name) for one in columns
    }
    if first.name == dataset.label and not cells[first.name]:
        cells[first.name] = label_of(dataset, record)
    return Row(cells, texts, href=f"{address(dataset.id, 'rows', record.key)}{query}")


def _empty(call: Call, dataset: Dataset, *, narrowed: bool) -> Text:
    if narrowed:
        return Text(
            zh="没有符合条件的记录。请放宽条件，或选择“显示全部”。",
            en="No row matches. Ask for less, or choose “Show all”.",
        )
    if may_edit(call, dataset):
        return Text(
            zh="还没有记录。请点击“新增”逐条填写，或点击“导入”一次导入文件。",
            en="There are no rows yet. Choose “Add” to write one, or “Import” to bring a file.",
        )
    return Text(zh="您的辖区内还没有记录。", en="There are no rows in your area yet.")


def _links(call: Call, dataset: Dataset, total: int) -> tuple[Link, ...]:
    found = []
    if may_edit(call, dataset):
        found.append(Link(Text(zh="新增", en="Add"), address(dataset.id, "new"), primary=True))
    if may_import(call, dataset):
        found.append(Link(Text(zh="导入", en="Import"), address(dataset.id, "import")))
    if total:
        words = Text(zh="导出 Excel", en="Export as Excel")
        found.append(Link(words, _export(call, dataset, "xlsx")))
    found.append(
        Link(Text(zh="字段说明", en="What the fields mean"), address(dataset.id, "fields"))
    )
    return tuple(found)


def _export(call: Call, dataset: Dataset, kind: str) -> str:
    """The address of the list as a file."""
    query = call.request.query_string
    return f"{address(dataset.id, f'export.{kind}')}{f'?{query}' if query else ''}"


@frozen
class Wanted:
    """What the address narrows a list to: fields, the day, text, and an area with those below."""

    where: tuple[Filter, ...] = ()
    on: str = ""
    search: str = ""
    within: str = ""


def _wanted(call: Call, dataset: Dataset) -> Wanted:
    query = call.request.query
    words = {one.name: typed(query, f"f.{one.name}") for one in _filterable(dataset)}
    given = {name: value for name, value in words.items() if value}
    within = given.pop(dataset.area, "") if dataset.area else ""
    on = typed(query, "on") if dataset.dated else ""
    known = on == "all" or is_day(on)
    empty = [name for name, value in given.items() if value == EMPTY]
    values = values_of(call, dataset, {k: v for k, v in given.items() if v != EMPTY})
    where: list[Filter] = [Missing(name) for name in empty]
    where += [Equal(name, value) for name, value in values.items() if value is not None]
    for one in _ranged(dataset):
        where += _range(call, one, typed(query, f"from.{one.name}"), typed(query, f"to.{one.name}"))
    return Wanted(tuple(where), on if known else "", typed(query, "q").strip(), within)


def _range(call: Call, one: Field, first: str, last: str) -> Iterator[Filter]:
    """The filters of a range of local days, both counted in."""
    if one.dtype == "date":
        if is_day(first):
            yield From(one.name, first)
        if is_day(last):
            yield Until(one.name, last)
        return
    timezone = ZoneInfo(call.county.settings.county.timezone)
    if is_day(first):
        yield From(
            one.name, datetime.combine(date.fromisoformat(first), time(), timezone).isoformat()
        )
    if is_day(last):
        end = datetime.combine(date.fromisoformat(last), time.max, timezone)
        yield Until(one.name, end.isoformat())


async def _find(
    call: Call, dataset: Dataset, wanted: Wanted, listing: Listing
) -> tuple[tuple[Record, ...], int]:
    """The rows of a page and how many there are; none where an address asks what none can be."""
    records, (where, on) = call.county.records, (wanted.where, wanted.on)
    search, within = wanted.search, wanted.within
    try:
        found = await records.find(
            call.actor,
            dataset.id,
            where=where,
            on=on,
            search=search,
            within=within,
            sort=listing.sort,
            limit=listing.size,
            offset=listing.offset,
            request=call.id,
        )
        total = await records.count(
            call.actor, dataset.id, where=where, on=on, search=search, within=within
        )
    except RecordInvalid:
        return (), 0
    return found, total


def _filterable(dataset: Dataset) -> tuple[Field, ...]:
    """The fields that the list can be narrowed by: those with few values."""
    found = [
        one
        for one in dataset.schema.fields
        if one.classification != "personal"
        and one.decimals is None
        and (one.choices or one.refers in ("area", "unit") or one.dtype == "bool")
    ]
    return tuple(found[:MOST_FILTERS])


def _ranged(dataset: Dataset) -> tuple[Field, ...]:
    """The day or time by which the list can be narrowed: when it happened, else an indexed one."""
    schema = dataset.schema
    found = [
        one
        for one in schema.fields
        if one.dtype in ("date", "instant")
        and one.classification != "personal"
        and (one.indexed or one.name in (schema.event_time, schema.key[0]))
    ]
    return tuple(sorted(found, key=lambda one: one.name != schema.event_time)[:1])


async def _filters(call: Call, dataset: Dataset) -> tuple[ListFilter, ...]:
    query = call.request.query
    fields = _filterable(dataset)
    referred = await options_of(call, fields, call.actor.scope(dataset.read_permission))
    found = [ListFilter("q", Text(zh="包含文字", en="With the text"), value=typed(query, "q"))]
    for one in fields:
        options = referred.get(one.name) or tuple(Option(key, words) for key, words in one.choices)
        if one.dtype == "bool":
            options = (
                Option("yes", Text(zh="是", en="yes")),
                Option("no", Text(zh="否", en="no")),
            )
        name = f"f.{one.name}"
        if not one.required:
            options = (*options, Option(EMPTY, NOT_FILLED))
        found.append(
            ListFilter(name, one.title, "select", (Option("", ALL), *options), typed(query, name))
        )
    for one in _ranged(dataset):
        for end, words in (("from", FROM), ("to", UNTIL)):
            name = f"{end}.{one.name}"
            title = Text(
                zh=f"{one.title.zh}{words.zh}",
                en=f"{one.title.in_language('en')}: {words.en}",
            )
            day = typed(query, name)
            found.append(ListFilter(name, title, "date", value=day if is_day(day) else ""))
    if dataset.dated:
        on = typed(query, "on")
        found.append(
            ListFilter(
                "on",
                Text(zh="哪一天有效", en="In force on"),
                "date",
                value=on if is_day(on) else "",
            )
        )
    return tuple(found)


def is_day(text: str) -> bool:
    """Whether a text is a day as a date input gives it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


async def export_records(call: Call) -> web.StreamResponse:
    """The list as a file, as it is narrowed and ordered."""
    dataset, kind = dataset_of(call), cast("TableFormat", call.part("format"))
    names = [one.name for one in dataset.record_schema.fields]
    wanted = _wanted(call, dataset)
    body = await call.county.records.export(
        call.actor,
        dataset.id,
        kind,
        where=wanted.where,
        on=wanted.on,
        search=wanted.search,
        within=wanted.within,
        sort=Listing.read(call.request.query, "rows", names, "").sort,
        language=call.language,
        request=call.id,
    )
    return file_answer(dataset.id, kind, body)


async def show_template(call: Call) -> web.StreamResponse:
    """An empty file with the columns of a dataset."""
    dataset, kind = dataset_of(call), cast("TableFormat", call.part("format"))
    body = await call.county.records.template(call.actor, dataset.id, kind, language=call.language)
    return file_answer(f"{dataset.id}-template", kind, body)


ROUTES = (
    Route(
        "GET",
        f"/records/{DATASET}",
        show_records,
        SIGNED_IN,
        Text(zh="数据列表", en="The rows of a dataset"),
        failures=(404,),
    ),
    Route(
        "GET",
        f"/records/{DATASET}/export.{FORMAT}",
        export_records,
        SIGNED_IN,
        Text(zh="导出数据", en="Export rows as CSV or Excel"),
        answer_media="text/csv",
        failures=(404,),
    ),
    Route(
        "GET",
        f"/records/{DATASET}/template.{FORMAT}",
        show_template,
        SIGNED_IN,
        Text(zh="导入模板", en="An empty file to fill in"),
        answer_media="text/csv",
        failures=(404,),
    ),
)
