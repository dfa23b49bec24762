"""Sources: where data comes in, and what becomes of each delivery.

A source's ``open`` is the transport (async); its ``decode`` is pure, so that a quarantined delivery
can be decoded again after a fix. The core acknowledges a delivery after its commit, never before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from county_gov.contract.batch import Batch, Int64s

if TYPE_CHECKING:
    from county_gov.contract.context import Context
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
class Source:
    """A way in.

    Args:
        id: Prefixed by the plugin.
        dataset: Id of the dataset that it fills.
        title: What it is called on the sources page.
        decode: Pure: the same delivery and snapshot always give the same rows.
        open: Yields deliveries until cancelled; None for a source that is pushed to (HTTP).
    """

    id: str
    dataset: str
    title: Text
    decode: Callable[[Delivery, Things], Decoded]
    open: Callable[[Context], AsyncIterator[Delivery]] | None = None
