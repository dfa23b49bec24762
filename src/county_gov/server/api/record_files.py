"""Records over HTTP as files: imported after a look at what would change, exported, templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from county_gov.contract.text import Text
from county_gov.errors import NotFound
from county_gov.records.applying import ImportOutcome
from county_gov.server.api.record_documents import (
    FieldProblem,
    ImportDocument,
    ImportRowDocument,
)
from county_gov.server.api.records import FILTERS, ON, SORT, TEXT, WITHIN, filters_of, told
from county_gov.server.parameters import read_parameters
from county_gov.server.records import (
    CSV,
    DATASET,
    LARGEST_FILE,
    MEDIA,
    XLSX,
    dataset_of,
    file_answer,
)
from county_gov.server.refusal import MediaNotSupported
from county_gov.server.routes import SIGNED_IN, Parameter, Route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Value
    from county_gov.records.importing import Import
    from county_gov.records.planning import ImportRow
    from county_gov.server.call import Call
    from county_gov.tabular.table import TableFormat

FORMAT = Parameter("format", "text", "Kind of file; CSV unless given", choices=tuple(MEDIA))
EXPORT = (FORMAT, *FILTERS, TEXT, WITHIN, ON, SORT)
PREVIEW = Parameter("preview", "truth", "Only say what would happen")


async def import_file(call: Call) -> web.StreamResponse:
    """Take a file's rows in, or say what would happen; the same file again changes nothing."""
    dataset = dataset_of(call)
    preview = read_parameters(call.request.query, (PREVIEW,)).truth("preview")
    if call.request.content_type not in MEDIA.values():
        raise MediaNotSupported(f"expected Content-Type: {' or '.join(MEDIA.values())}")
    body = await call.read(LARGEST_FILE)
    records = call.county.records
    found = await records.preview(
        call.actor,
        dataset.id,
        body,
        idempotency_key=call.request.headers.get("Idempotency-Key", ""),
        request=call.id,
    )
    done = None
    if not preview:
        done = await records.apply(call.actor, found.id, request=call.id)
        found = await records.imported(call.actor, found.id, request=call.id)
    return call.answer(_document(dataset, found, done))


async def export_file(call: Call) -> web.StreamResponse:
    """The rows within who asks may see, as a file."""
    dataset = dataset_of(call)
    values = read_parameters(call.request.query, EXPORT)
    kind = cast("TableFormat", values.text("format", "csv"))
    body = await call.county.records.export(
        call.actor,
        dataset.id,
        kind,
        where=filters_of(call, dataset, values),
        search=values.text("text"),
        within=values.text("within"),
        on=values.text("on"),
        sort=values.text("sort"),
        language=call.language,
        request=call.id,
    )
    return file_answer(dataset.id, kind, body)


async def show_template(call: Call) -> web.StreamResponse:
    """A file with the dataset's columns and what they mean, to fill in."""
    dataset = dataset_of(call)
    values = read_parameters(call.request.query, (FORMAT,))
    kind = cast("TableFormat", values.text("format", "csv"))
    body = await call.county.records.template(call.actor, dataset.id, kind, language=call.language)
    return file_answer(f"{dataset.id}-template", kind, body)


async def show_rejected(call: Call) -> web.StreamResponse:
    """The rows of a file that could not be taken, with a column that says why."""
    dataset = dataset_of(call)
    values = read_parameters(call.request.query, (FORMAT,))
    kind = cast("TableFormat", values.text("format", "csv"))
    number = int(call.part("id"))
    found = await call.county.records.imported(call.actor, number, limit=0)
    if found.dataset != dataset.id:
        raise NotFound(f"there is no import {number} of {dataset.id}")
    body = await call.county.records.rejected(call.actor, number, kind, language=call.language)
    return file_answer(f"{dataset.id}-rejected", kind, body)


def _document(dataset: Dataset, found: Import, done: ImportOutcome | None) -> ImportDocument:
    planned: dict[str, int] = {str(kind): count for kind, count in found.counts.items()}
    counts = done or ImportOutcome(found.id, dataset.id, **planned)
    rows = [one for one in found.rows if one.kind != "unchanged"]
    shown = sorted(rows, key=lambda one: one.number)
    return ImportDocument(
        id=found.id,
        applied=done is not None,
        added=counts.added,
        changed=counts.changed,
        unchanged=counts.unchanged,
        rejected=counts.rejected,
        conflicts=counts.conflicts,
        rows=[_row(dataset, one) for one in shown],
    )


def _row(dataset: Dataset, one: ImportRow) -> ImportRowDocument:
    return ImportRowDocument(
        row=one.number,
        outcome=cast("Literal['added', 'changed', 'rejected']", one.kind),
        key=one.key,
        before=_values(dataset, one, one.before),
        after=_values(dataset, one, one.after),
        problems=[FieldProblem(each.place, each.message) for each in one.problems],
    )


def _values(
    dataset: Dataset, one: ImportRow, values: Mapping[str, Value] | None
) -> dict[str, Value] | None:
    """A row's values; of a changed row those that differ."""
    if values is None:
        return None
    all_of_them = told(dataset, values)
    if one.kind != "changed":
        return all_of_them
    return {name: value for name, value in all_of_them.items() if name in one.changed}


ROUTES = (
    Route(
        "POST",
        f"/api/v1/records/{DATASET}/import",
        import_file,
        SIGNED_IN,
        Text(zh="导入数据", en="Import a file, or say what it would change"),
        "api",
        parameters=(PREVIEW,),
        headers=(("Idempotency-Key", "The same key does it once"),),
        media=(CSV, XLSX),
        answers=ImportDocument,
        failures=(404, 409),
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}/imports/{{id:[0-9]{{1,18}}}}/rejected",
        show_rejected,
        SIGNED_IN,
        Text(zh="退回的行", en="The rows of a file that could not be taken, with the reasons"),
        "api",
        parameters=(FORMAT,),
        answer_media=CSV,
        other_media=(XLSX,),
        failures=(404,),
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}/export",
        export_file,
        SIGNED_IN,
        Text(zh="导出数据", en="Export rows as CSV or Excel"),
        "api",
        parameters=EXPORT,
        answer_media=CSV,
        other_media=(XLSX,),
        failures=(404, 413),
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}/template",
        show_template,
        SIGNED_IN,
        Text(zh="导入模板", en="A file to fill in, with the dataset's columns"),
        "api",
        parameters=(FORMAT,),
        answer_media=CSV,
        other_media=(XLSX,),
        failures=(404,),
    ),
)
