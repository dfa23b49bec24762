"""The context objects that plugins are given at run time."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa
import structlog
from attrs import define, field, frozen

from county_gov.contract.access import SYSTEM
from county_gov.records import RecordView
from county_gov.store import Priority, tables

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from county_gov.cases import Cases
    from county_gov.contract.access import Actor
    from county_gov.contract.clock import Clock
    from county_gov.contract.context import Context, Http, Reader
    from county_gov.contract.parameter import ParameterReader
    from county_gov.contract.records import Record, RecordReader, RecordWriter
    from county_gov.contract.schema import Value
    from county_gov.contract.workflow import CaseView
    from county_gov.store import Snapshot, Store, Transaction


@frozen(eq=False)
class PluginNotes:
    """A plugin's durable notes."""

    store: Store
    plugin: str

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        columns = tables.plugin_notes.c
        statement = sa.select(columns.value).where(
            columns.plugin == self.plugin, columns.key == key
        )

        def read(snapshot: Snapshot) -> str | None:
            value = snapshot.scalar(statement)
            return None if value is None else str(value)

        return await self.store.read(read)

    async def set(self, key: str, value: str) -> None:
        """Keep the value; durable when it returns."""

        def write(tx: Transaction) -> None:
            insert = tx.database.insert(tables.plugin_notes).values(
                plugin=self.plugin, key=key, value=value
            )
            tx.execute(
                insert.on_conflict_do_update(
                    index_elements=["plugin", "key"], set_={"value": value}
                )
            )

        await self.store.write(write, Priority.INTAKE)


@frozen(eq=False)
class PluginContext:
    """Implements `county_gov.contract.context.Context` for one plugin.

    Args:
        plugin: Its name; idempotency keys are its own.
        config: Its checked configuration.
        read: Reads with the scope of the system.
        channels: Notifiers that its notices go to.
        drill: Whether everything is an exercise.
        timezone: The county's local time.
        http: Requests to the hosts that the deployment file allows the plugin.
        records: Records of every dataset to read, and of the plugin's own to write.
        parameters: Values that the county has set.
    """

    plugin: str
    config: object
    clock: Clock
    read: Reader
    store: Store
    cases: Cases
    channels: tuple[str, ...]
    drill: bool = False
    timezone: str = "Asia/Shanghai"
    http: Http = field(kw_only=True)
    records: RecordWriter = field(kw_only=True)
    parameters: ParameterReader = field(kw_only=True)

    @property
    def log(self) -> FilteringBoundLogger:
        """A structured logger, bound to the plugin's name."""
        logger: FilteringBoundLogger = structlog.get_logger(f"plugin.{self.plugin}").bind(
            plugin=self.plugin
        )
        return logger

    @property
    def notes(self) -> PluginNotes:
        """Durable notes of this plugin."""
        return PluginNotes(self.store, self.plugin)

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
        return await self.cases.open(
            workflow,
            title=title,
            area=area,
            subject=subject,
            data=data,
            actor=SYSTEM,
            key=f"{self.plugin}:{idempotency_key}",
            drill=self.drill,
        )

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
        return await self.cases.send_event(
            case,
            event,
            data=data,
            actor=SYSTEM,
            expected_version=expected_version,
            key=f"{self.plugin}:{idempotency_key}",
        )

    async def notify(self, recipient: str, *, subject: str, body: str, key: str) -> None:
        """Put a notice into the outbox, once per key and channel."""

        def write(tx: Transaction) -> None:
            for channel in self.channels:
                tx.append_outbox(
                    key=f"{self.plugin}:{key}:{channel}:{recipient}",
                    notifier=channel,
                    recipient=recipient,
                    subject=subject,
                    body=body,
                    drill=self.drill,
                )

        await self.store.write(write)


@frozen(eq=False)
class CountyPageContext:
    """Implements `county_gov.contract.context.PageContext` for one request."""

    actor: Actor
    read: Reader
    clock: Clock
    query: Mapping[str, str]
    timezone: str = "Asia/Shanghai"
    records: RecordReader = field(kw_only=True)
    parameters: ParameterReader = field(kw_only=True)


@frozen(eq=False)
class AskedRecords(RecordView):
    """Records in an endpoint: read as who asks, written as the plugin."""

    writer: RecordWriter = field(kw_only=True)

    async def put(
        self,
        dataset: str,
        values: Mapping[str, Value],
        *,
        idempotency_key: str,
        expected_version: int | None = None,
    ) -> Record:
        """Add a row of the plugin's own, or change the one of the same key."""
        return await self.writer.put(
            dataset, values, idempotency_key=idempotency_key, expected_version=expected_version
        )

    async def remove(
        self, dataset: str, key: str, *, idempotency_key: str, expected_version: int | None = None
    ) -> None:
        """Remove a row of the plugin's own; its history stays."""
        await self.writer.remove(
            dataset, key, idempotency_key=idempotency_key, expected_version=expected_version
        )


@define(eq=False)
class CountyCommandContext:
    """Implements `county_gov.contract.context.CommandContext` for one command.

    Args:
        page: What a page of the same person may use.
        command: Id of the command.
        key: Idempotency key of the click.
        store: Where notices wait.
        cases: Where cases are opened.
        channels: Notifiers that its notices go to.
        drill: Whether everything is an exercise.
        request: Id of the HTTP request, for the audit trail.
        records: Records within that person's scope, to read and to write.
        plugin: What the plugin uses on its own behalf.
    """

    page: CountyPageContext
    command: str
    key: str
    store: Store
    cases: Cases
    channels: tuple[str, ...]
    drill: bool = False
    request: str = ""
    records: RecordWriter = field(kw_only=True)
    plugin: Context = field(kw_only=True)
    _opened: int = field(default=0, init=False)
    _told: int = field(default=0, init=False)

    @property
    def actor(self) -> Actor:
        """Who gave the command."""
        return self.page.actor

    @property
    def read(self) -> Reader:
        """Reads within that person's scope."""
        return self.page.read

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        return self.page.clock

    @property
    def timezone(self) -> str:
        """The county's local time."""
        return self.page.timezone

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of the page's address."""
        return self.page.query

    @property
    def parameters(self) -> ParameterReader:
        """Values that the county has set."""
        return self.page.parameters

    async def open_case(
        self, workflow: str, *, title: str, area: str, subject: str, data: Mapping[str, Value]
    ) -> CaseView:
        """Open a case as that person; the n-th case of a click is opened once."""
        self._opened += 1
        return await self.cases.open(
            workflow,
            title=title,
            area=area,
            subject=subject,
            data=data,
            actor=self.actor,
            key=digest(self.command, self.key, self._opened),
            drill=self.drill,
            request=self.request,
        )

    async def notify(self, recipient: str, *, subject: str, body: str) -> None:
        """Put a notice into the outbox; the n-th notice of a click is sent once."""
        self._told += 1
        key = digest(self.command, self.actor.account, self.key, self._told)

        def write(tx: Transaction) -> None:
            for channel in self.channels:
                tx.append_outbox(
                    key=f"command:{key}:{channel}",
                    notifier=channel,
                    recipient=recipient,
                    subject=subject,
                    body=body,
                    drill=self.drill,
                )

        await self.store.write(write)


def digest(*parts: object) -> str:
    """A short name for a request: the same parts give the same."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
