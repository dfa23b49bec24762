"""What alerts do to cases: they open them, join them, and tell them when they are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from attrs import frozen

from county_gov.contract.access import SYSTEM, Scope
from county_gov.contract.text import Text
from county_gov.errors import CaseConflict, CaseError
from county_gov.rules.judging import decode_change
from county_gov.store import alerts, case_lists

if TYPE_CHECKING:
    from county_gov.cases import Cases
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.context import DatastreamView, EpisodeView
    from county_gov.contract.workflow import CaseView
    from county_gov.registers import Registers
    from county_gov.store import Snapshot, Store, Transaction
    from county_gov.store.followers import JournalRow

log = structlog.get_logger(__name__)

ATTEMPTS = 5
"""How often an event is tried on a case that moves meanwhile."""


@frozen(eq=False)
class _Raised:
    """An episode that a case is wanted for."""

    policy: AlertPolicy
    episode: EpisodeView


@frozen(eq=False)
class OpeningStep:
    """Opens a case for each new episode, or lets it join the open one of its datastream or thing.

    It follows the judging instead of being part of it: where two thousand stations raise an alert
    at once, their cases are opened a few at a time, and nobody waits for the writer.

    An episode that was over before the newest reading that had been judged is history, told by
    late data: it is recorded, and nobody is sent out. An episode that another one inhibits opens
    its case when that one has ended, if it lasts so long.
    """

    store: Store
    cases: Cases
    registers: Registers
    policies: Mapping[str, AlertPolicy]
    drill: bool

    async def __call__(self, rows: Sequence[JournalRow]) -> Callable[[Transaction], None]:
        """Pick the new episodes whose policy opens cases, and tell the cases of ended ones."""
        raised: list[_Raised] = []
        for row in rows:
            if row.payload is None:
                continue
            change, episode, details = decode_change(row.payload)
            policy = self.policies.get(episode.policy)
            if policy is None or details.get("late"):
                continue
            if change == "raised" and policy.workflow:
                raised.append(_Raised(policy, episode))
            if _has_ended(change, episode, details):
                await self._open_now(raised)
                raised = []
                await self._end(policy, episode, f"episode:{episode.id}:ended:{row.position}")
        return lambda tx: self._open(tx, raised)

    async def _open_now(self, raised: Sequence[_Raised]) -> None:
        if raised:
            await self.store.write(lambda tx: self._open(tx, raised))

    def _open(self, tx: Transaction, raised: Sequence[_Raised]) -> None:
        for one in raised:
            self._open_case(tx, one.policy, one.episode)

    def _open_case(self, tx: Transaction, policy: AlertPolicy, episode: EpisodeView) -> None:
        now = alerts.find_episode(tx, episode.id)
        if now is None or now.withdrawn or now.case is not None:
            return
        view = self._datastream(episode.datastream)
        if view is not None and self._inhibited(tx, policy, view):
            log.info("an alert is inhibited by another one", episode=episode.id, policy=policy.id)
            return
        by_thing = policy.groups_by == "thing" and view is not None
        subject = view.thing if by_thing and view is not None else episode.datastream
        case = case_lists.open_case_of(tx, policy.workflow, subject)
        if case is None:
            opened = self.cases.open_in(
                tx,
                policy.workflow,
                title=_title(policy, episode, view),
                area=episode.area,
                subject=subject,
                data={},
                actor=SYSTEM,
                key=f"episode:{episode.id}",
                drill=self.drill,
            )
            case = int(opened.id)
        alerts.link_case(tx, episode.id, case)

    def _inhibited(self, snapshot: Snapshot, policy: AlertPolicy, view: DatastreamView) -> bool:
        numbers = [one.number for one in self.registers.snapshot.datastreams_at(view.thing)]
        return bool(alerts.open_among(snapshot, policy.inhibited_by, numbers))

    async def _end(self, policy: AlertPolicy, episode: EpisodeView, key: str) -> None:
        """Do what the end of an episode brings: tell its case, open those that it inhibited."""
        if policy.on_cleared:
            await self._tell_case(policy, episode, key)
        inhibited = [
            one for one in self.policies.values() if one.workflow and policy.id in one.inhibited_by
        ]
        view = self._datastream(episode.datastream)
        if not inhibited or view is None:
            return
        siblings = self.registers.snapshot.datastreams_at(view.thing)
        codes = {one.number: one.code for one in siblings}
        by_id = {one.id: one for one in inhibited}
        waiting = await self.store.read(
            lambda snapshot: alerts.open_among(snapshot, sorted(by_id), sorted(codes))
        )
        await self._open_now(
            [
                _Raised(by_id[row.policy], alerts.view_of(row, codes[row.datastream]))
                for row in waiting
                if row.case is None
            ]
        )

    async def _tell_case(self, policy: AlertPolicy, episode: EpisodeView, key: str) -> None:
        """Send the event to the case, if no episode of it lasts and its state allows it."""

        def case_to_tell(snapshot: Snapshot) -> int | None:
            now = alerts.find_episode(snapshot, episode.id)
            if now is None or now.case is None or alerts.count_lasting(snapshot, now.case):
                return None
            return now.case

        case = await self.store.read(case_to_tell)
        if case is None:
            return
        for _ in range(ATTEMPTS):
            try:
                view = (await self.cases.get(Scope.everything(), str(case))).view
                if not self._allows(view, policy.on_cleared):
                    return
                await self.cases.send_event(
                    view.id,
                    policy.on_cleared,
                    data={},
                    actor=SYSTEM,
                    expected_version=view.version,
                    key=key,
                )
            except CaseConflict:
                continue
            except CaseError as error:
                log.info(
                    "a case was not told that its alert is over",
                    case=case,
                    event=policy.on_cleared,
                    reason=str(error),
                )
            return
        log.warning("a case kept moving and was not told that its alert is over", case=case)

    def _allows(self, case: CaseView, event: str) -> bool:
        """Whether an event is possible in a case's state."""
        workflow = self.cases.workflow_of(case)
        found = workflow.event(event) if workflow else None
        return found is not None and case.state in found.sources

    def _datastream(self, code: str) -> DatastreamView | None:
        snapshot = self.registers.snapshot
        number = snapshot.number(code)
        return None if number < 0 else snapshot.datastream(number)


def _has_ended(change: str, episode: EpisodeView, details: Mapping[str, Any]) -> bool:
    """Whether a change has ended an episode that lasted, or that was told only now."""
    if change == "withdrawn":
        return episode.ended_at is None
    if change == "corrected":
        return episode.ended_at is not None and details["was"]["ended_at"] is None
    return change in {"raised", "cleared"} and episode.ended_at is not None


def _title(policy: AlertPolicy, episode: EpisodeView, view: DatastreamView | None) -> Text:
    """What is wrong and where, in both languages where the register names it in both."""
    title, of = policy.title, Text(zh=episode.datastream)
    if view is not None and view.thing_name:
        of = Text(zh=view.thing_name, en=view.thing_name_en)
    elif view is not None:
        of = Text(zh=view.name or view.code, en=view.name_en)
    english = f"{title.in_language('en')}: {of.in_language('en')}"
    return Text(zh=f"{title.zh}：{of.zh}", en=english)
