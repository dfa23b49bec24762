"""Parameters as plugins declare them, at the start of a county."""

from __future__ import annotations

from attrs import evolve

from county_gov.contract.access import Permission
from county_gov.contract.plugin import hookimpl
from county_gov.contract.text import Text
from county_gov.registry.discovery import LoadedPlugin
from county_gov.registry.registry import build_registry
from tests.parameters.county import APPROVE, LIMIT


class Plugin:
    """Declares a parameter with one of its two permissions."""

    @hookimpl
    def parameters(self) -> list[object]:
        """The flood limit."""
        return [evolve(LIMIT, permission="dam.limits.aprove")]

    @hookimpl
    def permissions(self) -> list[Permission]:
        """Who approves."""
        return [Permission(APPROVE, Text("批准"))]


def test_permissions_that_nobody_declares_are_named() -> None:
    """A parameter that nobody could propose a value for refuses the start."""
    plugin = LoadedPlugin("dam", Plugin(), "county-gov-dam", "1.0", "county.toml: plugin[0]")
    _, problems = build_registry([plugin])
    assert [
        "dam.limit: there is no permission 'dam.limits.aprove'; did you mean 'dam.limits.approve'?"
    ] == [problem.message for problem in problems]
