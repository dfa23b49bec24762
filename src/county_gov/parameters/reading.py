"""Reading parameters: what holds, what comes next, what waits, and what there was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import frozen

from county_gov.contract.parameter import Parameter
from county_gov.contract.schema import Dtype, Field
from county_gov.contract.text import Text
from county_gov.contract.values import EPOCH_DAY
from county_gov.errors import NotFound
from county_gov.parameters.authority import Areas, Authority, area_of
from county_gov.parameters.held import COUNTY, Held, Target, misfit
from county_gov.store import parameters as rows

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.contract.clock import Clock
    from county_gov.contract.parameter import ParameterValue
    from county_gov.store import Snapshot, Store
    from county_gov.store.parameters import Proposal

NOBODY = "-"
"""Stands for a permission that nobody can hold."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(eq=False)
class AreaValue:
    """What an area, a thing, a choice (or the whole county) has of its own.

    Args:
        area: The area's code; empty for the whole county.
        subject: The thing or choice; empty for all.
        current: What was approved for it and holds; None where the default does, or none.
        misfit: Why that does not fit the field any more; None where it does.
        upcoming: What holds later, by day.
    """

    area: str
    subject: str
    current: Proposal | None
    misfit: str | None
    upcoming: tuple[Proposal, ...]


@frozen(eq=False)
class Overview:
    """A parameter as one person sees it.

    Args:
        parameter: As its plugin declares it.
        values: The whole county first, then the choices, then what else has values of its own, by
            code; choices that the plugin removed are among them.
        proposals: Every proposal, oldest first.
        day: The local day that it speaks of.
        authority: Decides what may be done.
    """

    parameter: Parameter
    values: tuple[AreaValue, ...]
    proposals: tuple[Proposal, ...]
    day: int
    authority: Authority

    @property
    def open(self) -> tuple[Proposal, ...]:
        """The proposals that wait for a decision, oldest first."""
        return tuple(one for one in self.proposals if one.state == "open")

    def decidable(self, actor: Actor) -> tuple[Proposal, ...]:
        """The proposals that an actor may approve or reject: never the own ones."""
        return tuple(
            one
            for one in self.open
            if one.proposed_account != actor.account
            and self.authority.may_approve(
                actor,
                self.parameter,
                self.authority.place(self.parameter, one.area, one.subject),
            )
        )


