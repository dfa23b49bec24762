"""The reference of hooks, errors, permissions, tables and metrics against the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

import county_gov.errors
from county_gov.contract.plugin import Hooks
from county_gov.deployment import load
from county_gov.deployment.permissions import CORE_PERMISSIONS
from county_gov.errors import CountyGovError
from county_gov.registry.registry import DECLARATIONS, EVENTS
from county_gov.server import application
from county_gov.store.tables import metadata
from county_gov_sensors.pollution import PERMISSIONS
from tests.docs.markdown import headings, page, rows, section


def test_every_hook_has_its_heading_with_its_exact_arguments() -> None:
    """The page has one heading for each hook: its signature as it is written in the code."""
    hooks = {
        name: f"`{name}{_signature(function)}`"
        for name, function in inspect.getmembers(Hooks, inspect.isfunction)
    }
    text = page("docs/reference/plugin-hooks.md")
    assert set(hooks) == {*DECLARATIONS, *EVENTS}
    for kind, names in (("Declarations", DECLARATIONS), ("Events", EVENTS)):
        found = [words for level, words in headings(section(text, kind)) if level == 3]
        assert [hooks[name] for name in names] == found


def _signature(function: object) -> str:
    return str(inspect.signature(function)).replace("'", "")  # type: ignore[arg-type]


def test_every_declaration_names_what_it_returns() -> None:
    """The contribution's class in the heading is the one that the registry takes."""
    for name, cls in DECLARATIONS.items():
        returned = inspect.signature(getattr(Hooks, name)).return_annotation
        assert f"Iterable[{cls.__name__}]" == returned


def test_the_tree_of_errors_is_the_one_of_the_code() -> None:
    """Each error with what lies above it, ours and Python's."""
    errors = {
        cls
        for _, cls in inspect.getmembers(county_gov.errors, inspect.isclass)
        if issubclass(cls, CountyGovError)
    }
    expected = {
        f"`{cls.__name__}`": (_listed(cls, ours=True), _listed(cls, ours=False)) for cls in errors
    }
    documented = {row[0]: row[1:3] for row in rows(page("docs/reference/errors.md"))}
    assert expected == documented


def _listed(cls: type, *, ours: bool) -> str:
    """The classes right above one: ours (and the root's, Exception), or Python's."""
    found = [
        one.__name__
        for one in cls.__bases__
        if ours == (issubclass(one, CountyGovError) or one is Exception)
    ]
    return ", ".join(f"`{name}`" for name in found)


def test_permissions_are_those_of_the_core_and_of_sensors() -> None:
    """Each permission with its words, in the order of the code."""
    text = page("docs/reference/permissions.md")
    for heading, permissions in (
        ("Of the core", CORE_PERMISSIONS),
        ("Of the plugin sensors", PERMISSIONS),
    ):
        expected = [(f"`{one.id}`", one.title.in_language("en")) for one in permissions]
        assert expected == list(rows(section(text, heading)))


def test_the_data_model_has_every_table_with_its_key() -> None:
    """Each table with its primary key."""
    expected = {
        f"`{table.name}`": ", ".join(f"`{column.name}`" for column in table.primary_key)
        for table in metadata.sorted_tables
    }
    documented = {row[0]: row[1] for row in rows(page("docs/reference/data-model.md"))}
    assert expected == documented


async def test_metrics_are_those_of_a_running_county(deployment: Path) -> None:
    """Each metric with its labels, as a running county answers."""
    async with (
        load(deployment / "county.toml") as county,
        TestClient(TestServer(application(county))) as client,
    ):
        await client.get("/healthz")
        async with client.get("/metrics") as answer:
            text = await answer.text()
    names = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    labels: dict[str, set[str]] = {name: set() for name in names}
    for name, words in re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?\{(.*)\} ", text, re.MULTILINE):
        labels[name] |= set(re.findall(r'(\w+)="', words)) - {"le"}
    documented = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1]))
        for row in rows(page("docs/reference/metrics.md"))
    }
    assert labels == documented
