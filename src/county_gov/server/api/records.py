"""Records over HTTP: the catalogue, rows and their history, and whole files in and out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from county_gov.contract.dataset import VALID_FROM
from county_gov.contract.records import Equal, From, Missing, OneOf, Until
from county_gov.contract.text import Text
from county_gov.contract.values import ValueRefused, check_value
from county_gov.errors import NotFound, Problem
from county_gov.records.keys import key_of, parse_key
from county_gov.records.stored import day_text
from county_gov.server.api.documents import Done, rfc3339
from county_gov.server.api.record_documents import (
    Catalogue,
    ChoiceDocument,
    DatasetDocument,
    FieldDocument,
    RecordDocument,
    RecordHistory,
    RecordList,
    RecordWrite,
    RevisionDocument,
)
from county_gov.server.parameters import read_parameters
from county_gov.server.records import DATASET, ROW, dataset_of, values_of
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import SIGNED_IN, Parameter, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.records import Filter, Record
    from county_gov.contract.schema import Field, Value
    from county_gov.records.history import Revision
    from county_gov.records.reading import CatalogueEntry
    from county_gov.server.call import Call
    from county_gov.server.parameters import Values

LARGEST = 2**31
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,15})"?')

ON = Parameter("on", "text", "Of a dated dataset, the local day that is asked of; all for all days")
FILTERS = (
    Parameter("where", "fields", "Only rows in which each of these fields has this value"),
    Parameter("one_of", "fields", "Only rows in which it has one of these values, by commas"),
    Parameter("from", "fields", "Only rows in which it is this or more, or later"),
    Parameter("until", "fields", "Only rows in which it is this or less, or earlier"),
    Parameter("missing", "text", "Only rows in which these fields, by commas, are empty"),
)
AFTER = Parameter("after", "text", "Only rows behind this key: the next of the answer before")
TEXT = Parameter("text", "text", "Only rows with this in their key or in a text")
WITHIN = Parameter("within", "text", "Only in the area of this code or below it")
SORT = Parameter("sort", "text", "A field to order by; with a leading - descending")
LIST = (
    *FILTERS,
    TEXT,
    WITHIN,
    ON,
    SORT,
    Parameter("limit", "whole", "Rows in one answer", minimum=1, maximum=1000),
    Parameter("offset", "whole", "Rows passed over", minimum=0, maximum=LARGEST),
    AFTER,
)
WRITE_HEADERS = (
    ("Idempotency-Key", "The same key does it once"),
    ("If-Match", "The version that was read, where the body does not say it"),
    ("If-None-Match", "* where the row must be new"),
)


async def show_catalogue(call: Call) -> web.StreamResponse:
    """The datasets that who asks may read, with their fields and how many rows there are."""
    read_parameters(call.request.query, ())
    found = await call.county.records.catalogue(call.actor)
    return call.answer(Catalogue([_dataset_document(call, one) for one in found]))


async def list_records(call: Call) -> web.StreamResponse:
    """Rows of a dataset within who asks may see."""
    dataset = dataset_of(call)
    values = read_parameters(call.request.query, LIST)
    where = filters_of(call, dataset, values)
    text, on, within = values.text("text"), values.text("on"), values.text("within")
    limit = values.number("limit", 50)
    records = call.county.records
    found = await records.find(
        call.actor,
        dataset.id,
        where=where,
        search=text,
        within=within,
        on=on,
        sort=values.text("sort"),
        limit=limit,
        offset=values.number("offset", 0),
        after=values.text("after"),
        request=call.id,
    )
    total = await records.count(
        call.actor, dataset.id, where=where, search=text, within=within, on=on
    )
    documents = [_record_document(dataset, one) for one in found]
    more = len(found) == limit and not values.text("sort")
    return call.answer(RecordList(documents, total, documents[-1].key if more else None))


def filters_of(call: Call, dataset: Dataset, values: Values) -> tuple[Filter, ...]:
    """The filters of a query, its texts as values of the dataset's fields."""

    def read(name: str, word: str) -> str | float | bool:
        return cast("str | float | bool", values_of(call, dataset, {name: word})[name])

    found: list[Filter] = []
    found += [Equal(name, read(name, word)) for name, word in values.by_field("where").items()]
    found += [From(name, read(name, word)) for name, word in values.by_field("from").items()]
    found += [Until(name, read(name, word)) for name, word in values.by_field("until").items()]
    for name, words in values.by_field("one_of").items():
        found.append(OneOf(name, tuple(read(name, word) for word in words.split(","))))
    found += [Missing(name) for name in values.text("missing").split(",") if name]
    return tuple(found)


