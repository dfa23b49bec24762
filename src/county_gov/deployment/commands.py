"""Commands of pages: checked, run behind the gateway, remembered by their key, and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec
from attrs import define, field

from county_gov.contract.text import Text
from county_gov.contract.values import clean_key, normalise, to_value
from county_gov.deployment.calling import ask
from county_gov.deployment.context import digest
from county_gov.errors import (
    AccessDenied,
    CommandFailed,
    CommandInvalid,
    ContractError,
    CountyGovError,
    NotFound,
    Problem,
)
from county_gov.registry.gateway import Failed
from county_gov.store import idempotency

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.command import Command
    from county_gov.contract.context import CommandContext
    from county_gov.contract.schema import Schema, Value
    from county_gov.registry.gateway import Gateway
    from county_gov.store import Store, Transaction

MakeContext = Callable[["Actor", Mapping[str, str], str, str, str], "CommandContext"]
"""A command's context from actor, query, command, key and request."""


@define(eq=False)
class Commands:
    """Runs the commands of all plugins.

    Args:
        store: Where keys and the audit trail are kept.
        commands: By id.
        owner: The plugin that a command belongs to.
        gateway: Calls the plugins.
        unknown: Whether a value is no code of what a field refers to.
        context: Makes the context of a run.
    """

    store: Store
    commands: Mapping[str, Command]
    owner: Callable[[str], str]
    gateway: Gateway
    unknown: Callable[[str, Value], Awaitable[bool]]
    context: MakeContext
    _running: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(
        factory=WeakValueDictionary, init=False
    )

    def find(self, actor: Actor, command: str) -> Command:
        """A command that somebody may give.

        Raises:
            NotFound: if there is none of this id.
            AccessDenied: if the actor lacks its permission.
        """
        found = self.commands.get(command)
        if found is None:
            raise NotFound(f"there is no command {command[:60]!r}; the plugin may be disabled")
        if not actor.may(found.permission):
            raise AccessDenied(f"{command} needs the permission {found.permission!r}")
        return found

    async def run(
        self,
        actor: Actor,
        command: str,
        data: Mapping[str, object],
        *,
        key: str,
        query: Mapping[str, str] | None = None,
        request: str = "",
    ) -> Text:
        """Do what a command says, once per key, and give what is said afterwards.

        Args:
            actor: Who gives it.
            command: Its id.
            data: The form's values, as `normalise` takes them.
            key: Idempotency key: the same click again gives the first answer.
            query: Query parameters of the page.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such command.
            AccessDenied: if the actor may not give it.
            CommandInvalid: with each field's problem, or where the key stands for other values.
            CommandRefused: in the plugin's own words.
            CommandFailed: if the plugin failed, was too slow, or is cut off.
            CountyGovError: what a record or case refused, as it was raised.
        """
        try:
            found = self.find(actor, command)
            values = await self._checked(found.form, data, key)
        except AccessDenied:
            await self._note(actor, command, "refused", request)
            raise
        scope = f"command:{actor.kind}:{actor.account or actor.name}"
        fingerprint = digest(command, values)
        lock = self._running.setdefault((scope, key), asyncio.Lock())
        async with lock:
            before = await self._before(scope, key, fingerprint)
            if before is not None:
                return before
            context = self.context(actor, query or {}, command, key, request)
            try:
                said = await self._call(found, context, values)
            except CountyGovError as error:
                failed = isinstance(error, CommandFailed)
                await self._note(actor, command, "failed" if failed else "refused", request)
                raise
            result = msgspec.json.encode([said.zh, said.en]).decode()

            def remember(tx: Transaction) -> None:
                idempotency.keep(tx, scope, key, idempotency.Kept(fingerprint, result))
                tx.append_audit(actor, "command.run", f"command:{command}", request=request)

            await self.store.write(remember)
            return said

    async def said(self, actor: Actor, key: str) -> Text | None:
        """What was said after the command that an actor gave under a key."""
        scope = f"command:{actor.kind}:{actor.account or actor.name}"
        found = await self.store.read(lambda snapshot: idempotency.kept(snapshot, scope, key))
        return None if found is None else _text(found.result)

    async def _checked(
        self, form: Schema, data: Mapping[str, object], key: str
    ) -> dict[str, Value]:
        """The values as plugins are given them."""
        stored, problems = normalise(form, data)
        problems += clean_key(key)
        if not problems:
            problems += [
                Problem(one.name, f"{str(stored[one.name])[:60]!r} is not known: choose another")
                for one in form.fields
                if one.refers
                and stored[one.name] is not None
                and await self.unknown(one.refers, stored[one.name])
            ]
        if problems:
            raise CommandInvalid(problems)
        return {one.name: to_value(one, stored[one.name]) for one in form.fields}

    async def _before(self, scope: str, key: str, fingerprint: str) -> Text | None:
        found = await self.store.read(lambda snapshot: idempotency.kept(snapshot, scope, key))
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise CommandInvalid([Problem("key", "was used for another command; take a new key")])
        return _text(found.result)

    async def _call(
        self, command: Command, context: CommandContext, values: Mapping[str, Value]
    ) -> Text:
        async def attempt() -> Text:
            said = await command.run(context, values)
            if not isinstance(said, Text):
                raise ContractError(f"{command.id}: expected a Text, got {type(said).__name__}")
            return said

        owner, what = self.owner(command.id), f"command {command.id}"
        answer = await ask(self.gateway, owner, what, attempt, seconds=command.seconds)
        if isinstance(answer, Failed):
            raise CommandFailed(f"{command.id}: {answer.reason}")
        return answer

    async def _note(self, actor: Actor, command: str, outcome: str, request: str) -> None:
        """Record in the audit trail that somebody tried."""
        await self.store.write(
            lambda tx: tx.append_audit(
                actor, "command.run", f"command:{command}", outcome=outcome, request=request
            )
        )


def _text(result: str) -> Text:
    zh, en = msgspec.json.decode(result, type=tuple[str, str])
    return Text(zh=zh, en=en)
