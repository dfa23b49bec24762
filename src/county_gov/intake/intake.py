"""Taking deliveries in: from bytes to a durable batch."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog
from attrs import evolve, field, frozen

from county_gov.contract.source import Decoded, Delivery, Outcome, Reason, Things
from county_gov.errors import (
    DeliveryTooLarge,
    IntakeError,
    MalformedDelivery,
    StoreError,
    UnsupportedWireFormat,
)
from county_gov.intake.few import read_few
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import ROW_FORMAT, Readable
from county_gov.intake.reasons import Fault
from county_gov.intake.recoding import recode
from county_gov.intake.scales import check_scales
from county_gov.intake.validation import Registers, Rejected, Validated, validate
from county_gov.intake.wire_format import read
from county_gov.store.intake import (
    BatchRow,
    QuarantineRow,
    insert_batch,
    insert_batches,
    insert_quarantine,
    read_cursor,
    set_counts,
    set_cursor,
)
from county_gov.store.memory import Remembered
from county_gov.store.observations import ACCEPTED, DUPLICATE, REVISED
from county_gov.store.observations.rows import Landed, Readings, Small, Tally
from county_gov.store.writer import Priority

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store.store import Store
    from county_gov.store.transaction import JournalEntry, Transaction

log = structlog.get_logger(__name__)

MOST_REASONS = 100
"""Reasons that an answer repeats; the quarantine holds all."""

FEW_READINGS = 250
"""So many readings are always one change."""
REJECTED_A_CHANGE = 1_000
"""Rows of one change on the writer, so that nobody waits for it longer than some 20 ms."""
PARTS_AT_ONCE = 4
"""Parts of a delivery that wait for the writer together, to share a commit where nobody waits."""

Decode = Callable[[Delivery, Things], Decoded]
AfterLanding = Callable[["Transaction", int], None]
"""Called in a batch's last change with the batch's number."""


class Landing(Protocol):
    """Where readings land."""

    def land(self, tx: Transaction, rows: Readings, *, batch: int) -> Landed:
        """Take rows of a batch in; on the writer."""
        ...

    def land_together(
        self, tx: Transaction, deliveries: Sequence[Small], batches: Sequence[int]
    ) -> Sequence[Tally]:
        """Take in several small batches as if one after another; on the writer."""
        ...

    def cuts(self, rows: Readings) -> Sequence[int]:
        """Where to cut rows into changes that are short on the writer."""
        ...


class Snapshot(Registers, Things, Protocol):
    """The registers, as validation and decoders of plugins need them."""


@frozen(eq=False)
class _Progress:
    """What became of a batch so far: its number, its rows, and how many parts have landed."""

    number: int = 0
    accepted: int = 0
    duplicate: int = 0
    revised: int = 0
    entry: JournalEntry | None = None
    parts: int = 0


@frozen(eq=False)
class _Batch:
    """A batch on its way through one or more changes."""

    row: BatchRow
    progress: Remembered[_Progress] = field(factory=lambda: Remembered(_Progress()), init=False)


@frozen(eq=False)
class _Part:
    """What one change on the writer brings."""

    readings: Readings
    rejected: Sequence[Rejected]
    number: int
    """Parts before it."""
    last: bool


class Intake:
    """The way in for observations.

    Args:
        store: Where everything is kept.
        observations: Where readings land.
        registers: Gives the current registers.
        clock: Gives the instants.
        limits: How much is taken at once.
        decoders: Source's id to its ``decode``, for sources that do not deliver one of the
            built-in wire formats.
    """

    def __init__(
        self,
        store: Store,
        observations: Landing,
        registers: Callable[[], Snapshot],
        clock: Clock,
        *,
        limits: IntakeLimits | None = None,
        decoders: Mapping[str, Decode] | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.limits = limits or IntakeLimits()
        self._observations = observations
        self._registers = registers
        self._decoders = decoders or {}
        # The system's own source lets go of the interpreter's lock at every call, and waits for it.
        self._random = random.Random()  # noqa: S311 - seeded by the system; keys are no secrets

    async def take(
        self,
        delivery: Delivery,
        *,
        source: str,
        first_row: int = 0,
        quarantine_whole: bool = False,
    ) -> Outcome:
        """Take a delivery in; all that it answers for is durable when it returns.

        The same delivery again changes nothing: its rows are then counted as duplicates. A row
        that cannot be accepted goes to the quarantine with its raw text; where the delivery as a
        whole cannot be read, it is refused if somebody waits for the answer, and quarantined whole
        if it was fetched (``quarantine_whole``, or it has a cursor), so that nothing is lost and
        what comes after it is not held up.

        Args:
            delivery: The bytes and their origin.
            source: Id of the source, as the quarantine and its cursor know it.
            first_row: Number of the delivery's first row, for pieces of a larger whole.
            quarantine_whole: Whether nobody can be told that the whole cannot be read.

        Raises:
            IntakeError: if the whole cannot be read and is not quarantined whole.
            StoreError: if it could not be made durable. Some of its rows may have been (a delivery
                of more than 4,096 rows may take several commits); the same delivery again is safe.
        """
        registers = self.registers
        small = self._read_few(delivery, source, registers)
        if small is not None:
            outcome = await self._commit_small(delivery, small, registers, source=source)
            await delivery.acknowledge(outcome)
            return outcome
        try:
            inline = len(delivery.raw) <= self.limits.inline_bytes
            if inline and source not in self._decoders:  # a plugin's decoder may take its time
                validated = self.prepare(delivery, source=source)
            else:
                validated = await asyncio.to_thread(self.prepare, delivery, source=source)
        except IntakeError as error:
            if delivery.cursor is None and not quarantine_whole:
                raise
            validated = _whole(delivery, error, self.registers)
        validated = validated.from_row(first_row)
        cursor = None if delivery.cursor is None else (source, delivery.cursor)
        outcome = await self.commit(delivery, validated, source=source, cursor=cursor)
        await delivery.acknowledge(outcome)
        return outcome

    @property
    def registers(self) -> Snapshot:
        """The registers as they are now."""
        return self._registers()

    def _read_few(self, delivery: Delivery, source: str, registers: Snapshot) -> Small | None:
        """A delivery of a few good rows, the short way; None for any other."""
        if delivery.cursor is not None or source in self._decoders:
            return None
        received_at = delivery.received_at
        rows = read_few(
            delivery.raw,
            delivery.wire_format,
            registers,
            latest=received_at + self.limits.future_tolerance,
            limits=self.limits,
        )
        return None if rows is None else Small(rows, received_at)

    def prepare(
        self,
        delivery: Delivery,
        *,
        source: str,
        now: int | None = None,
        registers: Snapshot | None = None,
    ) -> Validated:
        """Decode and validate; touches nothing, and may run on any thread.

        Args:
            delivery: The bytes and their origin.
            source: Id of the source, whose own decoder is used where it has one.
            now: The instant against which future times are judged, if not that of the arrival.
            registers: The snapshot to check against, if not the current one.

        Raises:
            IntakeError: if the whole cannot be read, or the source's own decoder failed.
        """
        registers = registers or self.registers
        readable = self._read(delivery, source, registers)
        return validate(
            readable,
            registers,
            received_at=delivery.received_at,
            limits=self.limits,
            now=now,
        )

    def _read(self, delivery: Delivery, source: str, registers: Snapshot) -> Readable:
        decode = self._decoders.get(source)
        if decode is None or delivery.wire_format == ROW_FORMAT:
            return read(delivery.raw, delivery.wire_format, self.limits)
        if len(delivery.raw) > self.limits.max_bytes:
            msg = f"{len(delivery.raw)} bytes; at most {self.limits.max_bytes} are taken at once"
            raise DeliveryTooLarge(msg)
        try:
            return recode(decode(delivery, registers), delivery.wire_format)
        except IntakeError:
            raise
        except Exception as error:
            # A decoder that stumbles over one delivery must not hold up all that come after it.
            log.exception("a source's decoder failed", source=source, bytes=len(delivery.raw))
            msg = f"the decoder of {source} failed: {type(error).__name__}: {error}"
            raise MalformedDelivery(msg[:400]) from error

    async def cursor(self, source: str) -> str | None:
        """Where a source goes on, or None where it never delivered."""
        return await self.store.read(lambda snapshot: read_cursor(snapshot, source))

    async def commit(
        self,
        delivery: Delivery,
        validated: Validated,
        *,
        source: str,
        cursor: tuple[str, str] | None = None,
        priority: Priority = Priority.INTAKE,
        after: AfterLanding | None = None,
    ) -> Outcome:
        """Make a validated delivery durable, in as many changes as it takes.

        Args:
            delivery: Where it came from.
            validated: Its rows.
            source: Id of the source.
            cursor: Name and value of the cursor that commits with the last change.
            priority: Whose change it is.
            after: Called in the last change.

        Raises:
            StoreBusy: if too much waits, or a datastream was redefined since its readings were
                checked.
        """
        readings, rejected = validated.readings, validated.rejected
        alone = cursor is not None or after is not None or priority is not Priority.INTAKE
        if not alone and not rejected and 0 < len(readings) <= FEW_READINGS:
            small = Small.of(readings)
            return await self._commit_small(delivery, small, validated.registers, source=source)
        parts = _parts(validated, self._cuts(readings))
        row = self._batch_row(delivery, source, len(parts[0].readings), len(rejected))
        batch = _Batch(row)

        def land(part: _Part, tx: Transaction) -> None:
            check_scales(tx, validated.registers, part.readings.datastream.tolist())
            self._land(tx, batch, part)
            if part.last:
                if cursor is not None:
                    set_cursor(tx, *cursor)
                if after is not None:
                    after(tx, batch.progress.value.number)

        for start in range(0, len(parts), PARTS_AT_ONCE):
            await _all_of(
                self.store.write(
                    partial(land, part), priority, rows=len(part.readings) + len(part.rejected)
                )
                for part in parts[start : start + PARTS_AT_ONCE]
            )
        return _outcome(batch, rejected)

    async def _commit_small(
        self, delivery: Delivery, small: Small, registers: Registers, *, source: str
    ) -> Outcome:
        """Make a small delivery durable, as one change with others that wait."""
        row = self._batch_row(delivery, source, len(small), 0)
        tally: Tally = await self.store.writer.write_together(
            self._land_together, (row, small, registers), Priority.INTAKE, rows=len(small)
        )
        position = 0 if tally.entry is None else tally.entry.position
        return Outcome(
            row.key, tally.accepted, tally.duplicate, tally.revised, 0, position=position
        )

    def _land_together(
        self, tx: Transaction, items: Sequence[tuple[BatchRow, Small, Registers]]
    ) -> Sequence[Tally]:
        """One change of several small batches; their counts are set as `_land` does."""
        rows, small, _registers = zip(*items, strict=True)
        for registers, same in groupby(items, key=itemgetter(2)):
            check_scales(tx, registers, (one[0] for item in same for one in item[1].rows))
        numbers = insert_batches(tx, rows)
        tallies = self._observations.land_together(tx, small, numbers)
        for row, number, tally in zip(rows, numbers, tallies, strict=True):
            if tally.accepted != row.accepted:
                set_counts(
                    tx,
                    number,
                    accepted=tally.accepted,
                    duplicate=tally.duplicate,
                    revised=tally.revised,
                )
        return tallies

    def _batch_row(
        self, delivery: Delivery, source: str, accepted: int, quarantined: int
    ) -> BatchRow:
        """The row of a batch, as if all of its first readings were new."""
        return BatchRow(
            key=new_key(self.clock.now(), self._random.getrandbits(74)),
            source=source,
            wire_format=storable(delivery.wire_format),
            provenance=storable(delivery.provenance),
            received_at=delivery.received_at,
            accepted=accepted,
            quarantined=quarantined,
        )

    def _cuts(self, readings: Readings) -> Sequence[int]:
        if len(readings) <= FEW_READINGS:
            return (0, len(readings))
        return self._observations.cuts(readings)

    def _land(self, tx: Transaction, batch: _Batch, part: _Part) -> None:
        """One change of a batch: its row, its readings and its quarantined rows.

        The batch's row is inserted as if all of the first readings were new, which they nearly
        always are; otherwise its counts are set.
        """
        before = batch.progress.value
        if before.parts != part.number:
            raise StoreError("an earlier part of this delivery was not written; send it again")
        number = before.number or insert_batch(tx, batch.row)
        now = evolve(before, number=number, parts=before.parts + 1)
        if len(part.readings):
            landed = self._observations.land(tx, part.readings, batch=number)
            counts = np.bincount(landed.status, minlength=3).tolist()
            now = evolve(
                now,
                accepted=before.accepted + counts[ACCEPTED],
                duplicate=before.duplicate + counts[DUPLICATE],
                revised=before.revised + counts[REVISED],
                entry=landed.entry or before.entry,
            )
        batch.progress.become(tx, now)
        if now.accepted != batch.row.accepted or before.number:
            set_counts(
                tx,
                number,
                accepted=now.accepted,
                duplicate=now.duplicate,
                revised=now.revised,
            )
        if part.rejected:
            kept = [_quarantine_row(one) for one in part.rejected]
            insert_quarantine(tx, number, batch.row, kept)


def new_key(at: int, bits: int) -> str:
    """A batch's public identifier: a UUID of version 7 (RFC 9562), sorted by its instant.

    It need not be hard to guess, only unique.

    Args:
        at: Microseconds UTC.
        bits: 74 random bits.
    """
    head = (at // 1000 & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (bits >> 62) << 64
    digits = f"{head | 0b10 << 62 | bits & (1 << 62) - 1:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _parts(validated: Validated, cuts: Sequence[int]) -> list[_Part]:
    """Cut a delivery into changes that are short on the writer.

    Args:
        validated: The delivery.
        cuts: Ascending positions from 0 to the number of readings.
    """
    readings, rejected = validated.readings, validated.rejected
    count = max(len(cuts) - 1, -(-len(rejected) // REJECTED_A_CHANGE), 1)
    if count == 1:
        return [_Part(readings, rejected, 0, last=True)]
    ends = [*cuts, *[len(readings)] * (count + 1 - len(cuts))]
    return [
        _Part(
            _slice(readings, slice(ends[number], ends[number + 1])),
            rejected[number * REJECTED_A_CHANGE : (number + 1) * REJECTED_A_CHANGE],
            number,
            last=number == count - 1,
        )
        for number in range(count)
    ]


async def _all_of(writes: Iterable[Awaitable[None]]) -> None:
    """Wait for all, then raise the first error."""
    for result in await asyncio.gather(*writes, return_exceptions=True):
        if result is not None:
            raise result


def _slice(readings: Readings, rows: slice) -> Readings:
    return Readings(
        readings.datastream[rows],
        readings.time[rows],
        readings.value[rows],
        readings.flag[rows],
        readings.result_time[rows],
        readings.received_at,
    )


def _whole(delivery: Delivery, error: IntakeError, registers: Registers) -> Validated:
    """A delivery that cannot be read, as one item for the quarantine."""
    code = "unreadable"
    if isinstance(error, DeliveryTooLarge):
        code = "too_large"
    elif isinstance(error, UnsupportedWireFormat):
        code = "unsupported_wire_format"
    reason = Fault(code, str(error)).at(None)
    rejected = Rejected(reason, delivery.raw, delivery.wire_format, "")
    none = np.zeros(0, np.int64)
    nothing = Readings(none, none, none, np.zeros(0, np.uint8), none, delivery.received_at)
    return Validated(nothing, (rejected,), registers)


def _quarantine_row(one: Rejected) -> QuarantineRow:
    reason = one.reason
    return QuarantineRow(
        row=reason.row,
        code=reason.code,
        message=storable(reason.message),
        field=storable(reason.field),
        value=storable(reason.value),
        datastream=storable(one.datastream),
        raw=one.raw,
        wire_format=storable(one.wire_format),
    )


def storable(text: str) -> str:
    """A text that every database takes: no NUL, no half of a surrogate pair, not endless."""
    if text.isascii():
        return text[:400].replace("\0", "�")
    return text[:400].encode("utf-8", "replace").decode().replace("\0", "�")


def _outcome(batch: _Batch, rejected: Sequence[Rejected]) -> Outcome:
    progress = batch.progress.value
    reasons: tuple[Reason, ...] = tuple(one.reason for one in rejected[:MOST_REASONS])
    return Outcome(
        batch=batch.row.key,
        accepted=progress.accepted,
        duplicate=progress.duplicate,
        revised=progress.revised,
        quarantined=batch.row.quarantined,
        reasons=reasons,
        position=0 if progress.entry is None else progress.entry.position,
    )
