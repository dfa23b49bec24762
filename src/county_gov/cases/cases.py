"""Cases: opening, moving and reading them, each within what the actor may see and do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.cases.authority import Standing, may_know, reaches, refusal
from county_gov.cases.check import check_workflows
from county_gov.cases.duty import NoRosters
from county_gov.cases.guards import GuardKeeper
from county_gov.cases.moving import Move, Opening, check_version
from county_gov.cases.reading import CaseReading, not_found, parse_id
from county_gov.cases.recurring import Recurring
from county_gov.contract.access import Actor
from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.values import clean_key, clean_text, mend_text, normalise
from county_gov.contract.workflow import CaseView, Event, Workflow
from county_gov.errors import (
    CaseNotFound,
    DeploymentError,
    EventDataInvalid,
    EventNotAllowed,
    Problem,
)
from county_gov.store import cases as rows

if TYPE_CHECKING:
    from county_gov.cases.duty import Rosters
    from county_gov.store import Snapshot, Store, Transaction

OPEN_PERMISSION = "cases.case.open"
"""What a person needs to open a case by hand; the system opens by itself."""

LONGEST_TITLE = 200
DISABLED = Text(
    zh="办理这类事项的插件已停用：事项可以查看，不能办理。请联系系统管理员重新启用该插件。",
    en="The plugin that handles such cases is disabled: they can be read, and not acted on. "
    "Ask the system administrator to enable it again.",
)


@frozen(eq=False)
class _Attempt:
    """An event as somebody asks for it, before anything is known of it."""

    case: int
    event: str
    data: Mapping[str, Value]
    actor: Actor
    expected_version: int
    key: str
    key_alone: bool
    plugin: str
    request: str


@frozen(eq=False)
class _Prepared:
    """An event that is allowed on the version that was read; its guards are still to be asked."""

    workflow: Workflow
    event: Event
    view: CaseView
    move: Move


class Cases(CaseReading):
    """All cases of a county: opening, moving and reading them.

    Args:
        store: Where they are kept.
        workflows: The workflows in use, by id.
        county: The county's code, for the numbers.
        timezone: Its time zone, for days and years: "Asia/Shanghai".
        channels: Ids of the notifiers that every notice goes to.
        guard_seconds: How long one guard may take.
        rosters: Tells who is on duty; None where no rosters are kept.

    Raises:
        DeploymentError: with all problems of all workflows.
    """

    def __init__(
        self,
        store: Store,
        workflows: Mapping[str, Workflow],
        *,
        county: str,
        timezone: str,
        channels: tuple[str, ...],
        guard_seconds: float = 2.0,
        rosters: Rosters | None = None,
    ) -> None:
        if problems := check_workflows(workflows.values()):
            raise DeploymentError(problems)
        super().__init__(
            store,
            workflows,
            county=county,
            timezone=timezone,
            channels=channels,
            rosters=rosters or NoRosters(),
        )
        self.recurring = Recurring(store, self.workflows, self._mover)
        self._guards = GuardKeeper(seconds=guard_seconds)

    def open_in(  # noqa: PLR0913 (what a case consists of, each by name)
        self,
        tx: Transaction,
        workflow: str,
        *,
        title: str | Text,
        area: str,
        subject: str,
        data: Mapping[str, Value],
        actor: Actor,
        key: str,
        key_alone: bool = False,
        drill: bool = False,
        plugin: str = "",
        request: str = "",
    ) -> CaseView:
        """Open a case in somebody's transaction, or give back the one opened under the same key.

        What the system writes as title and subject is mended rather than refused: an alert must
        not be lost over a station's name.

        Raises:
            EventNotAllowed: code "permission", "workflow" or "idempotency".
            EventDataInvalid: with each field's problem.
        """
        definition = self._workflow(workflow, plugin)
        written, english = (title.zh, title.en) if isinstance(title, Text) else (title, "")
        if actor.kind == "system":
            written = mend_text(written)[:LONGEST_TITLE] or definition.title.zh
            english = mend_text(english)[:LONGEST_TITLE]
            subject = mend_text(subject)
        values, problems = normalise(definition.data, data)
        problems += [
            *clean_key(key),
            *_text_problems(title=written, title_en=english, subject=subject),
        ]
        if actor.kind != "system":
            problems += self._area_problems(tx, area)
        if problems:
            raise EventDataInvalid(problems)
        opening = Opening(
            actor=actor,
            key=key,
            data=values,
            request=request,
            key_alone=key_alone,
            title=clean_text(written),
            title_en=clean_text(english),
            area=area,
            subject=clean_text(subject),
            drill=drill,
        )
        if actor.kind != "system":
            self._may_open(tx, opening)
        return self._mover.open(tx, definition, opening)

    async def open(  # noqa: PLR0913 (what a case consists of, each by name)
        self,
        workflow: str,
        *,
        title: str | Text,
        area: str,
        subject: str,
        data: Mapping[str, Value],
        actor: Actor,
        key: str,
        key_alone: bool = False,
        drill: bool = False,
        plugin: str = "",
        request: str = "",
    ) -> CaseView:
        """Open a case; durable when it returns. ``key_alone`` and ``plugin`` as in `send_event`.

        Raises as `open_in`.
        """

        def opening(tx: Transaction) -> CaseView:
            return self.open_in(
                tx,
                workflow,
                title=title,
                area=area,
                subject=subject,
                data=data,
                actor=actor,
                key=key,
                key_alone=key_alone,
                drill=drill,
                plugin=plugin,
                request=request,
            )

        try:
            return await self._store.write(opening)
        except EventNotAllowed as error:
            await self._note_refusal(actor, "case.open", workflow, error, request=request)
            raise

    async def send_event(  # noqa: PLR0913 (what an event consists of, each by name)
        self,
        case_id: str,
        event: str,
        *,
        data: Mapping[str, Value],
        actor: Actor,
        expected_version: int,
        key: str,
        key_alone: bool = False,
        plugin: str = "",
        request: str = "",
    ) -> CaseView:
        """Make an event; durable when it returns.

        Args:
            case_id: The case's id.
            event: Id of the event within the case's workflow.
            data: The form's values.
            actor: Who does it.
            expected_version: The version that the actor has seen.
            key: Idempotency key: the same request again gives the first result.
            key_alone: Whether any request under the key is the same one, whatever else it says;
                else another one is refused.
            plugin: Through which plugin it is asked: for it there are no cases of other plugins'
                confidential workflows. Empty for the county itself.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            CaseNotFound: if there is no such case within the actor's scope.
            CaseConflict: if the case has moved since ``expected_version``.
            EventNotAllowed: code "permission", "state", "task", "event", "workflow",
                "guard", "guard_failed" or "idempotency".
            EventDataInvalid: with each field's problem.
        """
        number = parse_id(case_id)
        attempt = _Attempt(
            number, event, data, actor, expected_version, key, key_alone, plugin, request
        )
        try:
            prepared = await self._store.read(lambda snapshot: self._prepare(snapshot, attempt))
            if isinstance(prepared, CaseView):
                return prepared
            await self._guards.ask(prepared.event, prepared.view, actor, prepared.move.data)
        except (EventNotAllowed, CaseNotFound) as error:
            await self._note_refusal(
                actor, "case.move", f"case:{number}", error, request=request, event=event
            )
            raise
        return await self._store.write(
            lambda tx: self._mover.move(tx, prepared.workflow, prepared.event, prepared.move)
        )

    def _prepare(self, snapshot: Snapshot, attempt: _Attempt) -> CaseView | _Prepared:
        """Everything about an event that can be decided before the writer, guards apart.

        Returns:
            The first result, where the request was made before; else what the writer needs.
        """
        number, actor = attempt.case, attempt.actor
        record = rows.read_case(snapshot, number)
        if record is None or self.hides(record.view.workflow, attempt.plugin):
            raise not_found(number)
        standing = self._standing(snapshot, record)
        workflow = self.workflow_of(record.view)
        event = workflow.event(attempt.event) if workflow else None
        if workflow is None or not may_know(actor, workflow, standing, event):
            raise not_found(number)
        if workflow.id in self.retired:
            text = f"the plugin of {workflow.id} is not enabled: its cases can only be read"
            raise EventNotAllowed(text, code="workflow", zh=DISABLED.zh, en=DISABLED.en)
        if event is None:
            known = ", ".join(one.id for one in workflow.events)
            raise EventNotAllowed(
                f"{workflow.id} has no event {attempt.event[:40]!r}; known: {known}", code="event"
            )
        values, problems = normalise(event.form, attempt.data)
        problems = [*clean_key(attempt.key), *problems]
        move = Move(
            actor=actor,
            key=attempt.key,
            data=MappingProxyType(values),
            request=attempt.request,
            key_alone=attempt.key_alone,
            case=number,
            expected_version=attempt.expected_version,
        )
        if not problems:
            before = self._mover.repeated(snapshot, move, move.fingerprint(event))
            if before is not None:
                return before
        check_version(record.view, attempt.expected_version)
        if (reason := refusal(actor, event, standing)) is not None:
            raise EventNotAllowed(reason[1], code=reason[0])
        if problems:
            raise EventDataInvalid(problems)
        return _Prepared(workflow, event, record.view, move)

    def _workflow(self, workflow: str, plugin: str) -> Workflow:
        definition = self.workflows.get(workflow)
        if definition is None or self.hides(workflow, plugin):
            seen = sorted(one for one in self.workflows if not self.hides(one, plugin))
            known = ", ".join(seen) or "none"
            raise EventNotAllowed(
                f"workflow {workflow!r} is not enabled; known: {known}", code="workflow"
            )
        return definition

    def _area_problems(self, snapshot: Snapshot, area: str) -> list[Problem]:
        if area == mend_text(area) and rows.area_names(snapshot, area) is not None:
            return []
        return [Problem("area", f"{area[:40]!r} is not an area of the register")]

    def _may_open(self, snapshot: Snapshot, opening: Opening) -> None:
        lineage = rows.lineage(snapshot, opening.area, self.today())
        view = CaseView(
            id="", number="", workflow="", state="", version=0, area=opening.area,
            title="", subject="", opened_at=0, data={},
        )  # fmt: skip
        standing = Standing(view=view, lineage=lineage, task=None)
        actor = opening.actor
        if not (actor.may(OPEN_PERMISSION) and reaches(actor.scope(OPEN_PERMISSION), standing)):
            raise EventNotAllowed(
                f"opening a case in {opening.area} needs the permission {OPEN_PERMISSION!r} there",
                code="permission",
            )


def _text_problems(*, title: str, title_en: str, subject: str) -> list[Problem]:
    """What is wrong with the texts that a case is opened with."""
    problems: list[Problem] = []
    for place, text in (("title", title), ("title_en", title_en), ("subject", subject)):
        try:
            length = len(clean_text(text))
        except ValueError as error:
            problems.append(Problem(place, str(error)))
            continue
        shortest = 1 if place == "title" else 0
        if not shortest <= length <= LONGEST_TITLE:
            expected = f"expected {shortest} to {LONGEST_TITLE} characters, got {length}"
            problems.append(Problem(place, expected))
    return problems
