"""What a running county does by itself: loops that go on until it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from typing import TYPE_CHECKING

import structlog
from attrs import define, field

from county_gov.contract.clock import DAY
from county_gov.errors import StoreBusy, StoreClosed
from county_gov.store import Priority, Store, followers, idempotency, missed_events, outbox
from county_gov.store.folding import first_young, fold_batches

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.contract.source import Source
    from county_gov.intake.intake import Intake
    from county_gov.store import Transaction

log = structlog.get_logger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
KEYS_KEPT = 7 * DAY
"""How long a person's or a device's request may be repeated under its idempotency key."""
LETTERS_KEPT = 183 * DAY
"""How long sent notices stay, as long as security logs (Cybersecurity Law)."""
JOURNAL_KEPT = 1024
"""Entries of the journal that stay although every follower has passed them."""


@define(eq=False)
class Background:
    """Runs loops as tasks, and ends them together."""

    _tasks: set[asyncio.Task[None]] = field(factory=set, init=False)

    def run(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run a loop of its own."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def every(self, name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do something now and then; a failure is logged and tried again next time."""

        async def loop() -> None:
            while True:
                try:
                    await work()
                except StoreClosed:
                    return
                except StoreBusy:
                    log.info("put off, the store is busy", loop=name)
                except Exception:
                    log.exception("background work failed, will try again", loop=name)
                await asyncio.sleep(seconds)

        self.run(name, loop())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background loop ended", loop=task.get_name(), exc_info=error)

    def running(self) -> frozenset[str]:
        """Names of the loops that run."""
        return frozenset(task.get_name() for task in self._tasks)

    async def stop(self) -> None:
        """Cancel all loops and wait for their end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def prune_journal(store: Store, plugins: Collection[str] = ()) -> None:
    """Forget the journal's entries that every follower has passed.

    Args:
        store: Where it is.
        plugins: Followers of plugins, for which only events are kept.
    """

    def prune(tx: Transaction) -> int:
        return followers.prune(tx, keep=JOURNAL_KEPT, plugins=plugins)

    await store.write(prune, Priority.UPKEEP)


async def forget_old(store: Store) -> None:
    """Forget idempotency keys, sent notices and delivered events after their time."""
    now = store.clock.now()

    find = partial(idempotency.old, before=now - KEYS_KEPT)
    while found := await store.read(find):
        await store.write(partial(idempotency.forget, found=found), Priority.UPKEEP)

    def forget(tx: Transaction) -> int:
        told = missed_events.forget_delivered(tx, before=now - LETTERS_KEPT)
        return told + outbox.forget_sent(tx, before=now - LETTERS_KEPT)

    while await store.write(forget, Priority.UPKEEP):
        pass


async def fold_old(store: Store, days: int) -> None:
    """Add batches up that are older than some days: a device sends one with each reading."""
    below = await store.read(partial(first_young, before=store.clock.now() - days * DAY))
    while await store.write(partial(fold_batches, below=below), Priority.UPKEEP):
        pass


async def pull(intake: Intake, source: Source, context: Context) -> None:
    """Take in what a source delivers; a source that fails is opened again with a growing pause.

    A delivery that cannot be read goes to the quarantine whole: nobody waits for the answer, and it
    would come again with each opening and hold up all that follow it.
    """
    pause = FIRST_PAUSE
    while source.open is not None:
        try:
            async for delivery in source.open(context):
                await intake.take(delivery, source=source.id, quarantine_whole=True)
                pause = FIRST_PAUSE
        except StoreClosed:
            return
        except StoreBusy:
            log.info("source put off, the store is busy", source=source.id)
        except Exception:
            log.exception("source failed, will be opened again", source=source.id, seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
