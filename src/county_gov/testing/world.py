"""The world of a story: areas, units, things, datastreams and people, written in a few words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from county_gov.contract.access import Reach
from county_gov.deployment.permissions import CORE_PERMISSIONS
from county_gov.deployment.settings import settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from county_gov.deployment.settings import Settings
    from county_gov.registry.discovery import LoadedPlugin

COUNTY = "990101"
TOWNSHIP = "990101001"
EVERYTHING_ROLE = "everything"
"""A role with every permission, for what no role of the story does."""

KINDS = {6: "county", 9: "township", 12: "village"}
PARENTS = {9: 6, 12: 9}
READS = ("core.observations.read", "core.alerts.read", "cases.case.open")


@frozen
class Area:
    """An area; kind and parent follow from the length of its code (6, 9, 12, 13 or more digits)."""

    code: str
    name: str = ""
    parent: str = ""

    @property
    def above(self) -> str:
        """Code of the area that it lies in."""
        if self.parent or len(self.code) == len(COUNTY):
            return self.parent
        return self.code[: PARENTS.get(len(self.code), 12)]


@frozen
class Thing:
    """A device or a place.

    Args:
        code: Its code.
        area: Code of the area that it stands in.
        name: Empty: its code.
        unit: Code of the unit that looks after it.
        longitude, latitude: Degrees WGS 84.
    """

    code: str
    area: str = TOWNSHIP
    name: str = ""
    unit: str = "office"
    longitude: float | None = None
    latitude: float | None = None


@frozen
class Datastream:
    """What a thing measures.

    Args:
        code: Its code; what stands before the first dot is its thing, unless that is named.
        observed_property: For example ``water_level``; empty: what stands after the dot.
        unit: Unit symbol.
        thing: Code of its thing.
        period_seconds: Seconds between readings; 0 for irregular ones.
        decimals: Decimals that are kept.
        minimum, maximum: Bounds of what is believed.
    """

    code: str
    observed_property: str = ""
    unit: str = "1"
    thing: str = ""
    period_seconds: int = 0
    decimals: int = 2
    minimum: float | None = None
    maximum: float | None = None

    @property
    def owner(self) -> str:
        """Code of its thing."""
        return self.thing or self.code.partition(".")[0]

    @property
    def observes(self) -> str:
        """Its observed property."""
        return self.observed_property or self.code.rpartition(".")[2]


@frozen
class Role:
    """A role and who holds it.

    Args:
        permissions: Ids of permissions.
        area: Code of the area of its posts.
        reach: How far the permissions reach.
        unit: Code of the unit of its posts.
        persons: How many people hold it: ``dispatcher``, ``dispatcher-2``, and so on.
    """

    permissions: tuple[str, ...]
    area: str = COUNTY
    reach: Reach = "area"
    unit: str = "office"
    persons: int = 1

    def logins(self, role: str) -> Iterator[str]:
        """Logins of those who hold it."""
        for number in range(1, self.persons + 1):
            yield role if number == 1 else f"{role}-{number}"


@frozen(eq=False)
class World:
    """All of it, complete: what is referred to is there.

    Args:
        areas, units, things, datastreams: The registers.
        roles: Role's id to the role.
    """

    areas: tuple[Area, ...]
    things: tuple[Thing, ...]
    datastreams: tuple[Datastream, ...]
    roles: Mapping[str, Role] = field(factory=dict)

    def files(self) -> dict[str, str]:
        """The register files by register's name, CSV with a header."""
        units = {"office"} | {one.unit for one in self.things}
        units |= {one.unit for one in self.roles.values()}
        people = [
            (login, login, role, one.unit, one.area)
            for role, one in self.roles.items()
            for login in one.logins(role)
        ]
        return {
            "areas": _csv(
                "code kind name parent valid_from",
                (
                    (one.code, _kind(one), one.name or one.code, one.above, "2000-01-01")
                    for one in sorted(self.areas, key=lambda area: len(area.code))
                ),
            ),
            "units": _csv(
                "code name kind area", ((code, code, "office", COUNTY) for code in sorted(units))
            ),
            "things": _csv(
                "code name area unit longitude latitude",
                (
                    (t.code, t.name or t.code, t.area, t.unit, t.longitude, t.latitude)
                    for t in self.things
                ),
            ),
            "datastreams": _csv(
                "code thing observed_property name unit period_seconds decimals minimum maximum",
                (
                    (
                        *(d.code, d.owner, d.observes, d.code, d.unit),
                        *(d.period_seconds, d.decimals, d.minimum, d.maximum),
                    )
                    for d in self.datastreams
                ),
            ),
            "accounts": _csv("login name role unit area", people),
        }


