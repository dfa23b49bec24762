"""Adding a row and changing one: forms made from the dataset's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import evolve

from county_gov.contract.dataset import VALID_FROM
from county_gov.contract.schema import Schema
from county_gov.contract.text import Text
from county_gov.contract.values import from_words
from county_gov.errors import AccessDenied, NotFound, RecordConflict, RecordInvalid
from county_gov.server.console.forms import field_of, shown_value, with_problems
from county_gov.server.console.frame import draw
from county_gov.server.console.records import address, crumbs_of
from county_gov.server.console.records_names import options_of, read_names
from county_gov.server.console.records_row import fact_of, full_key, version_of
from county_gov.server.identifiers import ulid
from county_gov.server.problems import failure_of
from county_gov.server.records import DATASET, ROW, dataset_of, may_edit
from county_gov.server.render import Action, ActionField
from county_gov.server.render.records import Link
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Field
    from county_gov.server.call import Call

ADD = Text(zh="新增", en="Add")
CHANGE = Text(zh="修改", en="Change")
SAVE = Text(zh="保存", en="Save")
EXISTS = Text(
    zh="主键相同的记录已经存在，本次没有保存。请改用别的主键，或打开已有的记录修改；已填写的内容仍保留。",
    en="There is a row with this key already; nothing was saved. Use another key, or change that "
    "row; what you typed is kept.",
)
GONE = Text(
    zh="您打开之后，这条记录已被别人删除，本次没有保存。已填写的内容仍保留，可抄录后重新新增。",
    en="Somebody removed this row since you opened it; nothing was saved. What you typed is kept, "
    "so that you can add it anew.",
)
OUTSIDE = Text(
    zh="您不能在这个区域新增或修改记录，本次没有保存。请选择您负责的区域。",
    en="You may not write rows of this area; nothing was saved. Choose an area of yours.",
)
AGAIN = Text(
    zh="这张表单已经提交过一次，内容不同，本次没有保存。请核对后再次保存。",
    en="This form was sent before with something else; nothing was saved. Check it and save again.",
)
UNMASK = Text(
    zh="已脱敏显示；不改动则原内容不变。",
    en="Shown masked; what is not touched stays as it is.",
)
Tried = tuple[Mapping[str, str], Exception]
"""What was typed, and why it was refused."""


async def show_new(call: Call) -> web.StreamResponse:
    """The form for a new row; ``?like=`` begins with what another row has."""
    dataset = _editable(call)
    like = call.request.query.get("like", "")
    record = await call.county.records.get(call.actor, dataset.id, like) if like else None
    return await _new_page(call, dataset, like=record)


async def post_new(call: Call) -> web.StreamResponse:
    """Add a row."""
    dataset = _editable(call)
    form = dict(await call.form())
    key = form.pop("idempotency_key", "")
    fields = dataset.record_schema.fields
    try:
        record = await call.county.records.put(
            call.actor,
            dataset.id,
            _typed(call, fields, form),
            idempotency_key=key,
            expected_version=0,
            request=call.id,
        )
    except (RecordInvalid, RecordConflict, AccessDenied, NotFound) as error:
        return await _new_page(call, dataset, tried=(form, error))
    return call.redirect(
        address(dataset.id, "rows", full_key(dataset, record)), flash="record_saved"
    )


async def show_edit(call: Call) -> web.StreamResponse:
    """The form of a row."""
    dataset = _editable(call)
    return await _edit_page(call, dataset, await _one(call, dataset))


async def post_edit(call: Call) -> web.StreamResponse:
    """Change a row."""
    dataset = _editable(call)
    form = dict(await call.form())
    key = form.pop("idempotency_key", "")
    record = await call.county.records.get(call.actor, dataset.id, call.part("key"))
    if record is None:
        return await _new_page(call, dataset, tried=(form, RecordConflict("gone", code="gone")))
    names = dataset.record_schema.key
    kept = {name: record.values[name] for name in names}
    try:
        await call.county.records.put(
            call.actor,
            dataset.id,
            {**_typed(call, _changeable(dataset), form), **kept},
            idempotency_key=key,
            expected_version=version_of(form),
            request=call.id,
        )
    except (RecordInvalid, RecordConflict, AccessDenied) as error:
        return await _edit_page(call, dataset, await _one(call, dataset), tried=(form, error))
    return call.redirect(
        address(dataset.id, "rows", full_key(dataset, record)), flash="record_saved"
    )


def _editable(call: Call) -> Dataset:
    """The dataset of the address, to be changed row by row.

    Raises:
        NotFound: if who asks may not read it.
        AccessDenied: if its rows are only read, or imported.
    """
    dataset = dataset_of(call)
    if not may_edit(call, dataset):
        raise AccessDenied(f"you may not change single rows of {dataset.id}")
    return dataset


async def _one(call: Call, dataset: Dataset) -> Record:
    key = call.part("key")
    record = await call.county.records.get(call.actor, dataset.id, key, request=call.id)
    if record is None:
        raise NotFound(f"{dataset.id} has no record {key[:200]!r}")
    return record


def _changeable(dataset: Dataset) -> tuple[Field, ...]:
    """The fields that a row's form asks: all but its key."""
    schema = dataset.record_schema
    return tuple(one for one in schema.fields if one.name not in schema.key)


