"""docs/reference/settings.md against the classes that read the deployment file."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from county_gov.deployment import read_settings
from tests.docs.markdown import headings, page, rows, section, snippet
from tests.docs.settings_tables import default_words, fields_of, is_table, tables, type_words

REFERENCE = page("docs/reference/settings.md")
TABLES = dict(tables())
BOUNDS = re.compile(r"([0-9.]+) to ([0-9.]+)")


def test_every_table_of_the_file_has_its_heading() -> None:
    """The page's headings are the tables of the file, in the order of the code."""
    found = [words.strip("`") for _level, words in headings(REFERENCE) if words.startswith("`")]
    order = [one for one in found if one in TABLES]
    assert set(TABLES) == set(found)
    assert order == found


@pytest.mark.parametrize("head", TABLES)
def test_every_setting_stands_there_with_type_and_default(head: str) -> None:
    """Name, type and default of each setting, in the order of the code, and what it means."""
    expected = [
        (f"`{one.name}`", type_words(one), default_words(one))
        for one in fields_of(TABLES[head])
        if not is_table(one)
    ]
    documented = list(rows(section(REFERENCE, f"`{head}`")))
    assert expected == [row[:3] for row in documented]
    assert all(row[4] for row in documented)


@pytest.mark.parametrize("head", TABLES)
def test_bounds_are_those_of_the_code(head: str) -> None:
    """What the page allows is taken at both ends, and refused beyond them."""
    fields = {f"`{one.name}`": one for one in fields_of(TABLES[head])}
    for name, kind, _default, allowed, _meaning in rows(section(REFERENCE, f"`{head}`")):
        bounds, validator = BOUNDS.fullmatch(allowed), fields[name].validator
        if kind in ("number", "whole number") and name != "`api`":
            assert bounds, f"{name} has no bounds"
        if not bounds:
            continue
        assert validator is not None
        low, high = float(bounds[1]), float(bounds[2])
        for taken in (low, high):
            validator(None, fields[name], taken)
        for refused in (low - 0.01, high + 1):
            with pytest.raises(ValueError):  # noqa: PT011 the validators' own words
                validator(None, fields[name], refused)


@pytest.mark.parametrize("head", TABLES)
def test_choices_are_those_of_the_code(head: str) -> None:
    """Listed choices are taken, and others are refused."""
    fields = {f"`{one.name}`": one for one in fields_of(TABLES[head])}
    for name, kind, _default, allowed, _meaning in rows(section(REFERENCE, f"`{head}`")):
        choices = re.findall(r"`(\w+)`", allowed)
        if kind != "text" or len(choices) < 2:
            continue
        field = fields[name]
        known = getattr(field.type, "__args__", None) or _in(field)
        assert tuple(choices) == tuple(known)


def _in(field: attrs.Attribute[str]) -> tuple[str, ...]:
    return tuple(getattr(field.validator, "options", ()))


def test_the_smallest_file_is_sound(tmp_path: Path) -> None:
    """The page's smallest file is read without a problem."""
    (tmp_path / "county.toml").write_text(snippet("smallest-settings").code, encoding="utf-8")
    settings = read_settings(tmp_path / "county.toml")
    assert "990101" == settings.county.code
