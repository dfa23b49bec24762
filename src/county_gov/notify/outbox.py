"""Delivering the outbox: at least once, with back-off, and no channel harms another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import structlog
from attrs import define, field, frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.errors import StoreError
from county_gov.store import outbox as letters
from county_gov.store.outbox import Letter, Verdict
from county_gov.store.writer import Priority

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.context import Context
    from county_gov.store import Store, Transaction

log = structlog.get_logger(__name__)

LONGEST_DETAIL = 200
RESULTS = ("sent", "later", "refused")
WITHHELD = "演练：未对外发送 (drill: not sent outside)"


class Chance(Protocol):
    """Where the jitter comes from: `random.Random`, or a fixed one in tests."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


@frozen
class DeliverySettings:
    """How notices are delivered.

    Args:
        batch: Letters that a channel is given at once.
        seconds: How long a channel may take for a batch; more counts as "later".
        attempts: After so many a letter is dead.
        first_delay: Seconds until the second attempt; doubled with each further one.
        longest_delay: Seconds between attempts at most.
        patience: Seconds that one `Outbox.deliver_due` waits for its channels; what takes longer
            goes on beside it.
    """

    batch: int = 20
    seconds: float = 30.0
    attempts: int = 10
    first_delay: float = 5.0
    longest_delay: float = 3600.0
    patience: float = 1.0

    def delay(self, attempts: int, chance: Chance) -> float:
        """Seconds until the next attempt: between half and the whole of the doubled delay."""
        whole = min(self.longest_delay, self.first_delay * 2.0 ** min(attempts - 1, 60))
        return whole * (0.5 + chance.random() / 2)


@define(eq=False)
class _Channel:
    """A channel at work; at most one batch of it is under way."""

    notifier: Notifier | None
    work: asyncio.Task[int] | None = None
    abandoned: set[asyncio.Task[object]] = field(factory=set)

    @property
    def busy(self) -> bool:
        """Whether a batch is under way, or an abandoned one does not let go."""
        return bool(self.abandoned) or (self.work is not None and not self.work.done())


