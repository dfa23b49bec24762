"""The reference of the contract names all that a plugin may import."""

from __future__ import annotations

import inspect
import re

import pytest

import county_gov.api
from tests.docs.markdown import ROOT, page

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
