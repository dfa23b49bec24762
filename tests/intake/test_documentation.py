"""The reference page says what the code does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from county_gov.intake.files import LINES
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.reasons import DELIVERY_REASONS, FIELDS, RETRY_REASONS, ROW_REASONS
from county_gov.intake.wire_format import COLUMNS, CSV, JSON, NDJSON, read
from county_gov.store.intake import RAW_SHOWN
from county_gov.store.observations import FLAGS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "intake.md"


@pytest.fixture
def page() -> str:
    """Give the page's text."""
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("ROW_REASONS", ROW_REASONS),
        ("DELIVERY_REASONS", DELIVERY_REASONS),
        ("RETRY_REASONS", RETRY_REASONS),
    ],
)
def test_the_tables_of_reasons_are_those_of_the_code(
    page: str, name: str, reasons: Mapping[str, str]
) -> None:
    """Each code stands in its table with the same meaning, and no other does."""
    table = page.partition(f"<!-- table: {name} -->")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)) == dict(reasons)


@pytest.mark.parametrize("wire_format", [JSON, NDJSON, COLUMNS, CSV])
def test_the_examples_can_be_read(page: str, wire_format: str) -> None:
    """Each format's example is two good rows."""
    example = re.search(
        rf"<!-- example: {re.escape(wire_format)} -->\n```\w+\n(.*?)```", page, re.DOTALL
    )
    assert example is not None
    readable = read(example[1].encode(), wire_format, IntakeLimits())
    assert (2, ()) == (readable.batch.rows, readable.refused)


def test_fields_flags_and_limits_are_those_of_the_code(page: str) -> None:
    """Fields, flags, limits and piece sizes are named as they are."""
    assert [f"`{name}`" for name in FIELDS] == re.findall(
        r"^\| (`\w+`) \| (?:required|optional)", page, re.MULTILINE
    )
    flags = page.partition("| `flag` | optional |")[2].partition("\n")[0]
    assert list(FLAGS[1:]) == re.findall(r"`(\w+)`", flags)
    limits = IntakeLimits()
    assert f"| {limits.max_bytes // 2**20} MiB |" in page
    assert f"| {limits.max_rows:,} |" in page
    assert f"| {limits.future_tolerance // 60_000_000} minutes |" in page
    assert f"{LINES:,} lines" in page
    assert f"{RAW_SHOWN:,} bytes" in page
