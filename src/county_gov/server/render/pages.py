"""What each template is given beside the frame.

=================  ==============================================================================
template           values
=================  ==============================================================================
login.html         login: str, next: str, error: Text | None
dashboard.html     views
list.html          views, filters: tuple[Filter, ...]
plugin.html        views (with `FormSheet`), actions, forms: tuple[Action, ...] (those of both),
                   charts: bool; optional offers: mapping of a case's id to tuple[Link, ...]
alert.html         alert: AlertSheet, views
case.html          case: CaseSheet, timeline: Timeline, actions: tuple[Action, ...], views
sources.html       views, filters, sources: tuple[Freshness, ...], waiting: int (rows in
                   quarantine), quarantine: str (address of the list)
quarantine.html    rows: tuple[QuarantinedRow, ...], pager: Pager, filters, export: str
job.html           crumbs, links; else as plugin.html
parameter.html     crumbs, links, waiting: tuple[WaitingProposal, ...], actions, forms, views,
                   timeline: Timeline
outbox.html        views, heading, empty, open_case: Text, letters: tuple[DeadLetter, ...], pager
problem.html       problem: ProblemSheet
account.html       sessions: tuple[SessionRow, ...], password: Action, errors
=================  ==============================================================================

The pages of records stand in `county_gov.server.render.records`.

``views`` is a tuple of the contract's views. Nothing has a default: a value that is missing stops
the drawing instead of leaving a hole.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from county_gov.contract.page import Status
from county_gov.contract.text import Text
from county_gov.server.render import raw as raw_bytes
from county_gov.server.render.actions import Action, Option


@frozen
class Filter:
    """A field of the form that narrows a list; sent by GET, so that the address keeps it."""

    name: str
    label: Text
    kind: Literal["text", "select", "date"] = "text"
    options: tuple[Option, ...] = ()
    value: str = ""


@frozen
class Pager:
    """Where one is in a long list: page parameters are ``page.<id>``."""

    id: str
    total: int
    page: int = 1
    page_size: int = 50

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.page_size))

    @property
    def first(self) -> int:
        """Number of the first row shown, from one; zero where there are none."""
        return min((self.page - 1) * self.page_size + 1, self.total)

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.page * self.page_size, self.total)

    def near(self) -> tuple[int | None, ...]:
        """Pages to link to: the ends and the neighbours, None where some are left out."""
        wanted = {1, self.pages, *range(self.page - 1, self.page + 2)}
        numbers = sorted(number for number in wanted if 1 <= number <= self.pages)
        linked: list[int | None] = []
        for number in numbers:
            if linked and number - (linked[-1] or 0) > 1:
                linked.append(None)
            linked.append(number)
        return tuple(linked)


@frozen(eq=False)
class FormSheet:
    """The form of a command, open among a page's views; drawn as a view."""

    id: str
    title: Text
    action: Action


@frozen(eq=False)
class Condition:
    """One condition of a rule, as it stood when the alert was judged.

    Args:
        label: What was asked.
        outcome: Three-valued: what could not be determined is neither.
        value, limit: What was found and what it was compared with, in ``unit``.
        margin: How far the value lies beyond the limit.
        citation: Standard or article the limit comes from.
    """

    label: Text
    outcome: Literal["passed", "failed", "undetermined"]
    value: float | None = None
    limit: float | None = None
    margin: float | None = None
    unit: str = ""
    decimals: int = 0
    citation: Text | None = None


@frozen(eq=False)
class AlertSheet:
    """One alert episode.

    Args:
        name: What it is an alert of.
        severity: Its highest level so far.
        open: Whether it lasts.
        stale: Whether it lasts only because no reading came since.
        started_at, ended_at, last_reading_at: Instants of event time, microseconds UTC.
        subject, area: Which station, where.
        peak: Highest value.
        rule: Rule and version that judged it.
        conditions: Why.
        note: A correction by late data, said in words.
        case_number, case_href: The case it opened.
    """

    name: Text
    severity: Status
    open: bool
    stale: bool
    started_at: int
    ended_at: int | None
    last_reading_at: int
    subject: Text
    area: Text
    peak: float | None
    unit: str = ""
    decimals: int = 0
    rule: str = ""
    conditions: tuple[Condition, ...] = ()
    note: Text | None = None
    case_number: str = ""
    case_href: str = ""


@frozen(eq=False)
class Step:
    """One stage of a case on its way."""

    title: Text
    status: Literal["done", "current", "ahead"]
    at: int | None = None
    actor: str = ""


@frozen(eq=False)
class TaskRow:
    """Something that somebody has to do on a case; ``due_words`` explains the term."""

    title: Text
    assignee: Text
    status: Status = "neutral"
    state: Text | None = None
    due_at: int | None = None
    due_words: Text | None = None
    mine: bool = False


@frozen(eq=False)
class CaseSheet:
    """One case; ``state`` is its workflow state in words, ``facts`` its data fields."""

    number: str
    title: Text
    status: Status
    state: Text
    version: int
    opened_at: int
    subject: Text
    area: Text
    steps: tuple[Step, ...] = ()
    facts: tuple[tuple[Text, Text], ...] = ()
    tasks: tuple[TaskRow, ...] = ()
    due_at: int | None = None
    due_words: Text | None = None
    subject_href: str = ""


@frozen(eq=False)
class Freshness:
    """How a datastream stands.

    Args:
        code: The datastream's code.
        name, area: In words.
        value, unit, decimals: The latest reading.
        latest_at: Its event time, None where nothing ever came.
        stale_at: Instant from which that reading counts as stale, microseconds UTC; the browser
            turns the row stale when it passes.
        period: Expected distance of readings, seconds; 0 for irregular ones.
        status: How the datastream stands now.
        href: Its own page.
    """

    code: str
    name: Text
    area: Text
    value: float | None
    unit: str
    decimals: int
    latest_at: int | None
    stale_at: int | None
    period: int
    status: Status
    href: str = ""


@frozen(eq=False)
class QuarantinedRow:
    """Something that came in and could not be accepted, with its raw bytes.

    Args:
        id: Its number.
        received_at: Instant, microseconds UTC.
        source: Who sent it.
        place: Row, line or byte within the delivery.
        reason: Why it was not accepted, and the way out.
        raw: The bytes as they came.
        status: Where it stands.
        actions: What this person may do: typically retry, fix and retry, discard.
    """

    id: str
    received_at: int
    source: str
    place: str
    reason: Text
    raw: bytes
    status: Literal["waiting", "accepted", "discarded"] = "waiting"
    actions: tuple[Action, ...] = ()

    @property
    def readable(self) -> str:
        """The bytes as text with everything invisible made visible."""
        return raw_bytes.readable(self.raw)

    @property
    def editable(self) -> bool:
        """Whether the bytes are text that a form gives back unchanged."""
        return raw_bytes.editable(self.raw)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.raw)


@frozen(eq=False)
class ProblemSheet:
    """What happened, why, and the next step.

    Args:
        status: HTTP status.
        what, why, next_step: One sentence each.
        href, link: Where the next step leads, and its words.
    """

    status: int
    what: Text
    why: Text
    next_step: Text
    href: str = ""
    link: Text | None = None


@frozen(eq=False)
class SessionRow:
    """A place where this account is logged in; ``end`` ends that session."""

    device: Text
    started_at: int
    seen_at: int
    current: bool
    end: Action | None = None
