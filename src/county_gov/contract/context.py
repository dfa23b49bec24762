"""The contexts: what a plugin can use at run time.

ReadingContext                  the time, and reads
├── PageContext                 … as the person who looks
└── ActingContext               and writes, each with an idempotency key
    ├── Context                 … on the plugin's own behalf; its configuration, notes, http
    └── EndpointContext         … as who asks
        └── CommandContext      … as the person who clicked; a PageContext as well
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from county_gov.contract.access import Actor
    from county_gov.contract.alert import Severity
    from county_gov.contract.batch import Batch
    from county_gov.contract.clock import Clock
    from county_gov.contract.parameter import ParameterReader
    from county_gov.contract.records import RecordReader, RecordWriter


@frozen
class DatastreamView:
    """A datastream as plugins see it. ``period`` is microseconds, 0 for irregular readings."""

    number: int
    code: str
    thing: str
    observed_property: str
    name: str
    name_en: str
    unit: str
    period: int
    decimals: int
    area: str
    responsible_unit: str
    longitude: float | None
    latitude: float | None
    minimum: float | None
    maximum: float | None
    thing_name: str = ""
    thing_name_en: str = ""


@frozen
class Reading:
    """The latest reading of a datastream."""

    datastream: DatastreamView
    time: int
    value: float
    flag: str
    received_at: int


@frozen
class EpisodeView:
    """An alert episode in event time; ``ended_at`` None means open.

    ``limit`` is what the reading of its highest level was compared with, None where unknown.
    """

    id: int
    policy: str
    datastream: str
    area: str
    severity: Severity
    started_at: int
    ended_at: int | None
    last_reading_at: int
    peak: float
    corrected: bool
    withdrawn: bool
    case: str = ""
    limit: float | None = None


class Reader(Protocol):
    """Scoped reads: what the context's own reader may see, and nothing more.

    In a `Context` that is what the plugin may see: everything, but for the cases of other plugins'
    confidential workflows. In a context that belongs to somebody (a page, command or endpoint) it
    is what both the plugin and that person may see: each kind of thing by its own permission and
    within the area, unit or person that this permission reaches there. What lies outside is left
    out without a word; nothing tells it from what does not exist.

    Instants are int microseconds UTC, of at most 64 bits; an interval holds its start and not its
    end. What is of another type raises `ContractError`.
    """

    async def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """The datastreams, by code; of a person, those that "core.observations.read" reaches.

        Args:
            observed_property: Only of this property, for example "water_level"; empty for all.
        """
        ...

    async def latest(self, *, observed_property: str = "") -> tuple[Reading, ...]:
        """The latest reading of each datastream that has one, by code; else as `datastreams`.

        It follows what came in within a second; values are in the datastream's unit.
        """
        ...

    async def observations(self, datastream: str, start: int, end: int) -> Batch:
        """The current readings of a datastream in [start, end), by time.

        Columns: ``time`` (int64 microseconds UTC), ``value`` (float64, in the datastream's unit),
        ``flag`` (text, empty for a sound reading). Revised readings come in their latest form. All
        of them come at once, so ask for months rather than for years of minutes.

        Raises:
            NotFound: if there is no such datastream for who reads.
            ContractError: if start or end is no instant.
        """
        ...

    async def hourly(self, datastream: str, start: int, end: int) -> Batch:
        """A datastream's clock hours (UTC) in [start, end) that have readings, by time.

        Columns: ``time`` (int64, the hour's beginning), ``count`` (int64), ``mean``, ``minimum``,
        ``maximum`` (float64, in the datastream's unit). Hours without readings are left out.

        Raises:
            NotFound: if there is no such datastream for who reads.
            ContractError: if start or end is no instant.
        """
        ...

    async def episodes(
        self, *, policy: str = "", datastream: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[EpisodeView, ...]:
        """Alert episodes, latest first; of a person, those that "core.alerts.read" reaches.

        ``case`` is empty where who reads may not see the case.

        Args:
            policy: Only of this policy's id.
            datastream: Only of this datastream's code.
            open_only: Only those that have not ended.
            limit: At most so many, 1 to 500.

        Raises:
            ContractError: if the limit is out of bounds.
        """
        ...

    async def cases(
        self, *, workflow: str = "", state: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[CaseView, ...]:
        """Cases, latest first; of a person, those that each workflow's `read_permission` reaches.

        Those of a confidential workflow come only to who takes part in them.

        Args:
            workflow: Only of this workflow's id.
            state: Only in this state.
            open_only: Only those that are not closed.
            limit: At most so many, 1 to 500.

        Raises:
            ContractError: if the limit is out of bounds.
        """
        ...

    async def count_cases(self, *, workflow: str = "", open_only: bool = False) -> int:
        """How many cases `cases` would give without a limit."""
        ...


class Notes(Protocol):
    """A plugin's own durable notes: small texts by key, seen by no other plugin.

    They are for what a plugin has to know after a restart: a cursor, a token's expiry. What people
    should see, search or export belongs into a dataset of records.
    """

    async def get(self, key: str) -> str | None:
        """The text, or None where nothing was noted under the key."""
        ...

    async def set(self, key: str, value: str) -> None:
        """Keep a text in place of the one before; durable when it returns.

        Args:
            key: 1 to 200 characters.
            value: At most 65,536 characters; JSON where it is more than one thing.

        Raises:
            ContractError: if one of both is too long, or cannot be stored.
        """
        ...


@frozen(eq=False)
class HttpAnswer:
    """What another server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Http(Protocol):
    """Requests to the hosts that the deployment file allows this plugin (``hosts``)."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 10.0,
        maximum_bytes: int = 1_048_576,
    ) -> HttpAnswer:
        """Send a request; redirects are not followed, and any status is an answer.

        It is sent once: what must not happen twice on the other side carries a key of that side.

        Args:
            method: "GET", "POST", …
            url: With ``http`` or ``https``.
            headers: Further headers.
            body: What is sent.
            seconds: After so long without the whole answer it has failed, at most 60.
            maximum_bytes: A longer answer is a failure, at most 64 MiB.

        Raises:
            TargetRefused: if the host is not allowed, the address is private and not named, or
                this is a drill and the request would change something outside.
            RequestFailed: if no answer came in time, or it was too long.
        """
        ...


class ReadingContext(Protocol):
    """What every context has: the time, and reads."""

    @property
    def clock(self) -> Clock:
        """Where the time comes from: ``ctx.clock.now()`` in microseconds UTC.

        Use it instead of the system's clock, so that tests and replays can move it.
        """
        ...

    @property
    def timezone(self) -> str:
        """The county's local time, for example "Asia/Shanghai"."""
        ...

    @property
    def read(self) -> Reader:
        """Datastreams, readings, alerts and cases, as far as this context's reader sees them."""
        ...

    @property
    def records(self) -> RecordReader:
        """Records of datasets, as far as this context's reader sees them.

        A plugin sees all rows of all datasets as they are. A person sees the datasets whose
        ``read_permission`` is held, the rows within its reach, and personal fields masked unless
        ``unmasked_permission`` reaches the row; whom they were shown to unmasked is audited.
        """
        ...

    @property
    def parameters(self) -> ParameterReader:
        """Values that the county has set, as far as this context's reader sees them.

        A plugin sees all. A person sees those without a ``read_permission``, and of the others the
        values of the areas that it reaches, of all areas above these, and of the whole county.
        """
        ...


class PageContext(ReadingContext, Protocol):
    """What a page's ``views`` and ``headline`` may use: reads as the person who looks.

    A page that asks for a dataset or parameter which that person may not see gets `NotFound`; where
    the page lets it pass, the core says that the person lacks a permission, and it is no failure.
    """

    @property
    def actor(self) -> Actor:
        """Who looks."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of the address, as anybody may have typed them."""
        ...


class ActingContext(ReadingContext, Protocol):
    """What every context has that may change something.

    Each write is durable when it returns, and carries an idempotency key: the same write under the
    same key is done once, however often and however concurrently it is asked for, also after a
    crash, and gives the first result again, whatever else it says; for ever on the plugin's own
    behalf, for seven days on that of a person or device. A key is any text of 1 to 200 characters.
    It counts within this contribution (this job, source, endpoint, verb, or the plugin's events)
    and for one kind of write and its target: records of a dataset, cases of a workflow about a
    subject, one event of a case, notices to a recipient.

    So make the key of what the write is done for: ``f"report:{run.at}"``, ``f"{licence}:expired"``,
    ``str(event.position)``; never of the clock or of chance. In a `CommandContext` keys count
    within the click, so that "case" or ``ctx.key`` will do. In an `EndpointContext` they count
    within who asks, so that a caller may bring a key (one that cannot be one is the caller's 422);
    all who have not signed in share theirs. Both hold for what is done by ``ctx.plugin`` as well.
    """

    @property
    def records(self) -> RecordWriter:
        """Records as in `ReadingContext.records`, and the plugin's own datasets to write.

        In a `Context` they are written as the system, else as the person: then that person needs
        the dataset's ``write_permission`` for the row's area.
        """
        ...

    async def open_case(
        self,
        workflow: str,
        *,
        title: str | Text,
        area: str,
        subject: str,
        data: Mapping[str, Value],
        idempotency_key: str,
    ) -> CaseView:
        """Open a case: in a `Context` as the system, else as the person.

        Args:
            workflow: Id of a workflow of any enabled plugin; a confidential one is there for the
                plugin that declares it alone.
            title: What it is about, at most 200 characters; a `Text` is shown to each reader in
                their own language.
            area: Code of an area. A person needs "cases.case.open" for it.
            subject: Code of what it is about (a datastream, a thing), at most 200 characters.
            data: Values of the workflow's ``data``, by name.
            idempotency_key: See `ActingContext`.

        Returns:
            The case as it was opened.

        Raises:
            EventNotAllowed: with code "permission", or "workflow" where there is none.
            EventDataInvalid: with each field's problem.
            ContractError: if the key cannot be one.
        """
        ...

    async def send_event(
        self,
        case: str,
        event: str,
        *,
        data: Mapping[str, Value],
        expected_version: int,
        idempotency_key: str,
    ) -> CaseView:
        """Move a case: in a `Context` as the system, else as the person.

        The system needs no task and no permission; guards are asked all the same. A person needs
        what the workflow says: permission, reach, the open task.

        Args:
            case: The case's id (`CaseView.id`).
            event: Id of the event within the case's workflow.
            data: Values of the event's form, by name.
            expected_version: `CaseView.version` as it was read.
            idempotency_key: See `ActingContext`.

        Returns:
            The case as it was right after the event.

        Raises:
            CaseNotFound: if there is no such case for who acts, or it is one of another plugin's
                confidential workflow, whoever acts and whatever was done before under the key.
            CaseConflict: if the case has moved since it was read: read it again and decide anew.
            EventNotAllowed: with code "permission", "state", "task", "event", "workflow", "guard"
                or "guard_failed".
            EventDataInvalid: with each field's problem.
            ContractError: if the key cannot be one.
        """
        ...

    async def notify(
        self, recipient: str, *, subject: str, body: str, idempotency_key: str
    ) -> None:
        """Put a notice into the outbox, for each channel of the county; sent soon after.

        Args:
            recipient: A login, or what the county's channels know as an address; one line of 1 to
                200 characters.
            subject: One line of 1 to 200 characters.
            body: Plain text of at most 65,536 characters.
            idempotency_key: See `ActingContext`.

        Raises:
            AccessDenied: on behalf of who has not signed in; a plugin that means it, as in a form
                for the public, decides whom to tell and does so by ``ctx.plugin``.
            ContractError: if recipient, subject, body or key cannot be one.
        """
        ...


class Context(ActingContext, Protocol):
    """What a plugin uses on its own behalf: its sources, notifiers, jobs, verbs and listeners.

    It reads what the plugin may see and acts as the system. Who lets a verb run sits at the
    server's terminal and could read the database itself.
    """

    @property
    def config(self) -> object:
        """The plugin's own checked configuration, an instance of its ``Config``."""
        ...

    @property
    def log(self) -> FilteringBoundLogger:
        """A structured logger, bound to the plugin's name: ``ctx.log.info("pulled", rows=3)``.

        Never log secrets or personal data.
        """
        ...

    @property
    def notes(self) -> Notes:
        """Durable notes of this plugin."""
        ...

    @property
    def http(self) -> Http:
        """Requests to allowed hosts."""
        ...


class EndpointContext(ActingContext, Protocol):
    """What an endpoint may use: it reads and acts as who asks.

    A device, and anybody at all where the endpoint is ``public``, hold no permissions: they see
    only what is public, which are datasets all of whose fields are classified "public", and
    parameters whose field is. What the endpoint does for them it does by ``plugin``.
    """

    @property
    def actor(self) -> Actor:
        """Who asks: a person or a device; without name and account where nobody has signed in."""
        ...

    @property
    def plugin(self) -> Context:
        """What the plugin uses on its own behalf: http, notes, log; it acts as the system.

        What it reads is not narrowed to who asks: decide with it, and answer nothing of it that is
        not meant for everybody who may call this.
        """
        ...


class CommandContext(PageContext, EndpointContext, Protocol):
    """What a command may use: it reads and acts as the person who gave it.

    ``query`` is the one of the page on which the command was given.
    """

    @property
    def key(self) -> str:
        """Idempotency key of this click: the same click sent twice has the same key."""
        ...
