"""The register of people is read whole, or refused with all its problems."""

from __future__ import annotations

import pytest

from county_gov.errors import RegisterError
from county_gov.registers import RegisterFile, RegisterSnapshot, read_people
from county_gov.store.access import Person, PlannedPost
from county_gov.store.registers import AreaRow, RegisterContents, UnitRow

SNAPSHOT = RegisterSnapshot.of(
    RegisterContents(
        versions={},
        areas={"990101": AreaRow("990101", "county", "县", "")},
        units={"office": UnitRow("office", "办公室", "", "department", "990101")},
    )
)
HEADER = "login,name,role,unit,area,valid_from,valid_to\n"


def read(lines: str) -> tuple[Person, ...]:
    """The people of some lines."""
    file = RegisterFile("accounts", "accounts.csv", (HEADER + lines).encode("gb18030"))
    return read_people(file, SNAPSHOT, ("officer", "worker"))


def test_two_posts() -> None:
    """Two lines of a login are two posts of one person."""
    people = read("a,甲,officer,office,990101,,\na,甲,worker,office,990101,1970-01-02,1970-01-04\n")

    assert (
        Person(
            "a",
            "甲",
            "",
            (
                PlannedPost("officer", "office", "990101"),
                PlannedPost("worker", "office", "990101", 1, 3),
            ),
        ),
    ) == people


def test_all_problems_at_once() -> None:
    """Unknown roles, units and areas, two names and a post named twice come together."""
    with pytest.raises(RegisterError) as refusal:
        read(
            "a,甲,oficer,office,990101,,\n"
            "b,乙,officer,offic,990102,,\n"
            "c,丙,officer,office,990101,,\n"
            "c,丁,officer,office,990101,,\n"
            ",戊,officer,office,990101,2020-01-02,2020-01-02\n"
        )

    assert [
        "accounts.csv:2: role: 'oficer' is not in the deployment file; did you mean 'officer'?",
        "accounts.csv:3: unit: 'offic' is not in the register of units; did you mean 'office'?",
        "accounts.csv:3: area: '990102' is not in the register of areas; did you mean '990101'?",
        "accounts.csv:5: name: 'c' is '丙' at accounts.csv:4 and '丁' here",
        "accounts.csv:5: role: 'c' has this post already",
        "accounts.csv:6: login: expected 1 to 64 letters, digits, '.', '_', ':' or '-', "
        "beginning with a letter or digit, got ''",
        "accounts.csv:6: valid_to: expected a day after 2020-01-02, the first without the post, "
        "got '2020-01-02'",
    ] == [
        str(problem).split("; add")[0].split("; use")[0].split("; remove")[0]
        for problem in refusal.value.problems
    ]
