"""Numbers of cases: ``WR-{county}-{year}-{serial:06}``."""

from __future__ import annotations

import re
from string import Formatter

PLACEHOLDERS = ("county", "year", "serial")
WIDTH = re.compile(r"0[1-9]")
LONGEST_FORMAT = 100
"""Characters of a number's format."""


def number_problem(template: str) -> str:
    """What is wrong with a number's format, or an empty text.

    ``{year}`` and ``{serial}`` must stand in it once, else two cases would have one number;
    ``{serial:06}`` fills up with zeros to six digits (one to nine).
    """
    if len(template) > LONGEST_FORMAT:
        return f"has {len(template)} characters; at most {LONGEST_FORMAT} are taken"
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        return f"{template!r}: {error}; expected for example 'WR-{{county}}-{{year}}-{{serial:06}}'"
    names = []
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        names.append(name)
        width = spec and name == "serial" and WIDTH.fullmatch(spec)
        if name not in PLACEHOLDERS or conversion or (spec and not width):
            return f"{template!r}: expected {{county}}, {{year}}, {{serial}} or {{serial:06}}"
    for needed in ("year", "serial"):
        if names.count(needed) != 1:
            return f"{template!r}: expected {{{needed}}} exactly once, so that numbers are unique"
    return ""


def skeleton(template: str) -> str:
    """The format without its paddings: two workflows with one skeleton would share numbers."""
    return re.sub(r"\{serial:0\d\}", "{serial}", template)


def format_number(template: str, *, county: str, year: int, serial: int) -> str:
    """The number of a case.

    >>> format_number("WR-{county}-{year}-{serial:06}", county="990101", year=2026, serial=7)
    'WR-990101-2026-000007'
    """
    return template.format(county=county, year=year, serial=serial)
