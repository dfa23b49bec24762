"""The context objects that plugins are given at run time.

They mirror `county_gov.contract.context`: a member that is added there is added here once. What a
context needs beside its members is private, so that plugins find nothing but the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import structlog
from attrs import frozen

from county_gov.deployment.arguments import require_line, require_text
from county_gov.errors import AccessDenied, CommandInvalid, ContractError, Problem
from county_gov.store import notes

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from county_gov.cases import Cases
    from county_gov.contract.access import Actor
    from county_gov.contract.clock import Clock
    from county_gov.contract.context import Context, Http, Notes, Reader
    from county_gov.contract.parameter import ParameterReader
    from county_gov.contract.records import RecordReader, RecordWriter
    from county_gov.contract.schema import Value
    from county_gov.contract.text import Text
    from county_gov.contract.workflow import CaseView
    from county_gov.store import Store, Transaction

LONGEST_KEY = 200
LONGEST_NOTE = 65_536
LONGEST_LINE = 200
LONGEST_BODY = 65_536


@frozen(eq=False)
class PluginNotes:
    """A plugin's durable notes. Implements `county_gov.contract.context.Notes`."""

    _store: Store
    _plugin: str

    async def get(self, key: str) -> str | None:
        """The text, or None."""
        require_text("notes: the key", key, 1, LONGEST_KEY)
        return await self._store.read(lambda snapshot: notes.read_note(snapshot, self._plugin, key))

    async def set(self, key: str, value: str) -> None:
        """Keep the text; durable when it returns.

        Raises:
            ContractError: if key or text is too long, or cannot be stored.
        """
        require_text("notes: the key", key, 1, LONGEST_KEY)
        require_text(f"notes: the value of {key!r}", value, 0, LONGEST_NOTE)
        await self._store.write(lambda tx: notes.write_note(tx, self._plugin, key, value))


@frozen
class CallKeys:
    """The idempotency keys of one contribution, or of one call of it.

    Args:
        contribution: Its id, or the plugin's name for its listeners.
        call: What is only the same when the same call is repeated: a click. Empty where keys tell
            calls apart by themselves.
        brought: Whether who calls brings the keys, so that one that is none is the caller's fault.
    """

    contribution: str
    call: str = ""
    brought: bool = False

    @property
    def plugin(self) -> str:
        """The plugin that the contribution belongs to."""
        return self.contribution.split(".", maxsplit=1)[0]

    def of(self, key: str, *target: str) -> str:
        """The key under which a write is remembered.

        Args:
            key: As the plugin gives it.
            *target: What kind of write it is, and to what.

        Raises:
            ContractError: if the plugin's key cannot be one.
            CommandInvalid: if it cannot be one, and who calls has brought it.
        """
        try:
            require_text("idempotency_key", key, 1, LONGEST_KEY)
        except ContractError as error:
            if self.brought and isinstance(key, str):
                words = f"expected 1 to {LONGEST_KEY} characters that can be stored"
                raise CommandInvalid([Problem("idempotency_key", words)]) from error
            raise
        return f"{self.plugin}:{digest(self.contribution, self.call, *target, key)}"


@frozen(eq=False)
class Deed:
    """On whose behalf a context writes, and how.

    Args:
        actor: Who acts.
        keys: Its idempotency keys.
        store: Where notices wait.
        cases: Where cases are opened and moved.
        channels: Notifiers that notices go to.
        drill: Whether everything is an exercise.
        request: Id of the HTTP request, for the audit trail.
    """

    actor: Actor
    keys: CallKeys
    store: Store
    cases: Cases
    channels: tuple[str, ...]
    drill: bool = False
    request: str = ""


@frozen(eq=False)
class CountyContext:
    """Implements `county_gov.contract.context.ReadingContext`."""

    clock: Clock
    timezone: str
    read: Reader
    records: RecordReader
    parameters: ParameterReader


@frozen(eq=False, kw_only=True)
class CountyPageContext(CountyContext):
    """Implements `county_gov.contract.context.PageContext` for one request."""

    actor: Actor
    query: Mapping[str, str]


@frozen(eq=False, kw_only=True)
class CountyActingContext(CountyContext):
    """Implements `county_gov.contract.context.ActingContext` for one who acts."""

    records: RecordWriter
    _deed: Deed

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
        """Open a case, or return the one opened before under the same key."""
        deed = self._deed
        return await deed.cases.open(
            workflow,
            title=title,
            area=area,
            subject=subject,
            data=data,
            actor=deed.actor,
            key=deed.keys.of(idempotency_key, "open_case", workflow, subject),
            key_alone=True,
            drill=deed.drill,
            plugin=deed.keys.plugin,
            request=deed.request,
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
        """Move a case, or return what it was after the same event under the same key."""
        deed = self._deed
        return await deed.cases.send_event(
            case,
            event,
            data=data,
            actor=deed.actor,
            expected_version=expected_version,
            key=deed.keys.of(idempotency_key, "send_event", case, event),
            key_alone=True,
            plugin=deed.keys.plugin,
            request=deed.request,
        )

    async def notify(
        self, recipient: str, *, subject: str, body: str, idempotency_key: str
    ) -> None:
        """Put a notice into the outbox, once per key, recipient and channel.

        Raises:
            AccessDenied: on behalf of somebody who is not known.
            ContractError: if recipient, subject, body or key cannot be one.
        """
        deed = self._deed
        require_line("notify: the recipient", recipient, LONGEST_LINE)
        require_line("notify: the subject", subject, LONGEST_LINE)
        require_text("notify: the body", body, 0, LONGEST_BODY)
        if deed.actor.kind == "person" and deed.actor.account is None:
            raise AccessDenied("who has not signed in sends no notices; a plugin may by ctx.plugin")
        who = str(deed.actor.account or deed.actor.name)
        key = deed.keys.of(idempotency_key, "notify", who, recipient)

        def write(tx: Transaction) -> None:
            for channel in deed.channels:
                tx.append_outbox(
                    key=f"{key}:{channel}",
                    notifier=channel,
                    recipient=recipient,
                    subject=subject,
                    body=body,
                    drill=deed.drill,
                )

        await deed.store.write(write)


@frozen(eq=False, kw_only=True)
class PluginContext(CountyActingContext):
    """Implements `county_gov.contract.context.Context` for one plugin.

    Args:
        config: Its checked configuration.
        log: A structured logger, bound to the plugin's name.
        notes: Its durable notes.
        http: Requests to the hosts that the deployment file allows the plugin.
    """

    config: object
    log: FilteringBoundLogger
    notes: Notes
    http: Http


@frozen(eq=False, kw_only=True)
class CountyEndpointContext(CountyActingContext):
    """Implements `county_gov.contract.context.EndpointContext` for one request."""

    actor: Actor
    plugin: Context


@frozen(eq=False, kw_only=True)
class CountyCommandContext(CountyEndpointContext):
    """Implements `county_gov.contract.context.CommandContext` for one click."""

    query: Mapping[str, str]
    key: str


def logger_of(plugin: str) -> FilteringBoundLogger:
    """A structured logger, bound to a plugin's name."""
    logger: FilteringBoundLogger = structlog.get_logger(f"plugin.{plugin}").bind(plugin=plugin)
    return logger


def digest(*parts: object) -> str:
    """A short name for a request: the same parts give the same."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
