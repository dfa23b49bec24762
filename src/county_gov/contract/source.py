"""Sources: where data comes in, and what becomes of each delivery.

A source's ``open`` is the transport (async); its ``decode`` is pure, so that a quarantined delivery
can be decoded again after a fix. The core acknowledges a delivery after its commit, never before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from county_gov.contract.batch import Batch, Int64s
from county_gov.contract.schema import Schema
from county_gov.errors import ContractError

if TYPE_CHECKING:
    from county_gov.contract.context import CommandContext, Context
    from county_gov.contract.schema import Value
    from county_gov.contract.text import Text


@frozen
class Reason:
    """Why a row or a delivery was not accepted.

    ``row`` counts from 0 within the delivery, or is None where the whole delivery is meant.
    ``code`` is stable and machine-readable, for example ``unknown_datastream``.
    """

    row: int | None
    code: str
    message: str
    field: str = ""
    value: str = ""
    """The offending value, shortened to 200 characters."""


@frozen
class Outcome:
    """What became of a delivery after its commit."""

    batch: str
    """Identifier of the committed batch."""
    accepted: int
    duplicate: int
    revised: int
    quarantined: int
    reasons: tuple[Reason, ...] = ()
    """The first reasons, at most 100; the quarantine holds all."""
    position: int = 0
    """Position in the journal at which followers see it; 0 where nothing was changed."""


async def _nothing(_outcome: Outcome) -> None:
    """Acknowledge to nobody."""


@frozen(eq=False)
class Delivery:
    """Raw bytes as they came, with what is known about their coming.

    Args:
        raw: The bytes, kept when a row of them is quarantined.
        wire_format: Media type, for example ``application/x-ndjson``.
        provenance: Who or what delivered, for example ``device:aotizhongxin``.
        received_at: Instant of arrival, microseconds UTC.
        cursor: Where the source goes on after this delivery; commits with the batch.
        acknowledge: Called with the outcome after the commit.
    """

    raw: bytes
    wire_format: str
    provenance: str
    received_at: int
    cursor: str | None = None
    acknowledge: Callable[[Outcome], Awaitable[None]] = field(default=_nothing)


class Things(Protocol):
    """A read-only, versioned snapshot of devices and datastreams, given to ``decode``."""

    @property
    def version(self) -> int:
        """Raised with each change of the registers."""
        ...

    def number(self, code: str) -> int:
        """The internal number of a datastream, or -1 where the code is unknown."""
        ...

    def datastreams_of(self, thing: str) -> Mapping[str, str]:
        """Datastream code by observed property for one thing; empty for an unknown thing."""
        ...


@frozen(eq=False)
class Decoded:
    """What a decoder made of a delivery.

    Args:
        batch: The readable rows: columns ``datastream`` (text codes), ``time`` (int64
            microseconds UTC), ``value`` (float64), and optionally ``result_time`` (int64,
            `NO_TIME` where absent) and ``flag`` (text, "" where absent).
        rows: int64, shape (batch.rows,): each row's number within the delivery.
        rejected: Rows that cannot even be read, with their raw text.
    """

    batch: Batch
    rows: Int64s
    rejected: tuple[tuple[Reason, bytes], ...] = ()


@frozen(eq=False)
class Instruction:
    """Something that a source can tell a thing, for example to set its clock.

    The core makes a command of it, ``<source>.<id>``, whose form asks for the thing first: a page
    may name it among its actions, and programs give it over HTTP.

    Args:
        id: Within the source, a lower-case identifier.
        title: The button: a verb.
        permission: Who may give it; the thing must be one whose readings that person may see.
        form: What has to be said beside the thing.
        consequence: What cannot be undone, asked once before.
        seconds: After so long without an answer it has failed.
    """

    id: str
    title: Text
    permission: str
    form: Schema = field(factory=lambda: Schema(fields=()))
    consequence: Text | None = None
    seconds: float = 30.0


@frozen(eq=False)
class Instructed:
    """An instruction as it was given.

    Args:
        instruction: Its id.
        values: The form's checked values.
        key: The same click sent twice has the same key.
    """

    instruction: str
    values: Mapping[str, Value]
    key: str


@frozen(eq=False)
class Source:
    """A way in, and where things can be told something, the way back out.

    For example:

        async def tell(ctx: CommandContext, thing: str, given: Instructed) -> Text:
            await ctx.plugin.http.request("POST", f"{BASE}/{thing}/clock")
            return Text(zh="已校时", en="The clock is set")

        Source(
            id="loggers.http",
            dataset="loggers.levels",
            title=Text(zh="记录仪", en="Loggers"),
            decode=decode,
            instructions=(
                Instruction("set_clock", Text(zh="校时", en="Set the clock"), "loggers.tell"),
            ),
            command=tell,
        )

    Args:
        id: Prefixed by the plugin.
        dataset: Id of the dataset that it fills.
        title: What it is called on the sources page.
        decode: Pure: the same delivery and snapshot always give the same rows.
        open: Yields deliveries until cancelled; None for a source that is pushed to (HTTP).
        instructions: What its things can be told.
        command: Async function of the context, the thing's code and what it is told; returns what
            the thing answered. It raises `CommandRefused` to say why not.

    Raises:
        ContractError: if there are instructions and no ``command``, or the other way round.
    """

    id: str
    dataset: str
    title: Text
    decode: Callable[[Delivery, Things], Decoded]
    open: Callable[[Context], AsyncIterator[Delivery]] | None = None
    instructions: tuple[Instruction, ...] = ()
    command: Callable[[CommandContext, str, Instructed], Awaitable[Text]] | None = None

    def __attrs_post_init__(self) -> None:
        if bool(self.instructions) != (self.command is not None):
            msg = f"source {self.id}: give both instructions and command, or none of them"
            raise ContractError(msg)
