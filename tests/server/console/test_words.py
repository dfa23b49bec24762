"""Words of the console: reasons with their next step, browsers by name."""

from __future__ import annotations

import pytest

from county_gov.intake.reasons import DELIVERY_REASONS, RETRY_REASONS, ROW_REASONS
from county_gov.server.console.account import browser_words
from county_gov.server.console.quarantine_words import NEXT_STEPS, REASONS, reason_text

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Safari/5"


def test_every_reason_of_the_intake_has_words() -> None:
    """No code is shown to a person as it is; next steps belong to codes that exist."""
    assert set(ROW_REASONS) | set(DELIVERY_REASONS) | set(RETRY_REASONS) == set(REASONS)
    assert set(NEXT_STEPS) <= set(REASONS)


def test_a_reason_in_chinese_says_the_next_step() -> None:
    """The bounds are kept, English keeps the message as it is."""
    message = "-999 lies outside of the datastream's bounds 0 to 1000"
    words = reason_text("out_of_bounds", message)
    assert words.zh.startswith("数值超出监测点量程（0 至 1000）。请核对")
    assert f"The value is out of bounds: {message}" == words.en


def test_a_reason_without_a_next_step_says_the_place() -> None:
    """What is wrong with the bytes themselves is told with its place, in both languages."""
    words = reason_text("malformed_row", "line 3: unexpected end")
    assert "line 3" in words.zh
    assert "line 3" in (words.en or "")


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (AGENT, "Chrome · Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) MicroMessenger/8.0", "WeChat · iPhone"),
        ("curl/8.1", "curl/8.1"),
        ("", ""),
    ],
)
def test_a_browser_is_named(agent: str, expected: str) -> None:
    """The more exact name wins; what is not known is shown as it came."""
    assert expected == browser_words(agent)
