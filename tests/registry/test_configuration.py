"""Strict structuring: every mistake at once, each with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators

from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.registry.configuration import Secret, did_you_mean, structure


@frozen
class Inner:
    count: int
    names: tuple[str, ...] = ()
    mode: Literal["fast", "slow"] = "fast"


@frozen
class Outer:
    whole: int
    number: float = 1.0
    truth: bool = False
    day: date | None = None
    path: Path = Path()
    secret: Secret | None = None
    title: Text = Text("无")
    inners: tuple[Inner, ...] = ()
    table: dict[str, Inner] = field(factory=dict)
    bounded: int = field(default=3, validator=validators.gt(2))


def problems(data: dict[str, Any], tmp_path: Path) -> list[str]:
    """What is wrong with ``data``, as lines."""
    made, found = structure(data, Outer, place="county.toml: x", folder=tmp_path)
    assert made is None
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "county.toml: x.whole: is missing"),
        ({"whole": "3"}, "county.toml: x.whole: expected a whole number, got '3'"),
        ({"whole": True}, "county.toml: x.whole: expected a whole number, got True"),
        ({"whole": 1, "number": "30"}, "county.toml: x.number: expected a number, got '30'"),
        ({"whole": 1, "number": True}, "county.toml: x.number: expected a number, got True"),
        ({"whole": 1, "truth": 1}, "county.toml: x.truth: expected true or false, got 1"),
        (
            {"whole": 1, "day": "2026-03-01"},
            "county.toml: x.day: expected a date such as 2026-03-01 (without quotes), "
            "got '2026-03-01'",
        ),
        ({"whole": 1, "path": 3}, "county.toml: x.path: expected a path, got 3"),
        (
            {"whole": 1, "secret": "plain"},
            'county.toml: x.secret: expected { env = "NAME" } or { file = "path" }: '
            "a secret does not stand in the file itself",
        ),
        (
            {"whole": 1, "title": 3},
            'county.toml: x.title: expected text, or { zh = "…", en = "…" }, got 3',
        ),
        ({"whole": 1, "inners": "abc"}, "county.toml: x.inners: expected a list, got 'abc'"),
        (
            {"whole": 1, "inners": [{"count": 1}, {"count": 1.5}]},
            "county.toml: x.inners[1].count: expected a whole number, got 1.5",
        ),
        (
            {"whole": 1, "inners": [{"count": 1, "names": "abc"}]},
            "county.toml: x.inners[0].names: expected a list, got 'abc'",
        ),
        (
            {"whole": 1, "inners": [{"count": 1, "mode": "quick"}]},
            "county.toml: x.inners[0].mode: expected 'fast' or 'slow', got 'quick'",
        ),
        (
            {"whole": 1, "table": {"one": {"count": "1"}}},
            "county.toml: x.table.one.count: expected a whole number, got '1'",
        ),
        ({"whole": 1, "table": []}, "county.toml: x.table: expected a table, got []"),
        (
            {"whole": 1, "trutz": True},
            "county.toml: x.trutz: unknown setting; did you mean 'truth'?",
        ),
        ({"whole": 1, "bounded": 1}, "county.toml: x.bounded: 'bounded' must be > 2: 1"),
    ],
)
def test_one_mistake_is_named_with_its_place(
    data: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    """Each kind of mistake gives exactly one line with place, expectation and value."""
    assert [expected] == problems(data, tmp_path)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """Wrong types, refused values, unknown and missing keys come together."""
    data = {
        "number": "30",
        "bounded": 0,
        "trutz": True,
        "inners": [{"names": "abc", "mode": "quick"}],
        "table": {"one": {"count": "1"}, "two": {}},
    }

    assert {
        "county.toml: x.whole",
        "county.toml: x.number",
        "county.toml: x.bounded",
        "county.toml: x.trutz",
        "county.toml: x.inners[0].count",
        "county.toml: x.inners[0].names",
        "county.toml: x.inners[0].mode",
        "county.toml: x.table.one.count",
        "county.toml: x.table.two.count",
    } == {
        line.split(": ", maxsplit=2)[0] + ": " + line.split(": ")[1]
        for line in problems(data, tmp_path)
    }


def test_good_data_becomes_objects(tmp_path: Path) -> None:
    """Paths are taken from the file's folder, a plain text is Chinese, lists become tuples."""
    data = {
        "whole": 1,
        "number": 2,
        "day": date(2026, 3, 1),
        "path": "data/a.csv",
        "title": "标题",
        "inners": [{"count": 1, "names": ["a", "b"]}],
    }

    made, found = structure(data, Outer, place="", folder=tmp_path)

    assert [] == found
    assert made is not None
    assert (2.0, tmp_path / "data/a.csv") == (made.number, made.path)
    assert Text(zh="标题") == made.title
    assert (Inner(1, ("a", "b")),) == made.inners


def test_secrets_come_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is found, and no way of printing the settings shows it."""
    monkeypatch.setenv("COUNTY_TEST_SECRET", "hidden-one")
    (tmp_path / "key").write_text("hidden-two\n")

    first, _ = structure(
        {"whole": 1, "secret": {"env": "COUNTY_TEST_SECRET"}}, Outer, place="", folder=tmp_path
    )
    second, _ = structure({"whole": 1, "secret": {"file": "key"}}, Outer, place="", folder=tmp_path)

    assert first is not None
    assert second is not None
    assert first.secret is not None
    assert second.secret is not None
    assert ("hidden-one", "hidden-two") == (first.secret.reveal(), second.secret.reveal())
    assert "hidden" not in f"{first!r} {first} {second.secret!s}"


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ({"env": "COUNTY_TEST_UNSET"}, "COUNTY_TEST_UNSET is not set"),
        ({"file": "missing.key"}, "cannot read the secret file"),
        ({"env": "A", "file": "b"}, "expected { env"),
        ({"env": 3}, "expected { env"),
    ],
)
def test_a_secret_that_cannot_be_found_is_explained(
    secret: dict[str, Any], words: str, tmp_path: Path
) -> None:
    """An unset variable and an unreadable file are named, with the way out."""
    (line,) = problems({"whole": 1, "secret": secret}, tmp_path)

    assert words in line


def test_did_you_mean_names_all_where_none_is_near() -> None:
    """A word without a near neighbour is answered with what is known."""
    assert "known: sensors, welfare" == did_you_mean("xyz", ["welfare", "sensors"])
    assert "did you mean 'sensors'?" == did_you_mean("sensor", ["welfare", "sensors"])


def test_did_you_mean_does_not_compare_long_words() -> None:
    """Comparing takes the product of two lengths, and a plugin chooses both."""
    long = "ab" * 50_000

    assert f"known: {long}" == did_you_mean(f"{long}c", [long])
    assert "did you mean 'sensors'?" == did_you_mean("sensor", [long, "sensors"])


def test_a_problem_prints_place_and_message() -> None:
    """The line that people read."""
    assert "a.toml: b: is missing" == str(Problem("a.toml: b", "is missing"))
