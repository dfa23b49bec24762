"""The context object: what a plugin can use at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from county_gov.contract.schema import Value
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
    """Scoped reads: only what the actor of this context may see comes back."""

    async def datastreams(self, *, observed_property: str = "") -> tuple[DatastreamView, ...]:
        """The datastreams, optionally of one observed property, by code."""
        ...

    async def latest(self, *, observed_property: str = "") -> tuple[Reading, ...]:
        """The latest reading of each datastream that has one."""
        ...

    async def observations(self, datastream: str, start: int, end: int) -> Batch:
        """Current readings in [start, end): columns ``time``, ``value`` (float64), ``flag``."""
        ...

    async def hourly(self, datastream: str, start: int, end: int) -> Batch:
        """Clock hours in [start, end): ``time``, ``count``, ``mean``, ``minimum``, ``maximum``."""
        ...

    async def episodes(
        self, *, policy: str = "", datastream: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[EpisodeView, ...]:
        """Alert episodes, latest first."""
        ...

    async def cases(
        self, *, workflow: str = "", state: str = "", open_only: bool = False, limit: int = 100
    ) -> tuple[CaseView, ...]:
        """Cases, latest first."""
        ...

    async def count_cases(self, *, workflow: str = "", open_only: bool = False) -> int:
        """How many cases there are within the scope."""
        ...


class Notes(Protocol):
    """A plugin's own durable notes: small JSON values by key."""

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        ...

    async def set(self, key: str, value: str) -> None:
        """Keep the value; durable when it returns."""
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
        """Send a request; redirects are not followed.

        Raises:
            TargetRefused: if the host is not allowed, the address is private and not named, or
                this is a drill and the request would change something outside.
            RequestFailed: if no answer came in time, or it was too long.
        """
        ...


class Context(Protocol):
    """What a plugin's source, notifier, job, endpoint, verb or event may use."""

    @property
    def config(self) -> object:
        """The plugin's own checked configuration."""
        ...

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        ...

    @property
    def timezone(self) -> str:
        """The county's local time, for example "Asia/Shanghai"."""
        ...

    @property
    def log(self) -> FilteringBoundLogger:
        """A structured logger, bound to the plugin's name."""
        ...

    @property
    def notes(self) -> Notes:
        """Durable notes of this plugin."""
        ...

    @property
    def read(self) -> Reader:
        """Reads with the scope of the system, or of who asks an endpoint."""
        ...

    @property
    def records(self) -> RecordWriter:
        """Records of every dataset to read, and of the plugin's own to write."""
        ...

    @property
    def parameters(self) -> ParameterReader:
        """Values that the county has set."""
        ...

    @property
    def http(self) -> Http:
        """Requests to allowed hosts."""
        ...

    async def open_case(
        self,
        workflow: str,
        *,
        title: str,
        area: str,
        subject: str,
        data: Mapping[str, Value],
        idempotency_key: str,
    ) -> CaseView:
        """Open a case, or return the one opened before under the same key."""
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
        """Move a case as the system."""
        ...

    async def notify(self, recipient: str, *, subject: str, body: str, key: str) -> None:
        """Put a notice into the outbox; the same key is sent once."""
        ...


class PageContext(Protocol):
    """What a page's ``views`` may use: reads within the scope of the person who looks."""

    @property
    def actor(self) -> Actor:
        """Who looks."""
        ...

    @property
    def read(self) -> Reader:
        """Reads within that person's scope."""
        ...

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        ...

    @property
    def timezone(self) -> str:
        """The county's local time, for example "Asia/Shanghai"."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of the address."""
        ...

    @property
    def records(self) -> RecordReader:
        """Records within that person's scope, masked as for that person."""
        ...

    @property
    def parameters(self) -> ParameterReader:
        """Values that the county has set."""
        ...


class CommandContext(PageContext, Protocol):
    """What a command may use: it acts as the person who gave it, within that person's scope."""

    @property
    def key(self) -> str:
        """Idempotency key of this click: the same click sent twice has the same key."""
        ...

    @property
    def plugin(self) -> Context:
        """What the plugin uses on its own behalf: http, notes, log; it reads as the system."""
        ...

    @property
    def records(self) -> RecordWriter:
        """Records within that person's scope, to read and to write."""
        ...

    async def open_case(
        self, workflow: str, *, title: str, area: str, subject: str, data: Mapping[str, Value]
    ) -> CaseView:
        """Open a case as that person, once per click."""
        ...

    async def notify(self, recipient: str, *, subject: str, body: str) -> None:
        """Put a notice into the outbox, once per click."""
        ...
