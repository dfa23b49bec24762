"""Schemas: one declaration serves validation, tables, OpenAPI, catalogue, forms and masking."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from county_gov.contract.text import Text
from county_gov.errors import ContractError

Dtype = Literal["int64", "float64", "bool", "text", "instant", "date"]
"""Column types. "instant" is int64 microseconds UTC; "date" is int64 days since 1970-01-01."""

Value = str | int | float | bool | None
"""A field's value in a form, a case or a record. Exact numbers (``decimals``) are floats here; days
are ISO 8601 texts ("2026-06-01"), instants are int microseconds UTC."""

LONGEST_DECLARED = 100_000
"""Characters that a text field may allow; one that names no maximum allows 10,000."""

Classification = Literal["public", "internal", "personal", "sensitive"]
"""Grades of GB/T 35273: who may read a field, and whether it is masked and encrypted."""


@frozen
class Field:
    """One field.

    Args:
        name: Lower-case identifier.
        dtype: Column type.
        title: What the field is called.
        meaning: What exactly it holds.
        unit: Unit symbol (UCUM where one exists), empty for none.
        minimum, maximum: Inclusive bounds; for text, bounds of its length in characters: 10,000
            where none is named, and never more than 100,000.
        decimals: Exact values are stored as int64 scaled by ``10**decimals``.
        required: Whether a value must be given.
        choices: The only values allowed, with their words.
        classification: Grade of the data.
        multiline: For text, whether a form offers several lines.
        indexed: For records, whether rows are often found or ordered by it: it gets an index.
        refers: What the value is the code of, so that forms offer a list and imports check it:
            "area", "unit", "thing", "person" (an account's number, int64), or a dataset's id.
    """

    name: str
    dtype: Dtype
    title: Text
    meaning: Text | None = None
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    required: bool = True
    choices: tuple[tuple[str, Text], ...] = ()
    classification: Classification = "internal"
    multiline: bool = False
    refers: str = ""
    indexed: bool = False

    def __attrs_post_init__(self) -> None:
        if not (self.name.isidentifier() and self.name == self.name.lower()):
            msg = f"field name {self.name!r}: expected a lower-case identifier"
            raise ContractError(msg)
        if self.dtype == "text" and self.maximum is not None and self.maximum > LONGEST_DECLARED:
            msg = (
                f"field {self.name!r}: maximum: expected at most {LONGEST_DECLARED} characters, "
                f"got {self.maximum:g}; what is longer belongs into a file"
            )
            raise ContractError(msg)


@frozen
class Schema:
    """The fields of a dataset, form or batch, and which of them identify a row.

    Args:
        fields: In the order of display; names are unique.
        key: Names of the fields that identify a row.
        event_time: Name of the field telling when the thing happened.
        data_subject: Name of the field naming whose key encrypts the sensitive fields.
        version: Raised with each change of meaning.
    """

    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    event_time: str | None = None
    data_subject: str | None = None
    version: int = 1
    names: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = [one.name for one in self.fields]
        object.__setattr__(self, "names", frozenset(names))
        for name in sorted(self.names):
            if names.count(name) > 1:
                msg = f"field {name!r} is declared twice: give each field its own name"
                raise ContractError(msg)
        pointers = (*self.key, self.event_time, self.data_subject)
        for pointer in pointers:
            if pointer is not None and pointer not in self.names:
                msg = f"{pointer!r} is used as key, event time or data subject, but is not a field"
                raise ContractError(msg)

    def __getitem__(self, name: str) -> Field:
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)