def complete(
    *,
    areas: Iterable[Area | str],
    things: Iterable[Thing | str],
    datastreams: Iterable[Datastream | str],
    roles: Mapping[str, Role | Sequence[str]] | None,
    plugins: Sequence[LoadedPlugin],
) -> World:
    """A world in which everything that is referred to is there.

    Without roles, each role that a workflow names holds every permission of the plugins.
    """
    streams = tuple(one if isinstance(one, Datastream) else Datastream(one) for one in datastreams)
    known = {
        one.code: one for one in (one if isinstance(one, Thing) else Thing(one) for one in things)
    }
    for stream in streams:
        known.setdefault(stream.owner, Thing(stream.owner))
    declared = tuple(
        one.id for plugin in plugins for one in _declared(plugin, "permissions") if one.id
    )
    if roles is None:
        roles = dict.fromkeys(sorted(named_roles(plugins)), (*declared, *READS))
    holders = {
        key: one if isinstance(one, Role) else Role(tuple(one)) for key, one in roles.items()
    }
    everything = (*(one.id for one in CORE_PERMISSIONS), *declared)
    holders[EVERYTHING_ROLE] = Role(everything, persons=2)
    named = [one if isinstance(one, Area) else Area(one) for one in areas]
    wanted = [one.area for one in known.values()] + [one.area for one in holders.values()]
    return World(_with_parents(named, wanted), tuple(known.values()), streams, holders)


def named_roles(plugins: Sequence[LoadedPlugin]) -> set[str]:
    """The roles that the workflows of some plugins name."""
    found: set[str] = set()
    for plugin in plugins:
        for workflow in _declared(plugin, "workflows"):
            found |= {state.task.role for state in workflow.states if state.task}
            notices = [*workflow.opened_notices, *(n for e in workflow.events for n in e.notices)]
            found |= {notice.to for notice in notices if notice.to != "participants"}
    return found


def settings_of(
    world: World,
    folder: Path,
    *,
    timezone: str,
    drill: bool,
    channels: Sequence[str],
    more: Mapping[str, object],
) -> Settings:
    """The deployment file of a world, whose register files are written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for register, text in world.files().items():
        (folder / f"{register}.csv").write_text(text, encoding="utf-8")
    roles = {
        key: {"title": key, "permissions": list(one.permissions), "reach": one.reach}
        for key, one in world.roles.items()
    }
    data: dict[str, object] = {
        "county": {
            "name": "示范县",
            "code": COUNTY,
            "api": 0,
            "timezone": timezone,
            "drill": drill,
        },
        "store": {"url": "sqlite:///county.db", "migrate": True},
        "access": {"password_memory_kib": 8192, "password_passes": 1},
        "registers": {register: f"{register}.csv" for register in world.files()},
        "notify": {"channels": ["scenario.memory", *channels]},
        "roles": roles,
    }
    return settings_from(data | dict(more), folder=folder, name="scenario")


def _declared(plugin: LoadedPlugin, kind: str) -> tuple[Any, ...]:
    declare = getattr(plugin.instance, kind, None)
    return tuple(declare()) if callable(declare) else ()


def _with_parents(areas: Sequence[Area], wanted: Iterable[str]) -> tuple[Area, ...]:
    found = {one.code: one for one in (Area(COUNTY, "示范县"), Area(TOWNSHIP, "示范乡"), *areas)}
    waiting = [*wanted, *found]
    while waiting:
        code = waiting.pop()
        area = found.setdefault(code, Area(code))
        if area.above and area.above not in found:
            waiting.append(area.above)
    return tuple(found.values())


def _kind(area: Area) -> str:
    return KINDS.get(len(area.code), "grid")


def _csv(header: str, rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    return out.getvalue()
