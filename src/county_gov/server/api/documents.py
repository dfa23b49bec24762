"""What the interface answers and reads, as types: encoded by msgspec, described in OpenAPI."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from county_gov.contract.schema import Value

Instant = Annotated[
    str, Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})
]
Exact = Annotated[Decimal, Meta(description="Exact, with the datastream's decimals")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


def rfc3339(instant: int) -> str:
    """An instant (microseconds UTC) as RFC 3339, without a fraction where it is zero."""
    moment = _EPOCH + timedelta(microseconds=instant)
    unit = "microseconds" if instant % _SECOND else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=unit) + "Z"


def exact(scaled: int, decimals: int) -> Decimal:
    """A stored value as it is: 3510 with two decimals is 35.10."""
    return Decimal(scaled).scaleb(-decimals)


def clean(text: str) -> str:
    """A text that JSON can carry: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


class RowReason(Struct):
    """Why one row went into quarantine; ``row`` counts from 0, null means the whole delivery."""

    row: int | None
    code: str
    message: str
    field: str
    value: str


class Delivered(Struct):
    """What became of a delivery; it is durable when this is answered."""

    batch: str
    accepted: int
    duplicate: int
    revised: int
    quarantined: int
    reasons: list[RowReason]
    position: int


class DatastreamDocument(Struct):
    """A datastream."""

    code: str
    name: str
    name_en: str
    thing: str
    observed_property: str
    unit: str
    period_seconds: float
    decimals: int
    area: str
    responsible_unit: str
    longitude: float | None
    latitude: float | None
    minimum: float | None
    maximum: float | None


class Datastreams(Struct):
    """The datastreams that may be seen."""

    datastreams: list[DatastreamDocument]


class LatestReading(Struct):
    """The latest reading of a datastream."""

    datastream: str
    time: Instant
    value: Exact
    unit: str
    flag: str
    received_at: Instant


class Latest(Struct):
    """Latest readings by datastream."""

    readings: list[LatestReading]


class Observation(Struct):
    """One reading."""

    time: Instant
    value: Exact
    flag: str


class ObservationsPage(Struct):
    """Readings in ascending order; ``next`` is the address of what follows, or null."""

    datastream: str
    unit: str
    observations: list[Observation]
    next: str | None


class Hour(Struct):
    """One clock hour."""

    time: Instant
    count: int
    mean: float
    minimum: Exact
    maximum: Exact


class HourlyPage(Struct):
    """Clock hours in ascending order; hours without a reading are absent."""

    datastream: str
    unit: str
    hours: list[Hour]


class Episode(Struct):
    """An alert episode; ``ended_at`` null means that it lasts."""

    id: int
    policy: str
    datastream: str
    area: str
    severity: str
    started_at: Instant
    ended_at: Instant | None
    last_reading_at: Instant
    peak: float
    corrected: bool
    withdrawn: bool
    case: str | None


class Episodes(Struct):
    """Alert episodes, latest first; ``total`` counts all that match."""

    alerts: list[Episode]
    total: int


class EpisodeChange(Struct):
    """Something that happened to an episode."""

    at: Instant
    change: str


class EpisodeDetail(Struct):
    """An episode with its history."""

    alert: Episode
    changes: list[EpisodeChange]


class CaseDocument(Struct):
    """A case."""

    id: str
    number: str
    workflow: str
    state: str
    version: int
    area: str
    title: str
    title_en: str
    subject: str
    opened_at: Instant
    data: dict[str, Value]
    units: list[str]


class Cases(Struct):
    """Cases; ``total`` counts all that match."""

    cases: list[CaseDocument]
    total: int


class CaseEntry(Struct):
    """One event of a case's history; ``event`` is empty for its opening."""

    sequence: int
    event: str
    from_state: str
    to_state: str
    actor: str
    at: Instant
    data: dict[str, Value]


class CaseTask(Struct):
    """A task of a case; ``ended_at`` null means that it is open.

    Of a recurring task ``occurrence`` counts from 1, ``missed`` says how many occurrences from this
    one on nobody did, ``due_at`` when the next one opens. ``note`` says why nobody on duty has it:
    nobody_on_duty, not_holder, no_roster, or nothing.
    """

    title: str
    state: str
    role: str
    unit: str | None
    created_at: Instant
    ended_at: Instant | None
    occurrence: int
    missed: int
    outcome: str
    note: str
    due_at: Instant | None


class CaseDetailDocument(Struct):
    """A case with its history, its tasks, and the events that who asks may send now."""

    case: CaseDocument
    history: list[CaseEntry]
    tasks: list[CaseTask]
    events: list[str]


class CaseEvent(Struct, forbid_unknown_fields=True):
    """An event for a case.

    ``expected_version`` is the version that was read; it may stand in ``If-Match`` instead.
    """

    data: dict[str, Value] = {}
    expected_version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class QuarantinedDocument(Struct):
    """Something that could not be accepted."""

    id: int
    batch: int
    row: int | None
    code: str
    message: str
    field: str
    value: str
    datastream: str
    source: str
    wire_format: str
    received_at: Instant
    state: str


class QuarantinePage(Struct):
    """Quarantined rows, latest first."""

    rows: list[QuarantinedDocument]
    total: int


class QuarantinedRaw(Struct):
    """A quarantined row with its bytes, as Base64."""

    row: QuarantinedDocument
    raw: bytes


class Retry(Struct, forbid_unknown_fields=True):
    """Take a row in again; ``text`` replaces its bytes where it is given."""

    text: Annotated[str, Meta(max_length=65_536)] | None = None


class Retried(Struct):
    """What became of a retry; where it did not take the row in, why.

    ``quarantined`` counts the bad rows of a whole delivery that were quarantined anew.
    """

    resolved: bool
    batches: list[str]
    quarantined: int
    reasons: list[RowReason]


class Dismissed(Struct):
    """How many rows were put aside now."""

    dismissed: int


class Dismissal(Struct, forbid_unknown_fields=True):
    """Put a row aside."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class Credentials(Struct, forbid_unknown_fields=True):
    """Who signs in."""

    login: Annotated[str, Meta(min_length=1, max_length=200)]
    password: Annotated[str, Meta(min_length=1, max_length=1000)]


class SessionDocument(Struct):
    """Who is signed in, and what that person may do."""

    name: str
    language: str
    permissions: list[str]


class Done(Struct):
    """It is done."""

    done: bool = True