def _typed(
    call: Call, fields: Sequence[Field], form: Mapping[str, str]
) -> dict[str, str | int | float | bool | None]:
    """The values of a form's own fields; anything else that was sent is none of theirs."""
    names = {one.name for one in fields}
    given = {name: words for name, words in form.items() if name in names}
    timezone = ZoneInfo(call.county.settings.county.timezone)
    return from_words(Schema(tuple(fields)), given, timezone)


async def _new_page(
    call: Call, dataset: Dataset, *, like: Record | None = None, tried: Tried | None = None
) -> web.StreamResponse:
    fields = dataset.record_schema.fields
    action = Action(
        id="add",
        label=SAVE,
        href=address(dataset.id, "new"),
        fields=await _asked(call, dataset, fields, like, anew=True),
        idempotency_key=ulid(call.now),
        primary=True,
    )
    return await _draw(call, dataset, ADD, action, tried=tried)


async def _edit_page(
    call: Call, dataset: Dataset, record: Record, *, tried: Tried | None = None
) -> web.StreamResponse:
    full = full_key(dataset, record)
    action = Action(
        id="change",
        label=SAVE,
        href=address(dataset.id, "rows", full, "edit"),
        fields=await _asked(call, dataset, _changeable(dataset), record),
        idempotency_key=ulid(call.now),
        expected_version=record.version,
        primary=True,
    )
    return await _draw(call, dataset, CHANGE, action, tried=tried, record=record)


async def _asked(
    call: Call,
    dataset: Dataset,
    fields: Sequence[Field],
    record: Record | None,
    *,
    anew: bool = False,
) -> tuple[ActionField, ...]:
    """How each field is asked, beginning with what a row has."""
    timezone = ZoneInfo(call.county.settings.county.timezone)
    options = await options_of(call, fields, call.actor.scope(dataset.write_permission))
    found = []
    for one in fields:
        value = record.values.get(one.name) if record else None
        masked = record is not None and one.name in record.masked
        if anew and (masked or one.name == VALID_FROM):
            value = None
        asked = field_of(one, options.get(one.name), value=shown_value(one, value, timezone))
        if masked and not anew:
            asked = evolve(asked, help=_joined(asked.help, UNMASK))
        found.append(asked)
    return tuple(found)


def _joined(first: Text | None, second: Text) -> Text:
    if first is None:
        return second
    english = f"{first.in_language('en')}. {second.in_language('en')}"
    return Text(zh=f"{first.zh.rstrip('。')}。{second.zh}", en=english)