class Outbox:
    """Sends what waits in the outbox.

    Args:
        store: Where the outbox is.
        notifiers: The channels, by id.
        contexts: Gives the context that a channel's ``send`` is called with.
        chance: Where the jitter comes from.
        settings: How notices are delivered.
    """

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        contexts: Callable[[str], Context],
        *,
        chance: Chance,
        settings: DeliverySettings | None = None,
    ) -> None:
        self.notifiers = MappingProxyType(dict(notifiers))
        self.settings = settings or DeliverySettings()
        self._store = store
        self._contexts = contexts
        self._chance = chance
        self._channels: dict[str, _Channel] = {}

    async def deliver_due(self) -> int:
        """Send what is due, one batch for each channel, and say how many letters were settled.

        A channel that is still busy with an earlier batch is left alone; so a slow one holds up
        nobody else.

        Raises:
            StoreError: if the store took no claim; what was not claimed stays due.
        """
        due = await self._store.read(
            lambda snapshot: letters.due_notifiers(snapshot, self._store.clock.now())
        )
        for notifier in due:
            channel = self._channels.setdefault(notifier, _Channel(self.notifiers.get(notifier)))
            if not channel.busy:
                channel.work = asyncio.create_task(
                    self._deliver(notifier, channel), name=f"deliver {notifier}"
                )
        work = {one.work for one in self._channels.values() if one.work is not None}
        if not work:
            return 0
        done, _ = await asyncio.wait(work, timeout=self.settings.patience)
        for channel in self._channels.values():
            if channel.work in done:
                channel.work = None
        finished = [task for task in done if not task.cancelled()]
        errors = [error for task in finished if (error := task.exception()) is not None]
        if errors:
            raise errors[0]
        return sum(task.result() for task in finished)

    async def close(self) -> None:
        """Stop sending; what was under way is due again when its lease ends."""
        tasks: list[asyncio.Task[object]] = []
        for channel in self._channels.values():
            tasks += [*channel.abandoned, *([channel.work] if channel.work else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        self._channels.clear()

    async def dead(self, *, limit: int = 50, offset: int = 0) -> tuple[list[Letter], int]:
        """A page of the dead letters, latest first, and how many there are in all."""
        return await self._store.read(
            lambda snapshot: letters.list_letters(
                snapshot, state="dead", limit=limit, offset=offset
            )
        )

    async def of_case(self, case: int, *, limit: int = 100) -> tuple[list[Letter], int]:
        """A page of a case's letters, latest first, and how many there are in all."""
        return await self._store.read(
            lambda snapshot: letters.list_letters(snapshot, case=case, limit=limit)
        )

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """How many letters there are by channel and state."""
        return await self._store.read(letters.count_letters)

    async def requeue(
        self, numbers: Sequence[int], *, actor: Actor, request: str = ""
    ) -> tuple[int, ...]:
        """Send dead letters again, and say which of them were dead; goes into the audit trail."""

        def again(tx: Transaction) -> tuple[int, ...]:
            found = letters.requeue(tx, numbers, detail=f"requeued by {actor.name}")
            for number in found:
                tx.append_audit(actor, "notice.requeue", f"notice:{number}", request=request)
            return tuple(found)

        return await self._store.write(again)

    async def post(
        self, recipient: str, *, subject: str, body: str, key: str, drill: bool = False
    ) -> None:
        """Queue a notice over every channel; the same key is sent once over each."""

        def queue(tx: Transaction) -> None:
            for notifier in self.notifiers:
                tx.append_outbox(
                    key=f"{key}:{notifier}",
                    notifier=notifier,
                    recipient=recipient,
                    subject=subject,
                    body=body,
                    drill=drill,
                )

        await self._store.write(queue, Priority.INTAKE)

    async def _deliver(self, notifier: str, channel: _Channel) -> int:
        """Claim, send and settle one batch of a channel."""
        now = self._store.clock.now()
        lease_until = now + round((self.settings.seconds * 2 + 10) * MICROSECONDS)
        claimed = await self._store.write(
            lambda tx: letters.claim(
                tx, notifier, now=now, lease_until=lease_until, limit=self.settings.batch
            ),
            Priority.UPKEEP,
        )
        if not claimed:
            return 0
        held_back = [one for one in claimed if self._stays_inside(channel.notifier, one)]
        outgoing = [one for one in claimed if one not in held_back]
        verdicts = [Verdict(one.id, one.attempts, "withheld", WITHHELD) for one in held_back]
        if outgoing:
            receipts = await self._send(notifier, channel, outgoing)
            verdicts += [self._verdict(one, receipts[one.key]) for one in outgoing]
        try:
            return await self._store.write(
                lambda tx: self._settle(tx, claimed, verdicts), Priority.UPKEEP
            )
        except StoreError as error:
            log.warning("receipts not recorded", notifier=notifier, problem=str(error))
            return 0

    def _settle(
        self, tx: Transaction, claimed: Iterable[Letter], verdicts: Iterable[Verdict]
    ) -> int:
        verdicts = list(verdicts)
        by_id = {one.id: one for one in claimed}
        for verdict in verdicts:
            if verdict.state == "dead":
                letter = by_id[verdict.id]
                log.warning(
                    "notice is dead",
                    notice=letter.id,
                    notifier=letter.notifier,
                    attempts=letter.attempts,
                    detail=verdict.detail,
                )
        return letters.settle(tx, verdicts)

    @staticmethod
    def _stays_inside(notifier: Notifier | None, letter: Letter) -> bool:
        return letter.drill and notifier is not None and notifier.outside

    async def _send(
        self, notifier: str, channel: _Channel, outgoing: Sequence[Letter]
    ) -> dict[str, Receipt]:
        """Call a channel and give one receipt for each letter, whatever the channel did."""
        if channel.notifier is None:
            return _all_later(outgoing, f"channel {notifier} is not enabled in county.toml")
        messages = tuple(_message(letter) for letter in outgoing)
        call = asyncio.ensure_future(_call(channel.notifier, self._contexts, messages))
        try:
            done, _ = await asyncio.wait({call}, timeout=self.settings.seconds)
        except asyncio.CancelledError:
            call.cancel()
            raise
        if not done:
            call.cancel()
            channel.abandoned.add(call)
            call.add_done_callback(channel.abandoned.discard)
            return _all_later(outgoing, f"no answer within {self.settings.seconds:g} s")
        result = call.result()
        if isinstance(result, str):
            log.error("notifier failed", notifier=notifier, problem=result)
            return _all_later(outgoing, result)
        receipts = _all_later(outgoing, "the channel gave no receipt")
        receipts |= {one.key: one for one in result if one.key in receipts}
        return receipts

    def _verdict(self, letter: Letter, receipt: Receipt) -> Verdict:
        detail = _one_line(receipt.detail)
        if receipt.result == "sent":
            return Verdict(letter.id, letter.attempts, "sent", detail)
        if receipt.result == "refused" or letter.attempts >= self.settings.attempts:
            return Verdict(letter.id, letter.attempts, "dead", detail)
        delay = self.settings.delay(letter.attempts, self._chance)
        next_attempt_at = self._store.clock.now() + round(delay * MICROSECONDS)
        return Verdict(letter.id, letter.attempts, "pending", detail, next_attempt_at)


async def _call(
    notifier: Notifier, contexts: Callable[[str], Context], messages: tuple[Message, ...]
) -> tuple[Receipt, ...] | str:
    """A channel's receipts, or what was wrong with it."""
    try:
        receipts: object = await notifier.send(contexts(notifier.id), messages)
    except Exception as error:  # noqa: BLE001 (a channel's failure is recorded as its receipt)
        return f"{type(error).__name__}: {error}"
    if not isinstance(receipts, tuple | list):
        return f"gave {type(receipts).__name__}; expected a tuple of receipts"
    for one in receipts:
        if not (isinstance(one, Receipt) and one.result in RESULTS):
            return f"gave {one!r}; expected a receipt: sent, later or refused"
    return tuple(receipts)


def _message(letter: Letter) -> Message:
    return Message(
        key=letter.key,
        recipient=letter.recipient,
        subject=letter.subject,
        body=letter.body,
        case="" if letter.case is None else str(letter.case),
        created_at=letter.created_at,
        attempt=letter.attempts,
        drill=letter.drill,
    )


def _all_later(outgoing: Iterable[Letter], detail: str) -> dict[str, Receipt]:
    return {one.key: Receipt(key=one.key, result="later", detail=detail) for one in outgoing}


def _one_line(detail: str) -> str:
    """A channel's words, fit to be stored and shown."""
    printable = "".join(one if one.isprintable() else " " for one in str(detail))
    return " ".join(printable.split())[:LONGEST_DETAIL]
