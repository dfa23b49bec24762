"""One row: what is recorded, since when it holds, and what it was before each change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from county_gov.contract.dataset import VALID_FROM
from county_gov.contract.page import Column, Entry, Row, Table, Timeline
from county_gov.contract.text import Text
from county_gov.errors import AccessDenied, NotFound, RecordConflict
from county_gov.records.stored import day_text
from county_gov.server.console.forms import with_problems
from county_gov.server.console.frame import draw
from county_gov.server.console.records import address, crumbs_of
from county_gov.server.console.records_names import RecordNames, read_names
from county_gov.server.identifiers import ulid
from county_gov.server.problems import failure_of
from county_gov.server.records import DATASET, ROW, dataset_of, may_edit
from county_gov.server.render import Action
from county_gov.server.render.records import Link, RecordFact, RecordSheet
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.page import Status
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Field
    from county_gov.records.history import Revision, Values
    from county_gov.server.call import Call

TITLE = Text(zh="记录", en="Row")
CHANGES: Mapping[str, tuple[Text, Status]] = {
    "added": (Text(zh="新增", en="Added"), "good"),
    "changed": (Text(zh="修改", en="Changed"), "neutral"),
    "removed": (Text(zh="删除", en="Removed"), "warning"),
    "upgraded": (Text(zh="随版本升级", en="Upgraded with the schema"), "neutral"),
}
CONFLICT = Text(
    zh="您打开之后，别人已先修改。请核对最新内容后再决定是否删除。",
    en="Somebody changed it since you opened it. Look at it as it is now, then decide.",
)
OUTSIDE = Text(
    zh="这条记录属于您不能修改的区域。", en="It belongs to an area in which you may not write."
)
_VERSION = re.compile(r"[0-9]{1,15}")


async def show_record(call: Call) -> web.StreamResponse:
    """One row; of a dated dataset that which holds today, or on the day that its key names."""
    return await _page(call, dataset_of(call))


async def remove_record(call: Call) -> web.StreamResponse:
    """Remove a row; its history stays."""
    dataset = dataset_of(call)
    form = await call.form()
    try:
        await call.county.records.remove(
            call.actor,
            dataset.id,
            call.part("key"),
            idempotency_key=form.get("idempotency_key", ""),
            expected_version=version_of(form),
            request=call.id,
        )
    except RecordConflict as error:
        return await _page(call, dataset, error, CONFLICT)
    except AccessDenied as error:
        return await _page(call, dataset, error, OUTSIDE)
    return call.redirect(address(dataset.id), flash="record_removed")


def version_of(form: Mapping[str, str]) -> int:
    """The version that a form was drawn with; one that never was where the form is broken."""
    given = form.get("expected_version", "")
    return int(given) if _VERSION.fullmatch(given) else 2**53


async def _page(
    call: Call, dataset: Dataset, error: Exception | None = None, why: Text | None = None
) -> web.StreamResponse:
    record, revisions = await _read(call, dataset, call.part("key"))
    values: list[Values] = [
        one for each in revisions for one in (each.before, each.after) if one is not None
    ]
    fields = dataset.record_schema.fields
    if record is not None:
        values.append(record.values)
    names = await read_names(call, fields, values)
    name = names.row(dataset, record) if record else Text(zh=call.part("key"))
    action = _removal(call, dataset, record) if record and may_edit(call, dataset) else None
    if action is not None and error is not None:
        action = with_problems(action, {}, (), why)
    kept = _kept_periods(revisions)
    views: list[Table | Timeline] = []
    if dataset.dated and kept:
        views.append(_periods(dataset, record, kept, names))
    if revisions:
        views.append(_timeline(call, dataset, revisions, names))
    return await draw(
        call,
        "record.html",
        title=dataset.title,
        headline=name,
        status=200 if error is None else failure_of(error).status,
        crumbs=crumbs_of(dataset),
        links=_links(call, dataset, record),
        record=_sheet(call, dataset, record, names) if record else None,
        actions=(action,) if action else (),
        views=tuple(views),
    )


async def _read(
    call: Call, dataset: Dataset, key: str
) -> tuple[Record | None, tuple[Revision, ...]]:
    """A key's row and the changes of all its rows; of a key without a row today its next one."""
    records = call.county.records
    found = await records.get(call.actor, dataset.id, key, request=call.id)
    wanted = key if found is None else found.key
    try:
        revisions = await records.history(call.actor, dataset.id, wanted, request=call.id)
    except NotFound:
        # A row that came from another area shows what it is, and not what it was there.
        if found is None:
            raise
        revisions = ()
    ahead = sorted(_kept_periods(revisions))
    if found is None and dataset.dated and ahead:
        full = f"{revisions[0].key}/{ahead[0]}"
        found = await records.get(call.actor, dataset.id, full, request=call.id)
    return found, revisions


def _kept_periods(revisions: Sequence[Revision]) -> dict[str, Revision]:
    """The last change of each row of a key that was not removed, by the day from which it holds."""
    last: dict[str, Revision] = {}
    for one in revisions:
        last.setdefault(one.valid_from, one)
    return {day: one for day, one in last.items() if one.after is not None}


def full_key(dataset: Dataset, record: Record) -> str:
    """The key that names just this row."""
    day = record.values.get(VALID_FROM) if dataset.dated else None
    return record.key if day is None else f"{record.key}/{day}"