async def _draw(
    call: Call,
    dataset: Dataset,
    title: Text,
    action: Action,
    *,
    tried: Tried | None,
    record: Record | None = None,
) -> web.StreamResponse:
    status = 200
    names = await read_names(call, dataset.record_schema.fields, [record.values] if record else [])
    if tried is not None:
        status = failure_of(tried[1]).status
        action = _refused(action, tried, record)
    key = dataset.record_schema.key
    facts = tuple(
        fact_of(one, record, names)
        for one in (dataset.record_schema.fields if record else ())
        if record and one.name in key
    )
    crumbs = crumbs_of(dataset)
    back = address(dataset.id)
    name = dataset.title
    if record is not None:
        back = address(dataset.id, "rows", full_key(dataset, record))
        name = names.row(dataset, record)
        crumbs = crumbs_of(dataset, Link(name, back))
    return await draw(
        call,
        "record_form.html",
        title=title,
        headline=Text(
            zh=f"{title.zh}：{name.zh}", en=f"{title.in_language('en')}: {name.in_language('en')}"
        ),
        status=status,
        crumbs=crumbs,
        links=(),
        facts=facts,
        form=action,
        back=Link(Text(zh="取消", en="Cancel"), back),
    )


def _refused(action: Action, tried: Tried, record: Record | None) -> Action:
    """The form with what was typed, and what is wrong with it."""
    typed, error = tried
    if isinstance(error, RecordInvalid):
        return with_problems(action, typed, error.problems)
    if isinstance(error, (AccessDenied, NotFound)):
        return with_problems(action, typed, (), OUTSIDE)
    if isinstance(error, RecordConflict) and error.code == "idempotency":
        return with_problems(action, typed, (), AGAIN)
    if record is None:
        gone = isinstance(error, RecordConflict) and error.code == "gone"
        return with_problems(action, typed, (), GONE if gone else EXISTS)
    return _beside(with_problems(action, typed, (), _changed_by(record)), action)


def _changed_by(record: Record) -> Text:
    return Text(
        zh=f"您打开之后，{record.changed_by} 已先修改（现为第 {record.version} 版），本次没有保存。"
        "您填写的内容保留在下方，现在的内容写在各项旁边；核对后再次保存，以您填写的为准。",
        en=f"{record.changed_by} changed it since you opened it (now version {record.version}); "
        "nothing was saved. What you typed is kept below, with what it is now beside it; "
        "save again and yours counts.",
    )


def _beside(tried: Action, current: Action) -> Action:
    """Beside each field that was typed otherwise, what it is now."""
    now = {one.name: one for one in current.fields}
    fields = []
    for one in tried.fields:
        kept = now[one.name]
        if kept.value == one.value:
            fields.append(one)
            continue
        words = next((each.label for each in kept.options if each.value == kept.value), None)
        shown = words or Text(zh=kept.value or "（空）", en=kept.value or "(empty)")
        note = Text(
            zh=f"现在的内容：{shown.zh.strip()}", en=f"Now: {shown.in_language('en').strip()}"
        )
        fields.append(evolve(one, help=_joined(one.help, note)))
    return evolve(tried, fields=tuple(fields))


FORM = ("application/x-www-form-urlencoded",)
ROUTES = (
    Route(
        "GET",
        f"/records/{DATASET}/new",
        show_new,
        SIGNED_IN,
        Text(zh="新增记录", en="The form for a new row"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/records/{DATASET}/new",
        post_new,
        SIGNED_IN,
        Text(zh="新增记录", en="Add a row"),
        media=FORM,
        failures=(404, 409),
    ),
    Route(
        "GET",
        f"/records/{DATASET}/rows/{ROW}/edit",
        show_edit,
        SIGNED_IN,
        Text(zh="修改记录", en="The form of a row"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/records/{DATASET}/rows/{ROW}/edit",
        post_edit,
        SIGNED_IN,
        Text(zh="修改记录", en="Change a row"),
        media=FORM,
        failures=(404, 409),
    ),
)
