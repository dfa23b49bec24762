"""Judging: from the journal's new readings to alert episodes.

What is computed and what is written are kept apart. `Judging.plan` reads a snapshot and asks the
rules, off the writer; `Judging.apply` writes the plan in one transaction, together with the
follower's position. Seeing an entry of the journal again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import structlog
from attrs import asdict, define, evolve, field, fields_dict, frozen

from county_gov.contract.batch import Batch
from county_gov.contract.context import DatastreamView, EpisodeView
from county_gov.contract.rule import Setting
from county_gov.errors import ContractError
from county_gov.registry.breaker import CircuitBreaker
from county_gov.rules.ahead import ReadAhead
from county_gov.rules.changed import Changed, read_change
from county_gov.rules.dated import DatedSources, DatedValues, first_instant, local_days
from county_gov.rules.desk import PolicyDesk
from county_gov.rules.difference import Cite, EpisodeWrite, difference
from county_gov.rules.explanation import citation_of, raising_condition, source_of_limit
from county_gov.rules.fitting import fitting_rule, ignored_flags, input_faults
from county_gov.rules.joining import Joiner
from county_gov.rules.judge import PolicyJudge
from county_gov.rules.samples import InputRows, Readings, Register, Stretch
from county_gov.rules.told import LAST_BATCH, Told
from county_gov.store.alerts import (
    Change,
    EpisodeRow,
    insert_changes,
    insert_episodes,
    update_episodes,
    view_of,
)
from county_gov.store.judging_states import StateRow, save_states
from county_gov.store.observations import decode_changes

if TYPE_CHECKING:
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.batch import Bools, Float64s, Int64s
    from county_gov.contract.clock import Clock
    from county_gov.contract.rule import Rule
    from county_gov.rules.episode import Episode
    from county_gov.store.transaction import Snapshot, Transaction

log = structlog.get_logger(__name__)


class Entry(Protocol):
    """An entry of the journal."""

    @property
    def kind(self) -> str:
        """What it tells of: "observations", "record" or "parameter"; others are passed over."""
        ...

    @property
    def ref(self) -> str:
        """Number of the batch, of several the first; or id of the dataset or parameter."""
        ...

    @property
    def at(self) -> int:
        """When it was committed, microseconds UTC."""
        ...

    @property
    def payload(self) -> bytes | None:
        """What changed."""
        ...


@frozen(eq=False)
class EpisodeChange:
    """Something that happened to an episode, in the transaction that writes it.

    Args:
        episode: The episode after the change.
        change: What happened.
        details: More about it.
        workflow: Id of the workflow that the policy opens a case of, or empty.
        late: Whether the episode had both begun and ended before the newest reading that was
            already judged: history, told by data that came late.
    """

    episode: EpisodeView
    change: Change
    details: Mapping[str, Any]
    workflow: str
    late: bool


@frozen(eq=False)
class _Write:
    """An episode to be written, with what is told of it."""

    row: EpisodeRow
    view: DatastreamView
    changes: tuple[tuple[Change, dict[str, Any]], ...]
    workflow: str


@frozen(eq=False)
class JudgingPlan:
    """What judging found; nothing of it is written yet.

    Args:
        before, after: States as they were read, and as they shall be.
        writes: Episodes to be written.
    """

    before: tuple[StateRow | None, ...] = ()
    after: tuple[StateRow, ...] = ()
    writes: tuple[_Write, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.after and not self.writes


@define(eq=False)
class Judging:
    """Judges every policy over the readings that the journal tells of.

    Args:
        policies: The alert policies.
        rules: The rules by id.
        readings: Where stored readings are read.
        register: Gives the current register of datastreams.
        clock: Where the time comes from.
        timezone: Zone whose days decide which citation, record or value is in force.
        dated: Where records and parameters are looked up.

    Raises:
        ContractError: if a policy's rule, conditions, levels or flags are not what they must be,
            or an input names no dataset, field or parameter that is declared.
    """

    policies: Sequence[AlertPolicy]
    rules: Mapping[str, Rule]
    readings: Readings
    register: Callable[[], Register]
    clock: Clock
    timezone: str = "Asia/Shanghai"
    dated: DatedSources = field(factory=DatedSources)
    _desks: list[PolicyDesk] = field(init=False)
    _zone: ZoneInfo = field(init=False)
    _values: DatedValues = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._zone = ZoneInfo(self.timezone)
        self._values = DatedValues(self.dated)
        self._desks = []
        for rule in self.rules.values():
            for fault in input_faults(rule, self.dated.datasets, self.dated.parameters):
                raise ContractError(fault)
        for policy in self.policies:
            rule = fitting_rule(policy, self.rules)
            readings = ReadAhead(self.readings)
            joiner = self._joiner(rule, readings, self._values, ignored_flags(policy))
            breaker = CircuitBreaker(self.clock)
            self._desks.append(PolicyDesk(PolicyJudge(policy, rule, readings, breaker, joiner)))

    def _joiner(
        self, rule: Rule, readings: Readings, values: DatedValues, ignored: Bools
    ) -> Joiner:
        return Joiner(rule, readings, self.register, values, self._zone, ignored)

    @property
    def has_work(self) -> bool:
        """Whether something was skipped that could be judged at once, or a time is over."""
        now = self.clock.now()
        return any(desk.has_work(now) for desk in self._desks)

    @property
    def next_close(self) -> int | None:
        """When something is judged next although no reading comes, None for never."""
        found = (desk.closes_at for desk in self._desks)
        return min((one for one in found if one is not None), default=None)

    @property
    def cut_off(self) -> dict[str, str]:
        """Rules that are not called at the moment, with the last failure, by policy."""
        breakers = {desk.judge.policy.id: desk.judge.breaker for desk in self._desks}
        return {policy: one.reason for policy, one in breakers.items() if not one.allows}

    def plan(self, snapshot: Snapshot, entries: Sequence[Entry]) -> JudgingPlan:
        """Judge what the journal tells, and what could not be judged before.

        Args:
            snapshot: Where states, episodes, stored readings, records and parameters are read.
            entries: Entries of the journal, in their order; may be none, to go on with what was
                skipped. The clock has gone as far as the last entry was written: what waits in
                the journal still was there before the time was over.
        """
        now = entries[-1].at if entries else self.clock.now()
        for entry in entries:
            self._values.forget(entry.kind, entry.ref)
        observed = [
            (int(entry.ref), decode_changes(entry.payload))
            for entry in entries
            if entry.kind == "observations" and entry.payload is not None
        ]
        newest = max((batch for batch, _ in observed), default=LAST_BATCH)
        readings = Told.of([changes for _, changes in observed], newest)
        views = self._views(readings.datastream)
        before: list[StateRow | None] = []
        after: list[StateRow] = []
        writes: list[_Write] = []
        for desk in self._desks:
            wanted = desk.judge.rule.driving.observed_property
            mine = [view for view in views if view.observed_property == wanted]
            changed = self._changed(snapshot, desk, entries)
            for number, stretch in desk.judge.joiner.touched(views, readings).items():
                changed[number] = stretch.joined(changed.get(number))
            for one in desk.plan(snapshot, mine, readings, changed, self.register(), now=now):
                if one.before != one.after:
                    before.append(one.before)
                    after.append(one.after)
                if one.view is not None and (one.old or one.new):
                    cite = self._cite(snapshot, desk.judge, one.view)
                    found = difference(desk.judge.policy, one.old, one.new, one.until, cite)
                    writes += [self._write(desk.judge, one.view, write, cite) for write in found]
        return JudgingPlan(tuple(before), tuple(after), tuple(writes))

    def _changed(
        self, snapshot: Snapshot, desk: PolicyDesk, entries: Sequence[Entry]
    ) -> dict[int, Stretch]:
        """What changed records and parameters touch of what a policy has judged."""
        changes: dict[tuple[str, str], Changed] = {}
        for entry in entries:
            source = (entry.kind, entry.ref)
            if desk.judge.joiner.depends_on(*source):
                changes[source] = read_change(entry.payload).joined(changes.get(source))
        found: dict[int, Stretch] = {}
        for change in changes.values():
            since = first_instant(change.day, self._zone)
            touched = desk.changed_since(snapshot, since, change.keys, self.register())
            for number, stretch in touched.items():
                found[number] = stretch.joined(found.get(number))
        return found

    def rows(
        self,
        snapshot: Snapshot,
        rule: str,
        datastream: DatastreamView,
        times: Int64s,
        values: Float64s,
    ) -> Batch:
        """The batch that a rule is given for rows of one datastream, as the store has it now.

        Args:
            snapshot: Where readings, records and parameters are read.
            rule: Id of the rule.
            datastream: The driving one.
            times: The rows' times, rising, shape (n,).
            values: The first input's column, shape (n,).
        """
        found = self.rules[rule]
        policies = (one for one in self.policies if one.rule == rule)
        ignored = ignored_flags(next(policies, None))
        joiner = self._joiner(found, self.readings, DatedValues(self.dated), ignored)
        rows = InputRows(np.zeros(len(times), np.int64), times, values)
        return Batch(
            {
                "datastream": np.full(len(times), datastream.number, np.int64),
                "time": times,
                found.driving_name: values,
                **joiner.columns(snapshot, [datastream], rows),
            }
        )

    def _views(self, numbers: Int64s) -> list[DatastreamView]:
        register, views = self.register(), []
        for number in np.unique(numbers).tolist():
            try:
                views.append(register.datastream(number))
            except KeyError:
                log.warning("readings of an unknown datastream are not judged", datastream=number)
        return views

    def _cite(self, snapshot: Snapshot, judge: PolicyJudge, view: DatastreamView) -> Cite:
        """Tells where the limit of an episode stands: that of the row that raised it."""

        def cite(episode: Episode) -> str:
            level = judge.policy.levels[episode.level]
            condition = raising_condition(judge.rule, level)
            limit = judge.rule.inputs.get(condition.limit)
            if isinstance(limit, Setting):
                day = int(local_days(np.array([episode.limited_at]), self._zone)[0])
                value = self._values.setting(snapshot, limit, view, day)
                if value is not None:
                    return source_of_limit(value)
            return citation_of(condition, episode.limited_at, self._zone)

        return cite

    def _write(
        self, judge: PolicyJudge, view: DatastreamView, write: EpisodeWrite, cite: Cite
    ) -> _Write:
        policy, old, new = judge.policy, write.old, write.new
        if new is None:
            row = evolve(cast("EpisodeRow", old), corrected=True, withdrawn=True)
            return _Write(row, view, write.changes, policy.workflow)
        level = policy.levels[new.level]
        row = EpisodeRow(
            id=old.id if old else 0,
            policy=policy.id,
            datastream=view.number,
            area=old.area if old else view.area,
            severity=level.severity,
            started_at=new.started_at,
            ended_at=new.ended_at,
            last_reading_at=new.last_reading_at,
            peak=new.peak,
            limit_value=None if np.isnan(new.limit) else new.limit,
            rule_version=judge.rule.edition,
            citation=cite(new),
            corrected=bool(old and old.corrected) or write.corrects,
            withdrawn=False,
            case=old.case if old else None,
        )
        return _Write(row, view, write.changes, policy.workflow)

    def apply(self, tx: Transaction, plan: JudgingPlan) -> tuple[EpisodeChange, ...]:
        """Write a plan, and tell the followers of each change (kind "alert").

        Args:
            tx: The transaction; the follower's position moves in the same one.
            plan: What `plan` found.

        Returns:
            What happened to episodes, so that cases can be opened in the same transaction.

        Raises:
            LeaseLost: if a state has moved since the plan was made; nothing is written then.
        """
        tx.after_commit(lambda: self._keep(plan.after))
        tx.on_rollback(self.forget)
        save_states(tx, plan.before, plan.after)
        new = [one for one in plan.writes if not one.row.id]
        ids = iter(insert_episodes(tx, [one.row for one in new]))
        update_episodes(tx, [one.row for one in plan.writes if one.row.id])
        happened: list[EpisodeChange] = []
        for one in plan.writes:
            row = one.row if one.row.id else evolve(one.row, id=next(ids))
            view = view_of(row, one.view.code)
            happened += [
                EpisodeChange(view, change, details, one.workflow, bool(details.get("late")))
                for change, details in one.changes
            ]
        encoded = [msgspec.json.encode(one.details) for one in happened]
        insert_changes(
            tx,
            [
                (one.episode.id, one.change, text)
                for one, text in zip(happened, encoded, strict=True)
            ],
        )
        for told in happened:
            tx.journal("alert", str(told.episode.id), encode_change(told))
        return tuple(happened)

    def _keep(self, states: Sequence[StateRow]) -> None:
        desks = {desk.judge.policy.id: desk for desk in self._desks}
        for row in states:
            desks[row.policy].keep(row)

    def forget(self) -> None:
        """Read the states anew before judging goes on: somebody else may have written them."""
        for desk in self._desks:
            desk.forget()


def encode_change(change: EpisodeChange) -> bytes:
    """A change as the journal holds it."""
    return msgspec.json.encode(
        {"change": change.change, "episode": asdict(change.episode), "details": change.details}
    )


def decode_change(payload: bytes) -> tuple[str, EpisodeView, dict[str, Any]]:
    """Change, episode and details of a journal entry of kind "alert".

    Another release may have written it: what is not known here is left out.

    Raises:
        LookupError, TypeError, ValueError: if it lacks something that an episode must have.
    """
    told = msgspec.json.decode(payload)
    values = told["episode"]
    episode = {name: values[name] for name in fields_dict(EpisodeView) if name in values}
    return told["change"], EpisodeView(**episode), told.get("details", {})