def fact_of(one: Field, record: Record, names: RecordNames) -> RecordFact:
    """A field of a row in words."""
    value = record.values.get(one.name)
    masked = one.name in record.masked
    return RecordFact(one.title, names.measured(one, value), masked=masked)


def _sheet(call: Call, dataset: Dataset, record: Record, names: RecordNames) -> RecordSheet:
    holds = None
    if dataset.dated:
        day = str(record.values[VALID_FROM])
        begun = day <= day_text(call.county.records.today())
        holds = Text(
            zh=f"自 {day} 起有效" if begun else f"将自 {day} 起有效",
            en=f"holds from {day}" if begun else f"will hold from {day}",
        )
    return RecordSheet(
        facts=tuple(fact_of(one, record, names) for one in dataset.record_schema.fields),
        version=record.version,
        changed_at=record.changed_at,
        changed_by=record.changed_by,
        holds=holds,
    )


def _links(call: Call, dataset: Dataset, record: Record | None) -> tuple[Link, ...]:
    if record is None or not may_edit(call, dataset):
        return ()
    full = full_key(dataset, record)
    edit = Link(
        Text(zh="修改", en="Change"), address(dataset.id, "rows", full, "edit"), primary=True
    )
    if not dataset.dated:
        return (edit,)
    anew = Text(zh="从新日期起变更", en="Change from another day on")
    return (edit, Link(anew, f"{address(dataset.id, 'new')}?{urlencode({'like': full})}"))


def _removal(call: Call, dataset: Dataset, record: Record) -> Action:
    full = full_key(dataset, record)
    return Action(
        id="remove",
        label=Text(zh="删除这条记录", en="Remove this row"),
        href=address(dataset.id, "rows", full, "remove"),
        consequence=Text(
            zh="删除后列表中不再出现，使用它的规则和任务也不再读到它；变更经过仍保留。",
            en="It leaves the list, and rules and tasks no longer find it; its history is kept.",
        ),
        idempotency_key=ulid(call.now),
        expected_version=record.version,
    )


def _periods(
    dataset: Dataset, record: Record | None, kept: Mapping[str, Revision], names: RecordNames
) -> Table:
    """Since when which values hold."""
    changing = [
        one
        for one in dataset.schema.fields
        if one.name not in dataset.schema.key
        and len({str((each.after or {}).get(one.name)) for each in kept.values()}) > 1
    ]
    shown = str(record.values[VALID_FROM]) if record else ""
    columns = (
        Column("day", Text(zh="生效日期", en="Valid from"), sortable=False),
        *(Column(one.name, one.title, sortable=False) for one in changing[:6]),
        Column("shown", Text(zh="本页", en="This page"), sortable=False),
    )
    rows = tuple(
        Row(
            {"day": day, "shown": None},
            texts={
                **{one.name: names.measured(one, values.get(one.name)) for one in changing[:6]},
                **({"shown": Text(zh="正在查看", en="shown here")} if day == shown else {}),
            },
            href=address(dataset.id, "rows", f"{one.key}/{day}"),
        )
        for day, one in sorted(kept.items(), reverse=True)
        if (values := one.after) is not None
    )
    return Table(
        id="periods",
        title=Text(zh="各时期的内容", en="What holds from when"),
        columns=columns,
        rows=rows,
        total=len(rows),
        empty=Text(zh="没有内容", en="Nothing"),
    )


def _timeline(
    call: Call, dataset: Dataset, revisions: Sequence[Revision], names: RecordNames
) -> Timeline:
    entries = []
    for one in reversed(revisions):
        title, status = CHANGES[one.change]
        if one.valid_from:
            title = Text(
                zh=f"{title.zh}（{one.valid_from} 起）",
                en=f"{title.in_language('en')} (from {one.valid_from})",
            )
        details = changes_in_words(call, dataset, one.before, one.after, names)
        entries.append(Entry(one.changed_at, title, one.changed_by, details, status))
    return Timeline("history", Text(zh="变更经过", en="Its history"), tuple(entries))


def changes_in_words(
    call: Call,
    dataset: Dataset,
    before: Values | None,
    after: Values | None,
    names: RecordNames,
) -> tuple[tuple[Text, str], ...]:
    """Each field that differs: its title, and what it was and became."""
    found = []
    for one in dataset.schema.fields:
        old, new = (before or {}).get(one.name), (after or {}).get(one.name)
        if before is not None and after is not None:
            if old == new:
                continue
            was, is_now = (call.words(names.measured(one, each)) for each in (old, new))
            found.append((one.title, f"{was} → {is_now}"))
        else:
            value = new if before is None else old
            if value is not None and value != "":
                found.append((one.title, call.words(names.measured(one, value))))
    return tuple(found)


ROUTES = (
    Route(
        "GET",
        f"/records/{DATASET}/rows/{ROW}",
        show_record,
        SIGNED_IN,
        Text(zh="查看记录", en="One row and its history"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/records/{DATASET}/rows/{ROW}/remove",
        remove_record,
        SIGNED_IN,
        Text(zh="删除记录", en="Remove a row"),
        media=("application/x-www-form-urlencoded",),
        failures=(404, 409),
    ),
)
