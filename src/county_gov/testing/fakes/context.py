"""Contexts that need no county: everything is in memory, and what was done is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog
from attrs import define, field, frozen

from county_gov.contract.access import SYSTEM, Actor
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView
from county_gov.testing.clock import SetClock
from county_gov.testing.fakes.http import FakeHttp
from county_gov.testing.fakes.notes import FakeNotes
from county_gov.testing.fakes.parameters import FakeParameters
from county_gov.testing.fakes.reader import FakeReader
from county_gov.testing.fakes.records import FakeRecords

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from county_gov.contract.schema import Value

NOON = 1_780_286_400_000_000
"""2026-06-01T12:00:00+08:00."""


@frozen(eq=False)
class Sent:
    """Something that a plugin did: "open_case", "send_event" or "notify", and with what."""

    what: str
    target: str
    key: str
    data: Mapping[str, Value]


@define(eq=False)
class FakeContext:
    """Stands in for every context: a source's, a page's, an endpoint's and a command's.

    Args:
        config: The plugin's configuration.
        clock: Where the time comes from.
        read: Reads.
        notes: The plugin's notes.
        records: Records.
        parameters: Values that are set.
        http: Other servers.
        actor: Who looks or clicks.
        query: Query parameters of a page.
        key: Idempotency key of a click.
        timezone: Local time.
    """

    config: object = None
    clock: SetClock = field(factory=lambda: SetClock(NOON))
    read: FakeReader = field(factory=FakeReader)
    notes: FakeNotes = field(factory=FakeNotes)
    records: FakeRecords = field(factory=FakeRecords)
    parameters: FakeParameters = field(factory=FakeParameters)
    http: FakeHttp = field(factory=FakeHttp)
    actor: Actor = SYSTEM
    query: Mapping[str, str] = field(factory=dict)
    key: str = "click-1"
    timezone: str = "Asia/Shanghai"
    sent: list[Sent] = field(factory=list)
    """What was opened, moved and notified, each key once."""
    keys: list[str] = field(factory=list)
    """Every idempotency key that was used, in order, repeated ones included."""
    _cases: dict[str, CaseView] = field(factory=dict, init=False)

    @property
    def log(self) -> FilteringBoundLogger:
        """A structured logger."""
        logger: FilteringBoundLogger = structlog.get_logger("plugin.test")
        return logger

    @property
    def plugin(self) -> FakeContext:
        """The same, for what a command does on the plugin's own behalf."""
        return self

    async def open_case(
        self,
        workflow: str,
        *,
        title: str | Text,
        area: str,
        subject: str,
        data: Mapping[str, Value],
        idempotency_key: str,
    ) -> CaseView:
        """Remember the case, and give it; the same key gives the first one about the subject."""
        known = f"{workflow} {subject} {idempotency_key}"
        if self._note("open_case", f"{workflow}:{subject}", idempotency_key, data):
            number = str(len(self._cases) + 1)
            self._cases[known] = CaseView(
                id=number,
                number=f"TEST-{number}",
                workflow=workflow,
                state="",
                version=1,
                area=area,
                title=str(title),
                title_en=title.en if isinstance(title, Text) else "",
                subject=subject,
                opened_at=self.clock.now(),
                data=dict(data),
            )
        return self._cases[known]

    async def send_event(
        self,
        case: str,
        event: str,
        *,
        data: Mapping[str, Value],
        expected_version: int,
        idempotency_key: str,
    ) -> CaseView:
        """Remember the event; the case comes back with its next version."""
        self._note("send_event", f"{case}:{event}", idempotency_key, data)
        return CaseView(
            case, f"TEST-{case}", "", "", expected_version + 1, "", "", "", self.clock.now(), data
        )

    async def notify(
        self, recipient: str, *, subject: str, body: str, idempotency_key: str
    ) -> None:
        """Remember the notice."""
        self._note("notify", recipient, idempotency_key, {"subject": subject, "body": body})

    def used_keys(self) -> list[str]:
        """Every idempotency key that was used, also of records."""
        return [*self.keys, *self.records.keys]

    def _note(self, what: str, target: str, key: str, data: Mapping[str, Value]) -> bool:
        """Remember something unless it was done before under its key."""
        known = f"{what} {target} {key}"
        first = known not in {f"{one.what} {one.target} {one.key}" for one in self.sent}
        self.keys.append(known)
        if first:
            self.sent.append(Sent(what, target, key, data))
        return first
