"""Declarations of datasets: checked at start, and kept so that rows outlive their plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cattrs
import msgspec

from county_gov.contract.dataset import Dataset
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.store.records import table_name

LONGEST_FIELD = 60
"""Bytes of a field's name: the longest that PostgreSQL keeps as a column's."""
MOST_FIELDS = 400
SENSITIVE = (
    "is sensitive, and sensitive values are kept only once they are encrypted at rest, "
    "which this version cannot do: leave the field out"
)
KEY_DTYPES = ("text", "int64", "date", "instant")
REGISTERS = {"area": "text", "unit": "text", "thing": "text", "person": "int64"}


def records_only(datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Those of some datasets whose rows are records."""
    return {key: one for key, one in datasets.items() if one.kind == "records"}


def check_datasets(datasets: Mapping[str, Dataset]) -> list[Problem]:
    """All problems of all datasets of records; an empty list where they can be used."""
    problems: list[Problem] = []
    names: dict[str, str] = {}
    for key, dataset in records_only(datasets).items():
        found = [*_general(dataset), *_keys(dataset), *_fields(dataset, datasets)]
        other = names.setdefault(table_name(key), key)
        if other != key:
            found.append(("", f"its table would be that of {other}: give it another id"))
        problems += [Problem(f"dataset {key}{place}", message) for place, message in found]
    return problems


def _general(dataset: Dataset) -> Iterator[tuple[str, str]]:
    if dataset.schema.version < 1:
        yield ".schema.version", f"expected 1 or more, got {dataset.schema.version}"
    if len(dataset.schema.fields) > MOST_FIELDS:
        yield ".schema", f"expected at most {MOST_FIELDS} fields, got {len(dataset.schema.fields)}"
    if not dataset.area:
        return
    area = dataset.schema[dataset.area]
    if area.dtype != "text" or area.refers not in ("", "area"):
        yield f".{area.name}", 'names the area: expected a text that refers to "area"'
    if area.classification == "personal":
        yield f".{area.name}", "names the area, by which rows are shown: it cannot be personal"


def _keys(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for name in dataset.schema.key:
        one = dataset.schema[name]
        if one.dtype not in KEY_DTYPES or one.decimals is not None:
            yield f".{name}", f"is part of the key: expected one of {', '.join(KEY_DTYPES)}"
        if not one.required:
            yield f".{name}", "is part of the key and must be required"
        if one.classification == "personal":
            words = "is part of the key, which stands in addresses: it cannot be personal"
            yield f".{name}", f"{words}; take a number that says nothing"


def _fields(dataset: Dataset, datasets: Mapping[str, Dataset]) -> Iterator[tuple[str, str]]:
    for one in dataset.schema.fields:
        place = f".{one.name}"
        if one.classification == "sensitive":
            yield place, SENSITIVE
        if len(one.name.encode()) > LONGEST_FIELD:
            yield place, f"expected a name of at most {LONGEST_FIELD} bytes"
        if one.decimals is not None and one.dtype not in ("int64", "float64"):
            yield place, f"has decimals, which a field of {one.dtype} cannot have"
        if one.choices and one.dtype not in ("text", "int64"):
            yield place, f"has choices, which a field of {one.dtype} cannot have"
        yield from ((place, words) for words in _reference(one, datasets))


def _reference(one: Field, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    if not one.refers:
        return
    if one.refers in REGISTERS:
        dtype = REGISTERS[one.refers]
        if one.dtype != dtype:
            yield f"refers to {one.refers!r}: expected {dtype}, got {one.dtype}"
        return
    target = datasets.get(one.refers)
    if target is None or target.kind != "records":
        known = ", ".join([*REGISTERS, *sorted(records_only(datasets))])
        yield f"refers to {one.refers!r}, which is no dataset of records; known: {known}"
    elif len(target.schema.key) == 1 and target.schema[target.schema.key[0]].dtype != one.dtype:
        wanted = target.schema[target.schema.key[0]].dtype
        yield f"refers to {one.refers!r}, whose key is {wanted}: expected {wanted}, got {one.dtype}"


def encode_declaration(dataset: Dataset, retired: Sequence[Field] = ()) -> str:
    """A declaration as JSON text, without its functions.

    Args:
        dataset: As it is declared.
        retired: Fields that it had once: their columns stay, and their names keep their type.
    """
    schema = dataset.schema
    return msgspec.json.encode(
        {
            "id": dataset.id,
            "title": _plain(dataset.title),
            "fields": [_plain(one) for one in schema.fields],
            "retired": [_plain(one) for one in retired],
            "key": schema.key,
            "event_time": schema.event_time,
            "version": schema.version,
            "system_of_record": dataset.system_of_record,
            "read_permission": dataset.read_permission,
            "write_permission": dataset.write_permission,
            "unmasked_permission": dataset.unmasked_permission,
            "area": dataset.area,
            "label": dataset.label,
            "dated": dataset.dated,
        }
    ).decode()


def decode_declaration(text: str) -> Dataset:
    """The dataset that a text declares; what was kept by a later version may have more."""
    found: dict[str, Any] = msgspec.json.decode(text)
    converter = cattrs.Converter()
    schema = Schema(
        fields=tuple(converter.structure(one, Field) for one in found["fields"]),
        key=tuple(found["key"]),
        event_time=found["event_time"],
        version=found["version"],
    )
    return Dataset(
        id=found["id"],
        title=converter.structure(found["title"], Text),
        schema=schema,
        kind="records",
        system_of_record=found["system_of_record"],
        read_permission=found["read_permission"],
        write_permission=found["write_permission"],
        unmasked_permission=found["unmasked_permission"],
        area=found["area"],
        label=found["label"],
        dated=found["dated"],
    )


def decode_retired(text: str) -> tuple[Field, ...]:
    """The fields that a dataset had once."""
    found: dict[str, Any] = msgspec.json.decode(text)
    converter = cattrs.Converter()
    return tuple(converter.structure(one, Field) for one in found["retired"])


def _plain(value: Field | Text) -> object:
    plain: object = cattrs.unstructure(value)
    return plain
