"""Reading cases: lists, counts, one case with all that belongs to it, and what may be done."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import structlog
from attrs import frozen

from county_gov.cases.authority import Standing, refusal
from county_gov.cases.moving import Mover
from county_gov.contract.access import Actor, Scope
from county_gov.contract.plugin import CaseMoved
from county_gov.contract.workflow import CaseView, Event, Workflow
from county_gov.errors import CaseNotFound, EventNotAllowed, StoreError
from county_gov.store import case_lists as lists
from county_gov.store import cases as rows
from county_gov.store import tasks
from county_gov.store.case_lists import SORTS, Filters

if TYPE_CHECKING:
    from county_gov.cases.duty import Rosters
    from county_gov.store import Snapshot, Store
    from county_gov.store.cases import CaseRecord, HistoryEntry
    from county_gov.store.tasks import TaskView, Timer

log = structlog.get_logger(__name__)

LONGEST_LIST = 500
LONGEST_SEARCH = 200
LARGEST_ID = 2**63
WHOLE = re.compile(r"[1-9][0-9]{0,18}")
REFUSED_CODES = frozenset(("permission", "task", "guard", "guard_failed"))
"""Refusals that go into the audit trail; a stale version or a slip in a form does not."""

Reader = Scope | Actor
"""Who reads: an actor sees each workflow's cases within the reach of its read permission."""


@frozen(eq=False)
class CaseDetail:
    """One case with all that belongs to it.

    Args:
        view: The case.
        history: Its events in their order.
        tasks: Its tasks, oldest first; at most one is open.
        lineage: Codes of its area and of all areas above that.
        drill: Whether it is an exercise.
        workflow_version: Version of the workflow under which it was opened.
        timer: When its recurring task opens again, None where it has none.
    """

    view: CaseView
    history: tuple[HistoryEntry, ...]
    tasks: tuple[TaskView, ...]
    lineage: frozenset[str]
    drill: bool
    workflow_version: int
    moved_at: int
    closed_at: int | None
    timer: Timer | None = None

    @property
    def task(self) -> TaskView | None:
        """The open task, or None."""
        return next((task for task in self.tasks if task.ended_at is None), None)


@frozen(eq=False)
class CaseSummary:
    """A case as a list shows it."""

    view: CaseView
    moved_at: int
    closed_at: int | None
    drill: bool
    task: TaskView | None


