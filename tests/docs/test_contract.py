"""The reference of the contract names all that a plugin may import."""

from __future__ import annotations

import inspect
import re

import pytest

import county_gov.api
from county_gov.contract import context
from tests.docs.markdown import ROOT, page, rows, section

DRAWN = re.compile(r"^::: (county_gov\.contract\.\w+)$", re.MULTILINE)
MODULES = sorted(
    f"county_gov.contract.{path.stem}"
    for path in (ROOT / "src" / "county_gov" / "contract").glob("*.py")
    if path.stem != "__init__"
)


def exported() -> set[str]:
    """The modules of the contract out of which the door hands something on."""
    text = inspect.getsource(county_gov.api)
    return set(re.findall(r"^from (county_gov\.contract\.\w+) import", text, re.MULTILINE))


def test_every_module_of_the_door_is_drawn() -> None:
    """The page draws each module that the door hands something on from, once, and no other."""
    drawn = DRAWN.findall(page("docs/reference/contract.md"))
    assert sorted(exported()) == sorted(drawn)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_handed_on_is_explained(module: str) -> None:
    """Each class and function that the door hands on has words of its own."""
    names = [
        name
        for name, found in vars(county_gov.api).items()
        if getattr(found, "__module__", "") == module and not (found.__doc__ or "").strip()
    ]
    assert [] == names


def test_the_contexts_have_the_members_of_the_table() -> None:
    """Each context's members are those of its column, and no member is left out."""
    kinds = ("PageContext", "CommandContext", "EndpointContext", "Context")
    members = {kind: _members(getattr(context, kind)) for kind in kinds}
    documented = {
        row[0].strip("`"): {
            kind for kind, word in zip(kinds, row[1:], strict=True) if word == "yes"
        }
        for row in rows(section(page("docs/reference/contract.md"), "The contexts"))
    }
    expected = {
        name: {kind for kind in kinds if name in members[kind]}
        for name in set().union(*members.values())
    }
    assert expected == documented


def _members(protocol: type) -> set[str]:
    return {
        name
        for cls in protocol.__mro__
        if cls.__module__ == context.__name__
        for name in vars(cls)
        if not name.startswith("_")
    }
