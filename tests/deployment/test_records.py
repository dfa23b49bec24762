"""Records in a county: in plugins' hands, over starts, and in a county that only reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve, frozen

from county_gov.api import (
    SYSTEM,
    AccessDenied,
    Actor,
    Dataset,
    DeploymentError,
    Field,
    Hooks,
    NotFound,
    Permission,
    RecordInvalid,
    Schema,
    Scope,
    Text,
    implements,
)
from county_gov.deployment import County
from county_gov.deployment.settings import settings_from
from county_gov.registry.discovery import LoadedPlugin

SILO = "silo.silos"
FIELDS = (
    Field("code", "text", Text(zh="编码", en="Code")),
    Field("area", "text", Text(zh="区域", en="Area"), refers="area"),
    Field("keeper", "text", Text(zh="保管员", en="Keeper"), classification="personal"),
)
ROW = {"code": "S1", "area": "990101", "keeper": "张三"}


@frozen
class NoConfig:
    """A plugin without settings."""


@frozen(eq=False)
class SiloPlugin:
    """Brings one dataset."""

    config: NoConfig
    fields: tuple[Field, ...]
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """The silos."""
        return (
            Dataset(
                id=SILO,
                title=Text(zh="粮仓", en="Silos"),
                schema=Schema(fields=self.fields, key=("code",)),
                kind="records",
                read_permission="silo.read",
                write_permission="silo.write",
                area="area",
            ),
        )

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Reading and writing."""
        return (Permission("silo.read", Text(zh="看")), Permission("silo.write", Text(zh="写")))


def county(folder: Path, *fields: Field) -> County:
    """A county with the silos."""
    (folder / "areas.csv").write_text(
        "code,kind,name,parent,valid_from\n990101,county,示范县,,2000-01-01\n", encoding="utf-8"
    )
    data: dict[str, object] = {
        "county": {"name": "示范县", "code": "990101", "api": 0},
        "store": {"url": "sqlite:///county.db", "migrate": True},
        "registers": {"areas": "areas.csv"},
    }
    plugin = SiloPlugin(NoConfig(), fields or FIELDS)
    loaded = LoadedPlugin("silo", plugin, "county-gov-silo", "1.0", "county.toml: plugin[0]")
    return County(settings_from(data, folder=folder), plugins=[loaded])


async def test_a_plugin_writes_its_records_and_no_others(tmp_path: Path) -> None:
    """The registers of the county are asked; another plugin only reads."""
    async with county(tmp_path) as running:
        own = running.context("silo").records
        with pytest.raises(RecordInvalid, match="area"):
            await own.put(SILO, {**ROW, "area": "99"}, idempotency_key="1")
        made = await own.put(SILO, ROW, idempotency_key="1")
        assert ROW == dict(made.values)
        other = running.context("other").records
        assert 1 == await other.count(SILO)
        with pytest.raises(AccessDenied):
            await other.remove(SILO, "S1", idempotency_key="2")


async def test_whatever_the_context_a_plugin_writes_its_own_datasets(tmp_path: Path) -> None:
    """In a command and an endpoint as in a job, with the rights of whoever acts there."""
    everywhere = Scope(everywhere=True)
    keeper = Actor("person", "甲", 1, scopes={"silo.read": everywhere, "silo.write": everywhere})
    async with county(tmp_path) as running:

        def writers(plugin: str) -> tuple[Any, ...]:
            return (
                running.context(plugin).records,
                running.command_context(keeper, {}, f"{plugin}.do", "k", "r").records,
                running.endpoint_context(f"{plugin}.ask", keeper, "r").records,
            )

        for number, records in enumerate(writers("silo")):
            made = await records.put(SILO, {**ROW, "code": f"S{number}"}, idempotency_key="1")
            assert f"S{number}" == made.key
        for records in writers("other"):
            with pytest.raises(AccessDenied, match="writes its own datasets only"):
                await records.put(SILO, ROW, idempotency_key="2")
            with pytest.raises(AccessDenied, match="writes its own datasets only"):
                await records.remove(SILO, "S1", idempotency_key="3")
        assert 3 == await running.records.count(SYSTEM, SILO)
        assert not hasattr(running.page_context("silo", keeper, {}).records, "put")


async def test_a_page_reads_as_who_looks_and_cannot_write(tmp_path: Path) -> None:
    """Personal fields are masked, and without the permission there is no dataset."""
    reader = Actor("person", "甲", 1, scopes={"silo.read": Scope(everywhere=True)})
    async with county(tmp_path) as running:
        await running.context("silo").records.put(SILO, ROW, idempotency_key="1")
        page: Any = running.page_context("silo", reader, {})
        (found,) = await page.records.find(SILO)
        assert "张*" == found.values["keeper"]
        assert not hasattr(page.records, "put")
        stranger = running.page_context("silo", Actor("person", "乙", 2), {})
        with pytest.raises(NotFound):
            await stranger.records.find(SILO)


async def test_records_outlive_a_start_and_are_read_without_one(tmp_path: Path) -> None:
    """A county that only reads sees them; a new field is there after the next start."""
    async with county(tmp_path) as running:
        await running.context("silo").records.put(SILO, ROW, idempotency_key="1")
    reading = county(tmp_path)
    await reading.start_reading()
    assert 1 == await reading.records.count(SYSTEM, SILO)
    await reading.stop()
    wider = (*FIELDS, Field("size", "int64", Text(zh="容量", en="Size"), required=False))
    async with county(tmp_path, *wider) as running:
        found = await running.records.get(SYSTEM, SILO, "S1")
        assert found is not None
        assert {**ROW, "size": None} == dict(found.values)


async def test_a_dataset_that_cannot_follow_refuses_the_start(tmp_path: Path) -> None:
    """The county does not start, and starts again as it was."""
    async with county(tmp_path) as running:
        await running.context("silo").records.put(SILO, ROW, idempotency_key="1")
    changed = county(tmp_path, *FIELDS[:2], evolve(FIELDS[2], dtype="int64"))
    with pytest.raises(DeploymentError, match=r"silo\.silos\.keeper: was text and is now int64"):
        await changed.start()
    async with county(tmp_path) as running:
        assert 1 == await running.records.count(SYSTEM, SILO)


def test_sensitive_fields_refuse_the_start(tmp_path: Path) -> None:
    """They come with encryption at rest, and the check of a deployment says so."""
    with pytest.raises(DeploymentError, match="only once they are encrypted at rest"):
        county(
            tmp_path, *FIELDS, Field("illness", "text", Text(zh="病"), classification="sensitive")
        )
