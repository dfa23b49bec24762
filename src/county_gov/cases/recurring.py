"""Opening the occurrences of recurring tasks when they are due, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import structlog
from attrs import field, frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.errors import StoreError
from county_gov.store import Priority, tasks

if TYPE_CHECKING:
    from county_gov.cases.moving import Mover
    from county_gov.contract.workflow import Workflow
    from county_gov.store import Store, Transaction
    from county_gov.store.tasks import Timer

log = structlog.get_logger(__name__)

AT_ONCE = 50
"""So many occurrences are opened side by side, each a change of its own on the writer."""
PUT_OFF = 60 * MICROSECONDS
"""One that could not be opened is tried again after so long, and holds up no other."""


@frozen(eq=False)
class Recurring:
    """Opens what is due of the recurring tasks of all cases.

    Args:
        store: Where they are kept.
        workflows: The workflows in use, by id.
        mover: Changes cases.
    """

    store: Store
    workflows: Mapping[str, Workflow]
    mover: Mover
    _wanted: frozenset[str] = field(init=False)
    """Workflows that have a recurring task."""
    _shortest: int = field(init=False)
    """The shortest of their periods."""

    def __attrs_post_init__(self) -> None:
        periods = {
            (one.id, state.task.every)
            for one in self.workflows.values()
            for version in (one, *one.earlier)
            for state in version.states
            if state.task is not None and state.task.every
        }
        object.__setattr__(self, "_wanted", frozenset(one for one, _every in periods))
        shortest = min((every for _one, every in periods), default=0)
        object.__setattr__(self, "_shortest", shortest)

    async def adopt(self) -> int:
        """Start the timers of cases that stood in a state before its task recurred.

        Returns:
            How many there were.
        """
        adopted = 0
        for workflow in (self.workflows[one] for one in sorted(self._wanted)):
            for version in (workflow, *workflow.earlier):
                for state in version.states:
                    if state.task is not None and state.task.every:
                        adopted += await self._adopt(version, state.id, state.task.every)
        return adopted

    async def _adopt(self, workflow: Workflow, state: str, every: int) -> int:
        found = await self.store.read(
            lambda snapshot: tasks.untimed(snapshot, workflow.id, workflow.version, state)
        )

        def adopt(tx: Transaction) -> int:
            return sum(tasks.adopt(tx, case, every=every) for case in some)

        adopted = 0
        for start in range(0, len(found), AT_ONCE):
            some = found[start : start + AT_ONCE]
            adopted += await self.store.write(adopt, Priority.UPKEEP)
        return adopted

    async def open_due(self) -> int | None:
        """Open what is due, and say at which instant the next is, None where none waits.

        Raises:
            StoreError: if the store takes no changes; what was not opened stays due.
        """
        if not self._wanted:
            return None
        await self._go_back()
        while True:
            now = self.store.clock.now()
            due = await self.store.read(
                partial(tasks.due_timers, workflows=self._wanted, now=now, limit=AT_ONCE)
            )
            opened = await asyncio.gather(*(self._open(one) for one in due))
            if len(due) < AT_ONCE or not any(opened):
                break
        return await self.store.read(lambda snapshot: tasks.next_due(snapshot, self._wanted))

    async def _go_back(self) -> None:
        """Where the clock went back by more than a period, let the next one open within one.

        A clock that stood a year ahead for a moment must not stop a patrol for a year. Numbers and
        the time of day stay as they are.
        """
        while True:
            now = self.store.clock.now()
            early = await self.store.read(
                partial(
                    tasks.early_timers,
                    workflows=self._wanted,
                    now=now,
                    shortest=self._shortest,
                    limit=AT_ONCE,
                )
            )
            for timer in early:
                ahead = timer.opens_at(timer.occurrence) - now
                by = -(-ahead // timer.every) * timer.every
                await self._shift(timer, by)
            if len(early) < AT_ONCE:
                return

    async def _shift(self, timer: Timer, by: int) -> None:
        log.warning("the clock went back", case=timer.case, periods=by // timer.every)
        await self.store.write(lambda tx: tasks.shift_timer(tx, timer, by=by), Priority.UPKEEP)

    async def _open(self, timer: Timer) -> bool:
        """Open one occurrence; one that fails is told and put off."""
        workflow = self.workflows[timer.workflow]
        try:
            return await self.store.write(
                lambda tx: self.mover.open_due(tx, workflow, timer.case), Priority.UPKEEP
            )
        except StoreError:
            raise
        except Exception:
            log.exception("occurrence not opened, will try again", case=timer.case)
        until = self.store.clock.now() + PUT_OFF
        await self.store.write(
            lambda tx: tasks.put_off_timer(tx, timer.case, until=until), Priority.UPKEEP
        )
        return True
