"""The register of people: who has an account, and which posts they hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.errors import Problem, RegisterError
from county_gov.registers.csvfile import Line, day_text, read_lines, suggestion
from county_gov.store.access import Person, PlannedPost

if TYPE_CHECKING:
    from county_gov.registers.entries import RegisterFile
    from county_gov.registers.snapshot import RegisterSnapshot

COMPULSORY = ("login", "name", "role", "unit", "area")
OPTIONAL = ("name_en", "valid_from", "valid_to")


def read_people(
    file: RegisterFile, snapshot: RegisterSnapshot, roles: Collection[str]
) -> tuple[Person, ...]:
    """Read a file in which a line is a post; a login with two lines has two posts.

    Args:
        file: CSV with login, name, role, unit, area, and optionally name_en, valid_from and
            valid_to (the first day on which the post is not held any more).
        snapshot: The registers to which units and areas refer.
        roles: Ids of the roles of the deployment.

    Raises:
        RegisterError: with all problems at once.
    """
    problems: list[Problem] = []
    people: dict[str, Person] = {}
    first: dict[str, str] = {}
    for line in read_lines(
        file.raw, file.name, compulsory=COMPULSORY, optional=OPTIONAL, problems=problems
    ):
        before = len(problems)
        login, post = line.code("login"), _post(line)
        name, name_en = line.text("name"), line.text("name_en", compulsory=False)
        _refer(line, "role", roles, "in the deployment file")
        _refer(line, "unit", snapshot.units, "in the register of units")
        _refer(line, "area", snapshot.areas, "in the register of areas")
        if len(problems) > before:
            continue
        person = people.setdefault(login, Person(login, name, name_en))
        place = first.setdefault(login, line.place)
        if (person.name, person.name_en) != (name, name_en):
            message = f"{login!r} is {person.name!r} at {place} and {name!r} here; use two logins"
            problems.append(Problem(f"{line.place}: name", message))
        if any(_is_same(post, other) for other in person.posts):
            message = f"{login!r} has this post already; remove one of the lines"
            problems.append(Problem(f"{line.place}: role", message))
        people[login] = evolve(person, posts=(*person.posts, post))
    if problems:
        raise RegisterError(problems)
    return tuple(people.values())


def _post(line: Line) -> PlannedPost:
    begin, end = line.day("valid_from"), line.day("valid_to")
    if begin is not None and end is not None and end <= begin:
        line.refuse("valid_to", f"a day after {day_text(begin)}, the first without the post")
    return PlannedPost(
        role=line.code("role"),
        unit=line.code("unit"),
        area=line.code("area"),
        valid_from=begin,
        valid_to=end,
    )


def _is_same(post: PlannedPost, other: PlannedPost) -> bool:
    return evolve(post, valid_to=None) == evolve(other, valid_to=None)


def _refer(line: Line, name: str, known: Collection[str], where: str) -> None:
    code = line.values.get(name, "")
    if code and code not in known:
        hint = suggestion(code, known)
        message = f"{code!r} is not {where}{hint}; add it there or correct it"
        line.problems.append(Problem(f"{line.place}: {name}", message))
