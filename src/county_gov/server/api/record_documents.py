"""What the interface answers and reads about records; values are as the dataset's schema says."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from county_gov.contract.schema import Value
from county_gov.server.api.documents import Instant


class ChoiceDocument(Struct):
    """A value that a field may have, and its words."""

    value: str
    title: str


class FieldDocument(Struct):
    """A field of a dataset; ``personal`` ones are masked for most who read."""

    name: str
    dtype: Literal["int64", "float64", "bool", "text", "instant", "date"]
    title: str
    meaning: str
    unit: str
    minimum: float | None
    maximum: float | None
    decimals: int | None
    required: bool
    choices: list[ChoiceDocument]
    classification: Literal["public", "internal", "personal", "sensitive"]
    refers: str


class DatasetDocument(Struct):
    """A dataset of records; ``count`` is the number of rows within the caller's areas."""

    id: str
    title: str
    version: int
    system_of_record: Literal["ours", "external"]
    key: list[str]
    dated: bool
    area: str
    label: str
    enabled: bool
    may_write: bool
    count: int
    fields: list[FieldDocument]


class Catalogue(Struct):
    """The datasets that the caller may read."""

    datasets: list[DatasetDocument]


class RecordDocument(Struct):
    """A row: instants are RFC 3339, days ISO 8601, numbers exact.

    The key of a dated dataset ends with the day from which the row holds. Fields that are named in
    ``masked`` show the first character of a text, else null; sent back so, they stay as they are.
    """

    dataset: str
    key: str
    values: dict[str, Value]
    masked: list[str]
    version: int
    changed_at: Instant
    changed_by: str


class RecordList(Struct):
    """Rows; ``total`` counts all that match.

    Where there may be more, ``next`` is what to send as ``after`` for those that follow by key.
    """

    records: list[RecordDocument]
    total: int
    next: str | None


class RevisionDocument(Struct):
    """A change of a row: ``before`` is null where it was added, ``after`` where it was removed."""

    key: str
    version: int
    change: Literal["added", "changed", "removed", "upgraded"]
    at: Instant
    by: str
    changed: list[str]
    before: dict[str, Value] | None
    after: dict[str, Value] | None


class RecordHistory(Struct):
    """The changes of a row, latest first."""

    revisions: list[RevisionDocument]


class RecordWrite(Struct, forbid_unknown_fields=True):
    """A row to write; fields that are not named keep their value, or are empty.

    ``expected_version`` is the version that was read, 0 for a row that must be new; it may stand
    in ``If-Match`` instead, or as ``If-None-Match: *``.
    """

    values: dict[str, Value]
    expected_version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class FieldProblem(Struct):
    """What is wrong with a field; an empty field means the whole row."""

    field: str
    message: str


class ImportRowDocument(Struct):
    """A row of a file that changes something, or cannot be taken.

    ``row`` is its number in the file, whose head is 1; of a changed row ``before`` and ``after``
    hold the fields that differ.
    """

    row: int
    outcome: Literal["added", "changed", "rejected"]
    key: str
    before: dict[str, Value] | None
    after: dict[str, Value] | None
    problems: list[FieldProblem]


class ImportDocument(Struct):
    """What a file has changed, or, where ``applied`` is false, what it would change.

    ``rows`` lists at most 1,000 rows that are not unchanged, by their number; where there are more,
    those that are rejected come before others. ``conflicts`` are those of the rejected rows that
    somebody changed after the file was looked at: they are as that person left them.
    """

    id: int
    applied: bool
    added: int
    changed: int
    unchanged: int
    rejected: int
    conflicts: int
    rows: list[ImportRowDocument]