@frozen(eq=False)
class ParameterValues:
    """What plugins are given: values to read as an actor, and nothing to propose with.

    Implements `county_gov.contract.parameter.ParameterReader`.
    """

    _reading: ParameterReading
    _actor: Actor

    async def value(
        self, parameter: str, *, area: str = "", subject: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value that holds on a local day (today), or None where none does.

        Raises:
            NotFound: if there is no such parameter, or not for the actor.
        """
        self._reading.require_read(self._actor, parameter, area, subject)
        return await self._reading.value(parameter, area=area, subject=subject, on=on)


class ParameterReading:
    """Reads of parameters.

    Args:
        store: Where proposals are kept.
        parameters: What the enabled plugins declare, by id.
        clock: Tells the day.
        timezone: The county's local time, for example "Asia/Shanghai".
        registers: Gives the register of areas as it is now.
        county: The county's code.
    """

    def __init__(
        self,
        store: Store,
        parameters: Mapping[str, Parameter],
        *,
        clock: Clock,
        timezone: str,
        registers: Callable[[], Areas],
        county: str,
    ) -> None:
        self.parameters = MappingProxyType(dict(parameters))
        self.timezone = ZoneInfo(timezone)
        self._store = store
        self._clock = clock
        self._registers = registers
        self._county = county
        self._held = Held(-1, {})

    def today(self) -> int:
        """The county's local day, days since 1970-01-01."""
        now = EPOCH + timedelta(microseconds=self._clock.now())
        return now.astimezone(self.timezone).toordinal() - EPOCH_DAY

    async def value(
        self, parameter: str, *, area: str = "", subject: str = "", on: date | None = None
    ) -> ParameterValue | None:
        """The value that holds on a local day (today), or None where none does.

        Raises:
            NotFound: if no enabled plugin declares the parameter.
        """
        self._declared(parameter)
        day = self.today() if on is None else on.toordinal() - EPOCH_DAY
        return await self._store.read(
            lambda snapshot: self.value_at(snapshot, parameter, area, subject, day)
        )

    def require_read(self, actor: Actor, parameter: str, area: str, subject: str = "") -> None:
        """Refuse a parameter that is not for an actor to be shown.

        Raises:
            NotFound: as for one that no enabled plugin declares.
        """
        declared, authority = self._declared(parameter), self._authority()
        place = authority.place(declared, area, subject)
        if not authority.reads(actor, declared, self._own(place)):
            raise no_parameter(parameter)

    def value_at(
        self, snapshot: Snapshot, parameter: str, area: str, subject: str, day: int
    ) -> ParameterValue | None:
        """As `value`, of a snapshot; for who asks many times, `held` is read once.

        Args:
            snapshot: Where to read.
            parameter: Id of the parameter.
            area: Code of the area; empty for the whole county, or for that of the thing.
            subject: The thing or choice; empty for all.
            day: Local day, days since 1970-01-01.

        Raises:
            NotFound: if no enabled plugin declares the parameter.
        """
        declared = self._declared(parameter)
        registers = self._registers()
        if declared.varies_by == "thing" and subject and not area:
            area = area_of(registers, subject)
        return self.held(snapshot).value(declared, (self._own(area), subject), day, registers)

    def held(self, snapshot: Snapshot) -> Held:
        """All approved values, read anew only after an approval."""
        version = rows.read_version(snapshot)
        held = self._held
        if held.version != version:
            held = Held.of(version, rows.read_proposals(snapshot, state="approved"))
            self._held = held
        return held

    async def overview(self, actor: Actor) -> tuple[Overview, ...]:
        """Every parameter that an actor may see, by id; then what disabled plugins left."""
        found = [one for _, one in sorted(self.parameters.items())]

        def read(snapshot: Snapshot) -> tuple[Overview, ...]:
            proposals = rows.read_proposals(snapshot)
            left = sorted({one.parameter for one in proposals} - set(self.parameters))
            orphans = [orphan(one, proposals) for one in left]
            return self._overviews(snapshot, actor, [*found, *orphans], proposals)

        return await self._store.read(read)

    async def look(self, actor: Actor, parameter: str) -> Overview:
        """One parameter with all that was ever proposed for it.

        Raises:
            NotFound: if there is no such parameter, or not for this actor.
        """

        def read(snapshot: Snapshot) -> tuple[Overview, ...]:
            declared = self.parameters.get(parameter)
            proposals = rows.read_proposals(snapshot, parameter)
            if declared is None and not proposals:
                return ()
            one = declared or orphan(parameter, proposals)
            return self._overviews(snapshot, actor, [one], proposals)

        if not _storable(parameter):
            raise no_parameter(parameter)
        found = await self._store.read(read)
        if not found:
            raise no_parameter(parameter)
        return found[0]

    async def history(self, actor: Actor, parameter: str) -> tuple[Proposal, ...]:
        """Every proposal that an actor may see, oldest first, whatever became of it.

        Raises:
            NotFound: if there is no such parameter, or not for this actor.
        """
        return (await self.look(actor, parameter)).proposals

    async def awaiting(self, actor: Actor) -> int:
        """How many proposals wait for this actor's approval."""
        authority = self._authority()
        if not self.approves(actor):
            return 0
        waiting = await self._store.read(
            lambda snapshot: rows.read_proposals(snapshot, state="open")
        )
        return sum(
            one.proposed_account != actor.account
            and one.parameter in self.parameters
            and authority.may_approve(
                actor,
                self.parameters[one.parameter],
                authority.place(self.parameters[one.parameter], one.area, one.subject),
            )
            for one in waiting
        )

    def approves(self, actor: Actor) -> bool:
        """Whether an actor may approve values of any parameter, wherever."""
        return any(actor.may(one.approval_permission) for one in self.parameters.values())

    def sees_any(self, actor: Actor) -> bool:
        """Whether an actor may see any parameter of the enabled plugins."""
        authority = self._authority()
        return any(authority.sees_any(actor, one) for one in self.parameters.values())

    def _overviews(
        self,
        snapshot: Snapshot,
        actor: Actor,
        parameters: list[Parameter],
        proposals: tuple[Proposal, ...],
    ) -> tuple[Overview, ...]:
        authority, held = self._authority(), self.held(snapshot)
        return tuple(
            Overview(
                parameter=one,
                values=_values(held, one, authority, actor),
                proposals=tuple(
                    each
                    for each in proposals
                    if each.parameter == one.id
                    and authority.sees(actor, one, authority.place(one, each.area, each.subject))
                ),
                day=authority.day,
                authority=authority,
            )
            for one in parameters
            if authority.sees_any(actor, one)
        )

    def _authority(self) -> Authority:
        return Authority(self._registers(), self._county, self.today())

    def _own(self, area: str) -> str:
        """An area as it is stored: the county's own code means the whole county."""
        return "" if area == self._county else area

    def _declared(self, parameter: str) -> Parameter:
        declared = self.parameters.get(parameter)
        if declared is None:
            raise no_parameter(parameter)
        return declared

    def _seen(self, actor: Actor, parameter: str) -> Parameter:
        declared = self._declared(parameter)
        if not self._authority().sees_any(actor, declared):
            raise no_parameter(parameter)
        return declared


def orphan(parameter: str, proposals: Iterable[Proposal]) -> Parameter:
    """A parameter whose plugin is not enabled, as far as its proposals tell what it was.

    Its values stay to be read by who may read every parameter; nobody can propose or decide.
    """
    own = [one for one in proposals if one.parameter == parameter]
    values = [one.value for one in own if one.value is not None]
    dtype: Dtype = "text"
    if values and isinstance(values[-1], bool):
        dtype = "bool"
    elif values and isinstance(values[-1], int | float):
        dtype = "float64"
    title = Text(zh=f"{parameter}（插件未启用）", en=f"{parameter} (plugin not enabled)")
    return Parameter(
        id=parameter,
        title=title,
        field=Field("value", dtype, title, unit=own[-1].unit, required=False),
        permission=NOBODY,
        approval_permission=NOBODY,
        varies_by="thing",
    )


def _storable(parameter: str) -> bool:
    """Whether a database can be asked for an id."""
    return parameter.isascii() and parameter.isprintable()


def no_parameter(parameter: str) -> NotFound:
    """The same answer for a parameter that does not exist and one that may not be seen."""
    return NotFound(f"there is no parameter {parameter[:60]!r}, or not for you")


def _values(
    held: Held, parameter: Parameter, authority: Authority, actor: Actor
) -> tuple[AreaValue, ...]:
    own = {one for one in held.values.get(parameter.id, {}) if one != COUNTY}
    chosen: list[Target] = [("", value) for value, _ in parameter.choices]
    others = sorted(own - set(chosen), key=lambda one: (bool(one[1]), one))
    found = []
    for area, subject in (COUNTY, *chosen, *others):
        if authority.sees(actor, parameter, authority.place(parameter, area, subject)):
            target = (area, subject)
            current = held.in_force(parameter.id, target, authority.day)
            wrong = misfit(parameter, current) if current else None
            upcoming = held.after(parameter.id, target, authority.day)
            found.append(AreaValue(area, subject, current, wrong, upcoming))
    return tuple(found)
