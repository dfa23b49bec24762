"""Contexts from afar: each member is there, and the plugin's own behalf as well, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from county_gov.errors import PluginFailed
from county_gov.registry.isolation.calls import KINDS
from county_gov.registry.isolation.far_context import FarContext
from county_gov.registry.isolation.service import Service
from county_gov.testing import FakeContext


def far(kind: str, near: FakeContext) -> tuple[FarContext, Service]:
    """A context of a kind as a plugin's process sees it, and what answers it."""
    service = Service(kind, near)

    async def ask(path: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        answer = await service.answer(path, arguments, keywords)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return FarContext(kind, "its configuration", service.values(), ask), service


@pytest.mark.parametrize("kind", ["CommandContext", "EndpointContext"])
async def test_the_plugins_own_behalf_is_there_from_afar(kind: str) -> None:
    """Notes, reads and writes of ``ctx.plugin`` are asked of the county like all else."""
    near = FakeContext()
    there, _service = far(kind, near)
    await there.plugin.notes.set("cursor", "7")
    await there.plugin.notify("chief", subject="s", body="b", idempotency_key="k")
    assert {"cursor": "7"} == near.notes.kept
    assert ["notify"] == [one.what for one in near.sent]
    assert () == await there.plugin.read.datastreams()
    assert near.timezone == there.plugin.timezone
    assert "its configuration" == there.plugin.config
    assert near.actor == there.actor


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "path", ["plugin.plugin.notes.get", "plugin.sent", "plugin", "plugin.", "store.write", "_x"]
)
async def test_nothing_beside_the_contract_is_answered(kind: str, path: str) -> None:
    """A path that the contract does not know is refused, whoever's behalf it names."""
    _there, service = far(kind, FakeContext())
    assert isinstance(await service.answer(path, (), {}), PluginFailed)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("PageContext", ("open_case", "notes", "http", "plugin", "notify")),
        ("EndpointContext", ("notes", "http", "query")),
        ("CommandContext", ("notes", "http")),
        ("Context", ("actor", "plugin", "key")),
    ],
)
def test_a_context_has_only_its_own_members(kind: str, names: tuple[str, ...]) -> None:
    """What belongs to another context is not there."""
    there, _service = far(kind, FakeContext())
    for name in names:
        with pytest.raises(AttributeError):
            getattr(there, name)