class CaseReading:
    """Reads of cases, each within what the reader may see.

    Args:
        store: Where they are kept.
        workflows: The workflows in use, by id.
        county: The county's code.
        timezone: Its time zone, for days and years.
        channels: Ids of the notifiers that every notice goes to.
        rosters: Tells who is on duty.
    """

    def __init__(
        self,
        store: Store,
        workflows: Mapping[str, Workflow],
        *,
        county: str,
        timezone: str,
        channels: tuple[str, ...],
        rosters: Rosters,
    ) -> None:
        self.workflows = MappingProxyType(dict(workflows))
        self.retired: Mapping[str, Workflow] = {}
        """Workflows of plugins that are not enabled: their cases are read, and do not move."""
        self._store = store
        self._mover = Mover(
            county=county, timezone=ZoneInfo(timezone), channels=channels, rosters=rosters
        )

    def today(self) -> int:
        """The county's local day, days since 1970-01-01."""
        return self._mover.day(self._store.clock.now())

    def workflow_of(self, view: CaseView) -> Workflow | None:
        """The workflow of a case, in the version that it was opened under, or None."""
        workflow = self.workflows.get(view.workflow)
        if workflow is None:
            return self.retired.get(view.workflow)
        return workflow.of_version(view.workflow_version)

    def hides(self, workflow: str, plugin: str) -> bool:
        """Whether a workflow's cases are confidential and another plugin's ("": the county)."""
        found = self.workflows.get(workflow) or self.retired.get(workflow)
        own = not plugin or workflow.startswith(f"{plugin}.")
        return found is not None and found.confidential and not own

    async def find(  # noqa: PLR0913 (a list's filters, each by name)
        self,
        reader: Reader,
        *,
        workflow: str = "",
        state: str = "",
        open_only: bool = False,
        mine: Actor | None = None,
        text: str = "",
        within: str = "",
        plugin: str = "",
        sort: str = "-opened",
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[tuple[CaseSummary, ...], int]:
        """A page of cases, and how many there are in all.

        Args:
            reader: Who reads.
            workflow: Only of this workflow.
            state: Only in this state.
            open_only: Only cases that are not closed.
            mine: Only cases whose open task this actor may do.
            text: Only with this in number, title or subject.
            within: Only in the area of this code or below it.
            plugin: Through which plugin it is asked: other plugins' confidential cases are left
                out. Empty for the county itself.
            sort: A name of `SORTS`, ``-`` before it for downwards.
            limit: Rows of the page, 1 to 500.
            offset: Rows before it.

        Raises:
            ValueError: if the sort is not known, or the page is out of bounds.
        """
        if sort.removeprefix("-") not in SORTS:
            raise ValueError(f"sort {sort!r}: expected one of {', '.join(SORTS)}, or -one")
        if not (1 <= limit <= LONGEST_LIST and 0 <= offset < LARGEST_ID):
            raise ValueError(f"expected a limit of 1 to {LONGEST_LIST} and an offset of 0 or more")
        filters = _filters(
            workflow=workflow, state=state, open_only=open_only, text=text, within=within
        )
        day = self.today()
        condition = self._condition(reader, day, mine, plugin)

        def read(snapshot: Snapshot) -> tuple[tuple[CaseSummary, ...], int]:
            found, total = lists.find(
                snapshot, condition, filters, day=day, sort=sort, limit=limit, offset=offset
            )
            numbers = [int(record.view.id) for record in found]
            open_tasks = {
                task.case: task for task in tasks.read_tasks(snapshot, numbers, open_only=True)
            }
            return tuple(_summary(one, open_tasks.get(int(one.view.id))) for one in found), total

        return await self._store.read(read)

    async def counts(
        self,
        reader: Reader,
        *,
        workflow: str = "",
        open_only: bool = False,
        mine: Actor | None = None,
        within: str = "",
    ) -> Mapping[tuple[str, str], int]:
        """How many cases there are by workflow and state."""
        day = self.today()
        condition = self._condition(reader, day, mine)
        filters = _filters(workflow=workflow, open_only=open_only, within=within)
        return await self._store.read(
            lambda snapshot: lists.count_by_state(snapshot, condition, filters, day=day)
        )

    async def seen(
        self, reader: Reader, case_ids: Iterable[str], *, plugin: str = ""
    ) -> frozenset[str]:
        """Which of some cases a reader may see, with ``plugin`` as in `find`."""
        numbers = {int(one) for one in case_ids if WHOLE.fullmatch(one)}
        condition = self._condition(reader, self.today(), None, plugin)
        found = await self._store.read(
            lambda snapshot: lists.which_are_seen(snapshot, numbers, condition)
        )
        return frozenset(str(one) for one in found)

    async def get(self, reader: Reader, case_id: str) -> CaseDetail:
        """One case with its history and tasks.

        Raises:
            CaseNotFound: if there is no such case within what the reader may see; an actor's
                attempt goes into the audit trail.
        """
        number = parse_id(case_id)
        condition = self._condition(reader, self.today(), None)

        def read(snapshot: Snapshot) -> CaseDetail | None:
            if not lists.is_seen(snapshot, number, condition):
                return None
            record = rows.read_case(snapshot, number)
            return self._detail(snapshot, record) if record is not None else None

        detail = await self._store.read(read)
        if detail is None:
            error = not_found(number)
            if isinstance(reader, Actor):
                await self._note_refusal(reader, "case.read", f"case:{number}", error)
            raise error
        return detail

    def actions(self, detail: CaseDetail, actor: Actor) -> tuple[Event, ...]:
        """The events that an actor may make now, in the workflow's order; guards are not asked."""
        workflow = self.workflow_of(detail.view)
        if workflow is None:
            return ()
        standing = self._stands(detail.view, detail.lineage, detail.task, detail.timer)
        return tuple(event for event in workflow.events if refusal(actor, event, standing) is None)

    async def offers(
        self, actor: Actor, case_ids: Iterable[str], events: Collection[tuple[str, str]]
    ) -> Mapping[str, tuple[Event, ...]]:
        """The events that an actor may make now, of several cases in one read.

        Args:
            actor: Who would make them.
            case_ids: Ids of cases; what is none, or not for the actor, is left out.
            events: Which are asked for: ids of a workflow and of its event, in their order.

        Returns:
            By the case's id, for the cases that have any; guards are not asked.
        """
        numbers = {int(one) for one in case_ids if WHOLE.fullmatch(one) and int(one) < LARGEST_ID}
        condition = self._condition(actor, self.today(), None)

        def read(snapshot: Snapshot) -> dict[str, tuple[Event, ...]]:
            found = {}
            for number in sorted(lists.which_are_seen(snapshot, numbers, condition)):
                record = rows.read_case(snapshot, number)
                workflow = self.workflow_of(record.view) if record else None
                if record is None or workflow is None:
                    continue
                wanted = [workflow.event(one) for of, one in events if of == workflow.id]
                if not any(wanted):
                    continue
                standing = self._standing(snapshot, record)
                allowed = [one for one in wanted if one and refusal(actor, one, standing) is None]
                if allowed:
                    found[record.view.id] = tuple(allowed)
            return found

        return await self._store.read(read)

    async def moved(self, position: int, payload: bytes) -> CaseMoved:
        """What an entry of kind "case" in the journal tells: the case as it was right then.

        Raises:
            CaseNotFound: if the case is not there.
            LookupError, TypeError, ValueError: if the entry cannot be read.
        """
        entry = msgspec.json.decode(payload)
        view = await self._store.read(
            lambda snapshot: rows.view_at(snapshot, int(entry["case"]), entry["version"])
        )
        if view is None:
            raise CaseNotFound(f"journal position {position} speaks of no case: {entry!r}")
        return CaseMoved(
            case=view,
            event=entry["event"],
            from_state=entry["from_state"],
            at=entry["at"],
            position=position,
        )

    def _condition(
        self, reader: Reader, day: int, mine: Actor | None, plugin: str = ""
    ) -> lists.Condition:
        every = (*self.workflows.values(), *self.retired.values())
        confidential = [one.id for one in every if one.confidential]
        if isinstance(reader, Scope):
            seen = lists.within_scope(reader, day)
        elif reader.kind == "system":
            seen = lists.within_scope(Scope.everything(), day)
        else:
            by_permission: dict[str, list[str]] = {}
            for workflow in every:
                by_permission.setdefault(workflow.read_permission, []).append(workflow.id)
            seen = lists.within_scopes(
                [(reader.scope(one), ids) for one, ids in by_permission.items()], day
            )
            if confidential:
                among = lists.takes_part(reader.account, reader.posts, day)
                seen &= lists.is_none_of(confidential) | among
        if others := [one for one in confidential if self.hides(one, plugin)]:
            seen &= lists.is_none_of(others)
        if mine is None:
            return seen
        return seen & lists.has_task_for(mine.account, mine.posts, day)

    def _standing(self, snapshot: Snapshot, record: CaseRecord) -> Standing:
        number = int(record.view.id)
        open_tasks = tasks.read_tasks(snapshot, [number], open_only=True)
        return self._stands(
            record.view,
            rows.lineage(snapshot, record.view.area, self.today()),
            open_tasks[0] if open_tasks else None,
            tasks.read_timer(snapshot, number),
        )

    def _stands(
        self, view: CaseView, lineage: frozenset[str], task: TaskView | None, timer: Timer | None
    ) -> Standing:
        """Where a case stands, the time between two occurrences of its task included."""
        workflow = self.workflow_of(view)
        states = workflow.states if workflow else ()
        spec = next((one.task for one in states if one.id == view.state), None)
        waits = timer is not None and task is None
        return Standing(
            view=view,
            lineage=lineage,
            task=task,
            role=spec.role if spec is not None and waits else "",
            rests=waits and timer is not None and self._store.clock.now() < timer.due_at,
        )

    def _detail(self, snapshot: Snapshot, record: CaseRecord) -> CaseDetail:
        number = int(record.view.id)
        return CaseDetail(
            view=record.view,
            history=rows.read_history(snapshot, number),
            tasks=tasks.read_tasks(snapshot, [number]),
            lineage=rows.lineage(snapshot, record.view.area, self.today()),
            drill=record.drill,
            workflow_version=record.workflow_version,
            moved_at=record.moved_at,
            closed_at=record.closed_at,
            timer=tasks.read_timer(snapshot, number),
        )

    async def _note_refusal(
        self,
        actor: Actor,
        action: str,
        target: str,
        error: EventNotAllowed | CaseNotFound,
        *,
        request: str = "",
        event: str = "",
    ) -> None:
        """Record in a transaction of its own that somebody was refused."""
        code = error.code if isinstance(error, EventNotAllowed) else "not_found"
        if code != "not_found" and code not in REFUSED_CODES:
            return
        shown = event[:100].encode("utf-8", "replace").decode()
        details = msgspec.json.encode({"event": shown, "reason": code}).decode()
        try:
            await self._store.write(
                lambda tx: tx.append_audit(
                    actor, action, target, outcome="refused", request=request, details=details
                )
            )
        except StoreError as failure:
            log.warning("refusal not audited", action=action, target=target, problem=str(failure))


def parse_id(case_id: str) -> int:
    """The number in the store of a case's id.

    Raises:
        CaseNotFound: if it cannot be one.
    """
    number = int(case_id) if WHOLE.fullmatch(case_id) else LARGEST_ID
    if number < LARGEST_ID:
        return number
    raise CaseNotFound(f"case {case_id[:40]!r} does not exist, or not for you")


def not_found(number: int) -> CaseNotFound:
    """The same answer for a case that does not exist and one out of reach."""
    return CaseNotFound(f"case '{number}' does not exist, or not for you")


def _summary(record: CaseRecord, task: TaskView | None) -> CaseSummary:
    return CaseSummary(
        view=record.view,
        moved_at=record.moved_at,
        closed_at=record.closed_at,
        drill=record.drill,
        task=task,
    )


def _filters(
    *, open_only: bool, workflow: str = "", state: str = "", text: str = "", within: str = ""
) -> Filters:
    """Filters that a database can take, whoever typed them; what it cannot take matches nothing."""
    return Filters(
        workflow=_searchable(workflow),
        state=_searchable(state),
        open_only=open_only,
        text=_searchable(text),
        within=_searchable(within),
    )


def _searchable(text: str) -> str:
    """A text without lone surrogates and NUL, no longer than what could be found."""
    shown = text[: LONGEST_SEARCH + 1].encode("utf-8", "replace").decode()
    return shown.replace("\0", "\N{REPLACEMENT CHARACTER}")
