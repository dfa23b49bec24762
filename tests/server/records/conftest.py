"""A county with a depot of pumps, for the tests of the pages and interface of records."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from county_gov.contract.access import SYSTEM
from county_gov.contract.schema import Value
from county_gov.deployment import County, read_settings
from county_gov.server.identifiers import ulid
from tests.server.conftest import NOW, Template
from tests.server.records.depot import ACCOUNTS, ROLES, depot
from tests.store_fixtures import StandingClock

PUMP: dict[str, Value] = {
    "code": "P1",
    "name": "一号泵",
    "area": "990101001",
    "unit": "zhiqiu-office",
    "flow": 350.5,
    "state": "new",
    "ready": True,
    "bought": "2020-05-01",
    "checked_at": 1_690_000_000_000_000,
    "keeper": "张三丰",
    "remark": "备用",
}
OTHER: dict[str, Value] = {
    **PUMP,
    "code": "P2",
    "name": "二号泵",
    "area": "990101002",
    "keeper": "李四",
}


@pytest.fixture(scope="session")
def depot_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The county of all tests, with roles and accounts of the depot."""
    folder = tmp_path_factory.mktemp("depot") / "county"
    shutil.copytree(template.folder, folder)
    accounts = folder / "registers" / "accounts.csv"
    text = accounts.read_text(encoding="utf-8")
    accounts.write_text(text + "\n".join(ACCOUNTS) + "\n", encoding="utf-8")
    file = folder / "county.toml"
    settings = file.read_text(encoding="utf-8")
    file.write_text(settings.replace("[[plugin]]", ROLES + "\n[[plugin]]", 1), encoding="utf-8")

    async def set_up() -> None:
        async with County(read_settings(file), plugins=[depot()], clock=StandingClock(NOW)):
            pass

    asyncio.run(set_up())
    return folder


@pytest.fixture
async def county(
    depot_template: Path, tmp_path: Path, clock: StandingClock
) -> AsyncIterator[County]:
    """A running county with a depot."""
    folder = tmp_path / "county"
    shutil.copytree(depot_template, folder)
    settings = read_settings(folder / "county.toml")
    async with County(settings, plugins=[depot()], clock=clock) as running:
        yield running


async def put(county: County, dataset: str, *rows: Mapping[str, Value]) -> None:
    """Add rows as the system."""
    for row in rows:
        await county.records.put(SYSTEM, dataset, row, idempotency_key=ulid(county.clock.now()))