async def show_record(call: Call) -> web.StreamResponse:
    """One row; of a dated dataset that which holds today, or on the day that is asked of."""
    dataset = dataset_of(call)
    on = read_parameters(call.request.query, (ON,)).text("on")
    key = call.part("key")
    record = await call.county.records.get(call.actor, dataset.id, key, on=on, request=call.id)
    if record is None:
        raise NotFound(f"{dataset.id} has no record {key[:200]!r}")
    return _with_version(call, dataset, record)


async def put_record(call: Call) -> web.StreamResponse:
    """Add a row or change it; the same idempotency key does it once."""
    dataset = dataset_of(call)
    read_parameters(call.request.query, ())
    key = _idempotency_key(call)
    body = await call.json(RecordWrite)
    record = await call.county.records.put(
        call.actor,
        dataset.id,
        _with_key(call, dataset, body.values),
        idempotency_key=key,
        expected_version=_expected_version(call, body.expected_version),
        request=call.id,
    )
    return _with_version(call, dataset, record)


async def delete_record(call: Call) -> web.StreamResponse:
    """Remove a row; its history stays."""
    dataset = dataset_of(call)
    read_parameters(call.request.query, ())
    await call.county.records.remove(
        call.actor,
        dataset.id,
        call.part("key"),
        idempotency_key=_idempotency_key(call),
        expected_version=_expected_version(call, None),
        request=call.id,
    )
    return call.answer(Done())


async def show_history(call: Call) -> web.StreamResponse:
    """The changes of a row."""
    dataset = dataset_of(call)
    read_parameters(call.request.query, ())
    found = await call.county.records.history(
        call.actor, dataset.id, call.part("key"), request=call.id
    )
    return call.answer(RecordHistory([_revision_document(dataset, one) for one in found]))


def _idempotency_key(call: Call) -> str:
    key = call.request.headers.get("Idempotency-Key", "")
    if not key:
        text = "is needed, so that sending it again does it once"
        raise RequestInvalid([Problem("header: Idempotency-Key", text)])
    return key


def _expected_version(call: Call, said: int | None) -> int | None:
    """The version that the row must have: 0 for a new one, None for whatever is there."""
    if said is not None:
        return said
    given = call.request.headers.get("If-Match", "").strip()
    if call.request.headers.get("If-None-Match", "").strip() == "*":
        return 0
    if given == "*":
        return None
    found = _VERSION.fullmatch(given)
    if found is None:
        text = "expected the version that you read, * for whatever is there, or If-None-Match: *"
        raise RequestInvalid([Problem("header: If-Match", text)])
    return int(found[1])


