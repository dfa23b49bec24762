"""Which records a request is about, for the interface and for the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from county_gov.contract.schema import Schema
from county_gov.contract.values import from_words
from county_gov.records.authority import READ_DISABLED
from county_gov.tabular.table import TableLimits

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Value
    from county_gov.server.call import Call

DATASET = "{dataset:[a-z0-9_]+[.][a-z0-9_.]+}"
"""A dataset's id in an address."""
ROW = "{key:[^/]+}"
"""A row's key in an address: one part, so that a slash between its fields stands as %2F."""
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA = {"csv": CSV, "xlsx": XLSX}
"""Media type of a file by its format."""
LARGEST_FILE = TableLimits().max_bytes
"""Bytes of a file to import."""
FORMAT = f"{{format:{'|'.join(MEDIA)}}}"
"""A file's format in an address."""


def readable_datasets(call: Call) -> tuple[Dataset, ...]:
    """The datasets that who asks may read, by id."""
    records, actor = call.county.records, call.actor
    return tuple(
        one
        for key, one in sorted(records.datasets.items())
        if actor.may(one.read_permission if records.enabled(key) else READ_DISABLED)
    )


def dataset_of(call: Call) -> Dataset:
    """The dataset that the address names.

    Raises:
        NotFound: if there is none, or who asks may not read it.
    """
    return call.county.records.dataset(call.actor, call.part("dataset"))


def may_import(call: Call, dataset: Dataset) -> bool:
    """Whether who asks may import rows of a dataset."""
    return call.county.records.enabled(dataset.id) and call.actor.may(dataset.write_permission)


def may_edit(call: Call, dataset: Dataset) -> bool:
    """Whether who asks may change single rows: those of another system are imported only."""
    return may_import(call, dataset) and dataset.system_of_record == "ours"


def values_of(call: Call, dataset: Dataset, words: Mapping[str, str]) -> dict[str, Value]:
    """Texts as values of a dataset's fields; what cannot be read stays a text, to be refused."""
    fields = dataset.record_schema.fields
    given = Schema(tuple(one for one in fields if one.name in words))
    return from_words(given, words, ZoneInfo(call.county.settings.county.timezone))


def file_answer(name: str, kind: str, body: bytes) -> web.Response:
    """A file to keep.

    Args:
        name: Its name without the ending.
        kind: "csv" or "xlsx".
        body: Its bytes.
    """
    media = f"{CSV}; charset=utf-8" if kind == "csv" else MEDIA[kind]
    return web.Response(
        body=body,
        headers={
            "Content-Type": media,
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
        },
    )
