"""Colours that can be read, files that are light, a house without inline styles."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import county_gov.server.render

STATIC = Path(county_gov.server.render.__file__).parents[1] / "static"
STATES = ("neutral", "good", "notice", "warning", "alarm", "urgent", "stale", "unknown")
TEXT_PAIRS = (
    *product(
        ("ink", "ink-quiet", "accent", "accent-strong"), ("paper", "surface", "surface-raised")
    ),
    *((f"{state}-ink", f"{state}-tint") for state in STATES),
    *product((f"{state}-ink" for state in STATES), ("surface", "paper")),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-strong"),
    ("accent-strong", "accent-tint"),
    ("accent", "accent-tint"),
    ("accent", "warning-tint"),
    ("accent", "good-tint"),
    ("ink", "good-tint"),
    ("ink", "warning-tint"),
    ("ink", "urgent-tint"),
)
SHAPE_PAIRS = (
    *((f"chart-{place}", "surface") for place in range(1, 8)),
    ("line-strong", "surface"),
    ("focus", "surface"),
    ("focus", "paper"),
)


def schemes() -> dict[str, dict[str, str]]:
    """Colours by token, for light and dark."""
    light, dark = (STATIC / "tokens.css").read_text().split("@media (prefers-color-scheme: dark)")
    found = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
    return {"light": dict(found.findall(light)), "dark": dict(found.findall(dark))}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_the_known_one() -> None:
    """Black on white is 21:1, and the best known grey on white 4.54:1."""
    assert pytest.approx(21.0) == contrast("#000000", "#ffffff")
    assert pytest.approx(4.54, abs=0.005) == contrast("#767676", "#ffffff")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_can_be_read(scheme: str, text: str, ground: str) -> None:
    """Every pair that carries text has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3)."""
    colours = schemes()[scheme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_lines_and_borders_can_be_seen(scheme: str, shape: str, ground: str) -> None:
    """Lines of charts, borders of fields and the focus have at least 3:1 (WCAG 2.2, 1.4.11)."""
    colours = schemes()[scheme]
    assert contrast(colours[shape], colours[ground]) >= 3.0


def test_both_schemes_name_the_same_colours() -> None:
    """Dark has a colour for every colour of light."""
    both = schemes()
    assert both["light"].keys() == both["dark"].keys()


def test_colours_stand_in_one_file() -> None:
    """No other style names a colour of its own, but for print's white and black."""
    for name in ("console.css", "views.css"):
        named = re.findall(r"#[0-9a-fA-F]{3,8}\b", (STATIC / name).read_text())
        assert {"#fff"} >= set(named)


def test_few_sizes_and_two_weights() -> None:
    """Type has the five sizes and two weights of the design."""
    for path in STATIC.glob("*.css"):
        text = path.read_text()
        sizes = set(re.findall(r"font-size: var\(--size-(\d+)\)", text))
        assert {"12", "14", "16", "20", "28"} >= sizes
        assert not re.search(r"font-weight: (?!var\(--weight-(plain|strong)\))", text)


def test_every_token_that_is_used_exists() -> None:
    """No style and no script asks for a token that is not there."""
    known = set(re.findall(r"--([\w-]+):", (STATIC / "tokens.css").read_text()))
    for path in STATIC.glob("*.css"):
        assert set(re.findall(r"var\(--([\w-]+)\)", path.read_text())) <= known
    asked = set(re.findall(r'token\("([\w-]+)"\)', (STATIC / "charts.js").read_text()))
    assert asked <= known


def test_our_own_files_are_light() -> None:
    """Styles, scripts and symbols of ours weigh less than 100 kB together."""
    assert sum(path.stat().st_size for path in STATIC.glob("*.*")) < 100_000


def test_every_symbol_exists() -> None:
    """Every symbol that a template names stands in the sprite."""
    sprite = (STATIC / "sprite.svg").read_text()
    for state in STATES:
        assert f'id="state-{state}"' in sprite
    for icon in ("dashboard", "alert", "case", "source", "quarantine", "account", "chart", "page"):
        assert f'id="icon-{icon}"' in sprite