def _with_key(call: Call, dataset: Dataset, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The values with those of the key that the address names.

    Raises:
        NotFound: if the address cannot name a row of this dataset.
        RequestInvalid: if the body names another row.
    """
    named = parse_key(dataset, call.part("key"))
    schema = dataset.schema
    filled: dict[str, Value] = {
        name: _number(word) if schema[name].dtype in ("int64", "instant") else word
        for name, word in zip(schema.key, named.record.split("/"), strict=True)
        if schema[name].decimals is None and schema[name].dtype not in ("bool", "float64")
    }
    if named.valid_from is not None:
        filled[VALID_FROM] = day_text(named.valid_from)
    found = {**filled, **values}
    if (other := _key_of(dataset, found)) and other != named.record:
        text = f"name the row {other!r}, the address another"
        raise RequestInvalid([Problem("body: values", text)])
    if found.get(VALID_FROM) != filled.get(VALID_FROM, found.get(VALID_FROM)):
        text = f"is {filled[VALID_FROM]} in the address"
        raise RequestInvalid([Problem(f"body: values.{VALID_FROM}", text)])
    return found


def _key_of(dataset: Dataset, values: Mapping[str, Value]) -> str:
    """The key that values name; empty where they name none, which writing them tells."""
    schema = dataset.schema
    try:
        kept = {name: check_value(schema[name], values.get(name)) for name in schema.key}
    except ValueRefused:
        return ""
    return key_of(dataset, kept)[0]


def _number(word: str) -> int | str:
    """The whole number that a text is; the text itself where it is none."""
    return int(word) if _WHOLE.fullmatch(word) else word


def _with_version(call: Call, dataset: Dataset, record: Record) -> web.Response:
    response = call.answer(_record_document(dataset, record))
    response.headers["ETag"] = f'"{record.version}"'
    return response


def _dataset_document(call: Call, entry: CatalogueEntry) -> DatasetDocument:
    dataset = entry.dataset
    return DatasetDocument(
        id=dataset.id,
        title=call.words(dataset.title),
        version=dataset.schema.version,
        system_of_record=dataset.system_of_record,
        key=list(dataset.record_schema.key),
        dated=dataset.dated,
        area=dataset.area,
        label=dataset.label,
        enabled=entry.enabled,
        may_write=entry.may_write,
        count=entry.rows,
        fields=[_field_document(call, one) for one in dataset.record_schema.fields],
    )


def _field_document(call: Call, one: Field) -> FieldDocument:
    return FieldDocument(
        name=one.name,
        dtype=one.dtype,
        title=call.words(one.title),
        meaning=call.words(one.meaning) if one.meaning else "",
        unit=one.unit,
        minimum=one.minimum,
        maximum=one.maximum,
        decimals=one.decimals,
        required=one.required,
        choices=[ChoiceDocument(key, call.words(words)) for key, words in one.choices],
        classification=one.classification,
        refers=one.refers,
    )


def _record_document(dataset: Dataset, record: Record) -> RecordDocument:
    day = record.values.get(VALID_FROM) if dataset.dated else None
    return RecordDocument(
        dataset=dataset.id,
        key=record.key if day is None else f"{record.key}/{day}",
        values=told(dataset, record.values),
        masked=sorted(record.masked),
        version=record.version,
        changed_at=rfc3339(record.changed_at),
        changed_by=record.changed_by,
    )


def told(dataset: Dataset, values: Mapping[str, Value | Decimal]) -> dict[str, Value]:
    """A row's values as JSON tells them: instants as RFC 3339, exact numbers with their digits."""
    return {
        one.name: _told(one, values[one.name])
        for one in dataset.record_schema.fields
        if one.name in values
    }


def _told(one: Field, value: Value | Decimal) -> Value:
    if value is None or isinstance(value, bool | str):
        return value
    if one.dtype == "instant":
        return rfc3339(int(value))
    if one.decimals is not None:
        value = Decimal(str(value)).quantize(Decimal(1).scaleb(-one.decimals))
    # The encoder writes a Decimal as a number, which the document's type calls a float.
    return cast("float", value)


def _revision_document(dataset: Dataset, one: Revision) -> RevisionDocument:
    return RevisionDocument(
        key=one.key if not one.valid_from else f"{one.key}/{one.valid_from}",
        version=one.version,
        change=one.change,
        at=rfc3339(one.changed_at),
        by=one.changed_by,
        changed=list(one.changed),
        before=None if one.before is None else told(dataset, one.before),
        after=None if one.after is None else told(dataset, one.after),
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/records",
        show_catalogue,
        SIGNED_IN,
        Text(zh="数据目录", en="The catalogue of records"),
        "api",
        answers=Catalogue,
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}",
        list_records,
        SIGNED_IN,
        Text(zh="数据列表", en="List rows of a dataset"),
        "api",
        parameters=LIST,
        answers=RecordList,
        failures=(404,),
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}/{ROW}",
        show_record,
        SIGNED_IN,
        Text(zh="查看记录", en="Show a row"),
        "api",
        parameters=(ON,),
        answers=RecordDocument,
        failures=(404,),
    ),
    Route(
        "PUT",
        f"/api/v1/records/{DATASET}/{ROW}",
        put_record,
        SIGNED_IN,
        Text(zh="新增或修改记录", en="Add or change a row"),
        "api",
        headers=WRITE_HEADERS,
        media=("application/json",),
        reads=RecordWrite,
        answers=RecordDocument,
        failures=(404, 409),
    ),
    Route(
        "DELETE",
        f"/api/v1/records/{DATASET}/{ROW}",
        delete_record,
        SIGNED_IN,
        Text(zh="删除记录", en="Remove a row"),
        "api",
        headers=WRITE_HEADERS[:2],
        answers=Done,
        failures=(404, 409),
    ),
    Route(
        "GET",
        f"/api/v1/records/{DATASET}/{ROW}/history",
        show_history,
        SIGNED_IN,
        Text(zh="变更经过", en="The changes of a row, latest first"),
        "api",
        answers=RecordHistory,
        failures=(404,),
    ),
)
