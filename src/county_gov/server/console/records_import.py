"""Importing a file: brought, looked at, and then taken with one word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from county_gov.contract.page import Column, Figure, Figures, Paragraphs, Row, Table
from county_gov.contract.problem_words import problem_words
from county_gov.contract.text import Text
from county_gov.errors import (
    AccessDenied,
    DeliveryTooLarge,
    IntakeError,
    MalformedDelivery,
    NotFound,
    RecordInvalid,
)
from county_gov.server.console.frame import draw
from county_gov.server.console.listing import Listing
from county_gov.server.console.records import address, crumbs_of
from county_gov.server.console.records_names import RecordNames, read_names
from county_gov.server.console.records_row import changes_in_words
from county_gov.server.problems import failure_of
from county_gov.server.records import (
    DATASET,
    FORMAT,
    LARGEST_FILE,
    MEDIA,
    dataset_of,
    file_answer,
    may_import,
)
from county_gov.server.render import Action
from county_gov.server.render.records import Link, Upload
from county_gov.server.routes import SIGNED_IN, Route
from county_gov.server.upload import FORM, read_file

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.page import Status, View
    from county_gov.errors import Problem
    from county_gov.records.importing import Import
    from county_gov.records.planning import ImportRow
    from county_gov.server.call import Call
    from county_gov.tabular.table import TableFormat

TITLE = Text(zh="导入", en="Import")
ACCEPTED = ".csv,.txt,.xlsx," + ",".join(MEDIA.values())
PAGE = 100
"""Rows of a file that one page shows."""
KINDS: dict[str, tuple[Text, Status]] = {
    "added": (Text(zh="新增", en="new"), "good"),
    "changed": (Text(zh="修改", en="changed"), "notice"),
    "unchanged": (Text(zh="不变", en="unchanged"), "neutral"),
    "rejected": (Text(zh="退回", en="rejected"), "warning"),
}
COLUMNS = (
    Column("key", Text(zh="记录", en="Row"), sortable=False),
    Column("kind", Text(zh="结果", en="Outcome"), "state", sortable=False),
    Column("what", Text(zh="变化或退回原因", en="What changes, or why not"), sortable=False),
    Column("number", Text(zh="文件行号", en="Row of the file"), "number", sortable=False),
)
UNREADABLE = Text(
    zh="无法读取这个文件。请使用 CSV（UTF-8 或 GB18030 编码）或 Excel（.xlsx）文件。",
    en="The file cannot be read. Use CSV (UTF-8 or GB18030) or Excel (.xlsx).",
)
PLACES = (("line ", "第 ", " 行"), ("cells ", "单元格 ", ""), ("cell ", "单元格 ", ""))
"""How errors begin that name a place of a file, and what that is in Chinese."""
TOO_LARGE = Text(
    zh="文件过大或行数过多。请分成几个文件导入。",
    en="The file is too large or has too many rows. Split it.",
)
EMPTY = Text(zh="请选择一个文件。", en="Choose a file.")
NOTHING = Text(
    zh="文件中的内容与现有数据完全相同，无需导入。",
    en="Everything in the file is there already; there is nothing to import.",
)


async def show_import(call: Call) -> web.StreamResponse:
    """The form that takes a file."""
    return await _page(call, _importable(call))


async def post_import(call: Call) -> web.StreamResponse:
    """Look at a file; nothing is changed yet."""
    dataset = _importable(call)
    try:
        file = await read_file(call, "file", limit=LARGEST_FILE)
        if not file.body:
            return await _page(call, dataset, wrong=EMPTY, status=422)
        found = await call.county.records.preview(
            call.actor, dataset.id, file.body, file.name, request=call.id
        )
    except (IntakeError, RecordInvalid) as error:
        return await _page(call, dataset, wrong=_words(error), status=failure_of(error).status)
    return call.redirect(address(dataset.id, "import", str(found.id)))


async def show_preview(call: Call) -> web.StreamResponse:
    """What a file would change."""
    dataset = _importable(call)
    listing = Listing.read(call.request.query, "file", (), "", PAGE)
    found = await _found(call, dataset, limit=listing.size, offset=listing.offset)
    return await _preview(call, dataset, found, listing)


async def apply_import(call: Call) -> web.StreamResponse:
    """Take the rows of a file that was looked at."""
    dataset = _importable(call)
    await call.form()
    found = await _found(call, dataset, limit=0)
    outcome = await call.county.records.apply(call.actor, found.id, request=call.id)
    if outcome.rejected:
        return call.redirect(address(dataset.id, "import", str(found.id)), flash="records_partly")
    return call.redirect(address(dataset.id), flash="records_imported")


async def show_rejected(call: Call) -> web.StreamResponse:
    """The rows of a file that could not be taken, with a column that says why."""
    dataset, kind = _importable(call), cast("TableFormat", call.part("format"))
    found = await _found(call, dataset, limit=0)
    body = await call.county.records.rejected(call.actor, found.id, kind, language=call.language)
    return file_answer(f"{dataset.id}-rejected", kind, body)


def _importable(call: Call) -> Dataset:
    """The dataset of the address, to be imported.

    Raises:
        NotFound: if who asks may not read it.
        AccessDenied: if who asks may only read it.
    """
    dataset = dataset_of(call)
    if not may_import(call, dataset):
        raise AccessDenied(f"importing {dataset.id} needs {dataset.write_permission}")
    return dataset


async def _found(call: Call, dataset: Dataset, *, limit: int, offset: int = 0) -> Import:
    number = int(call.part("id"))
    found = await call.county.records.imported(
        call.actor, number, limit=limit, offset=offset, request=call.id
    )
    if found.dataset != dataset.id:
        raise NotFound(f"there is no import {number} of {dataset.id}")
    return found


def _words(error: IntakeError | RecordInvalid) -> Text:
    """Why a file was not taken, for the person who brought it."""
    if isinstance(error, DeliveryTooLarge):
        return Text(zh=TOO_LARGE.zh, en=f"{TOO_LARGE.en} ({error})")
    if isinstance(error, RecordInvalid):
        said = [problem_words(one.message) for one in error.problems]
        places = [one.place for one in error.problems]
        return Text(
            zh="；".join(
                f"{at}：{one.zh}".removeprefix("：") for at, one in zip(places, said, strict=True)
            ),
            en="; ".join(str(one) for one in error.problems),
        )
    place = error.place if isinstance(error, MalformedDelivery) else ""
    fault = problem_words(str(error).removeprefix(f"{place}: ")).zh.removeprefix("填写有误：")
    where = "".join(
        f"{words}{place.removeprefix(start)}{end}："
        for start, words, end in PLACES
        if place.startswith(start)
    )
    return Text(zh=f"{UNREADABLE.zh}（{where}{fault}）", en=f"{UNREADABLE.en} ({error})")


async def _page(
    call: Call, dataset: Dataset, *, wrong: Text | None = None, status: int = 200
) -> web.StreamResponse:
    return await draw(
        call,
        "record_import.html",
        title=TITLE,
        headline=_headline(dataset),
        status=status,
        crumbs=crumbs_of(dataset),
        links=_templates(dataset),
        upload=_upload(dataset, wrong),
        views=(),
        actions=(),
        rejected=(),
    )


def _headline(dataset: Dataset) -> Text:
    return Text(
        zh=f"导入{dataset.title.zh}", en=f"Import {dataset.title.in_language('en').lower()}"
    )


def _upload(dataset: Dataset, wrong: Text | None = None) -> Upload:
    return Upload(address(dataset.id, "import"), ACCEPTED, LARGEST_FILE, wrong)


def _templates(dataset: Dataset) -> tuple[Link, ...]:
    return (
        Link(Text(zh="下载 Excel 模板", en="Excel template"), address(dataset.id, "template.xlsx")),
        Link(Text(zh="下载 CSV 模板", en="CSV template"), address(dataset.id, "template.csv")),
        Link(Text(zh="字段说明", en="What the fields mean"), address(dataset.id, "fields")),
    )


async def _preview(
    call: Call,
    dataset: Dataset,
    found: Import,
    listing: Listing,
) -> web.StreamResponse:
    applied = found.state == "applied"
    counts = _counts(found)
    writes, rejected = counts["added"] + counts["changed"], counts["rejected"]
    views: list[View] = [_figures(counts)]
    shown = [one for one in found.rows if one.kind != "unchanged"]
    if writes or rejected:
        views.append(await _rows(call, dataset, shown, writes + rejected, listing))
    if not writes and not rejected and not applied:
        views.append(Paragraphs("nothing", Text(zh="结果", en="Result"), (NOTHING,)))
    return await draw(
        call,
        "record_import.html",
        title=TITLE,
        headline=_answer(found, writes, rejected),
        crumbs=(*crumbs_of(dataset), Link(TITLE, address(dataset.id, "import"))),
        links=(),
        upload=_upload(dataset),
        views=tuple(views),
        actions=(_take(dataset, found, writes, rejected),) if writes and not applied else (),
        rejected=_rejected(dataset, found) if rejected else (),
    )


def _answer(found: Import, writes: int, rejected: int) -> Text:
    if found.state == "applied":
        return Text(
            zh=f"{found.name or '文件'}：已导入", en=f"{found.name or 'The file'}: imported"
        )
    name, name_en = found.name or "文件", found.name or "The file"
    if rejected:
        return Text(
            zh=f"{name}：可导入 {writes} 行，{rejected} 行有误",
            en=f"{name_en}: {_of_rows(writes)} can be imported, {rejected} cannot",
        )
    return Text(
        zh=f"{name}：可导入 {writes} 行", en=f"{name_en}: {_of_rows(writes)} can be imported"
    )


def _of_rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _counts(found: Import) -> dict[str, int]:
    """How many rows have which outcome."""
    counts = {str(kind): count for kind, count in found.counts.items()}
    return {kind: counts.get(kind, 0) for kind in KINDS}


def _figures(counts: Mapping[str, int]) -> Figures:
    words = {
        "added": Text(zh="新增", en="New"),
        "changed": Text(zh="修改", en="Changed"),
        "unchanged": Text(zh="不变", en="Unchanged"),
        "rejected": Text(zh="退回", en="Rejected"),
    }
    return Figures(
        Text(zh="文件中的行", en="Rows of the file"),
        tuple(
            Figure(
                words[kind],
                counts[kind],
            )
            for kind in words
        ),
    )


def _take(dataset: Dataset, found: Import, writes: int, rejected: int) -> Action:
    label = Text(zh=f"导入 {writes} 行", en=f"Import {_of_rows(writes)}")
    if rejected:
        label = Text(
            zh=f"{label.zh}，退回的 {rejected} 行不导入",
            en=f"{label.en}, leave out {rejected} rejected",
        )
    return Action(
        id="apply",
        label=label,
        href=address(dataset.id, "import", str(found.id), "apply"),
        primary=True,
    )


def _rejected(dataset: Dataset, found: Import) -> tuple[Link, ...]:
    kinds: Sequence[tuple[str, Text]] = (
        ("xlsx", Text(zh="下载退回的行（Excel）", en="Rejected rows (Excel)")),
        ("csv", Text(zh="下载退回的行（CSV）", en="Rejected rows (CSV)")),
    )
    ordered = sorted(kinds, key=lambda each: each[0] != found.format)
    number = str(found.id)
    return tuple(
        Link(words, address(dataset.id, "import", number, f"rejected.{kind}"))
        for kind, words in ordered
    )


async def _rows(
    call: Call, dataset: Dataset, shown: Sequence[ImportRow], total: int, listing: Listing
) -> Table:
    values = [one for row in shown for one in (row.before, row.after) if one is not None]
    names = await read_names(call, dataset.record_schema.fields, values)
    return Table(
        id="file",
        title=Text(zh="逐行结果（退回的在前）", en="Row by row, rejected ones first"),
        columns=COLUMNS,
        rows=tuple(_row(call, dataset, one, names) for one in shown),
        total=total,
        empty=NOTHING,
        page=listing.page,
        page_size=listing.size,
    )


def _row(call: Call, dataset: Dataset, one: ImportRow, names: RecordNames) -> Row:
    words, status = KINDS[one.kind]
    if one.kind == "rejected":
        what = _reasons(dataset, one.problems)
    else:
        changes = changes_in_words(call, dataset, one.before, one.after, names)
        said = "； ".join(f"{call.words(title)}：{value}" for title, value in changes)
        english = "; ".join(f"{call.words(title)}: {value}" for title, value in changes)
        what = Text(zh=said or "—", en=english)
    return Row(
        {"number": one.number, "kind": status, "key": one.key or None, "what": None},
        texts={"kind": words, "what": what},
        href=address(dataset.id, "rows", one.key) if one.kind == "changed" else "",
    )


def _reasons(dataset: Dataset, problems: Sequence[Problem]) -> Text:
    """Why a row is not taken, each field by its title."""
    fields = {one.name: one for one in dataset.record_schema.fields}
    chinese, english = [], []
    for one in problems:
        asked = fields.get(one.place)
        words = problem_words(one.message, asked)
        title, spoken = one.place, one.place
        if asked is not None:
            title, spoken = asked.title.zh, asked.title.in_language("en")
        chinese.append(f"{title}：{words.zh}".removeprefix("："))
        english.append(f"{spoken}: {words.in_language('en')}".removeprefix(": "))
    return Text(zh="；".join(chinese), en="; ".join(english))


NUMBER = "{id:[0-9]{1,18}}"
ROUTES = (
    Route(
        "GET",
        f"/records/{DATASET}/import",
        show_import,
        SIGNED_IN,
        Text(zh="导入数据", en="The form that takes a file"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/records/{DATASET}/import",
        post_import,
        SIGNED_IN,
        Text(zh="预览导入", en="Look at what a file would change"),
        media=(FORM,),
        failures=(404,),
    ),
    Route(
        "GET",
        f"/records/{DATASET}/import/{NUMBER}",
        show_preview,
        SIGNED_IN,
        Text(zh="导入预览", en="What a file would change"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"/records/{DATASET}/import/{NUMBER}/apply",
        apply_import,
        SIGNED_IN,
        Text(zh="确认导入", en="Take the rows of a file"),
        media=("application/x-www-form-urlencoded",),
        failures=(404, 409),
    ),
    Route(
        "GET",
        f"/records/{DATASET}/import/{NUMBER}/rejected.{FORMAT}",
        show_rejected,
        SIGNED_IN,
        Text(zh="退回的行", en="The rows that could not be taken, as a file"),
        answer_media="text/csv",
        failures=(404,),
    ),
)
