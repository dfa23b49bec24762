"""Plugins that listen, for tests: one fails as it is told to, and a county that has them."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import ClassVar

from attrs import define, field, frozen

from county_gov.api import SYSTEM, CaseMoved, CaseView, Clock, Context, Hooks, implements
from county_gov.deployment import County
from county_gov.deployment.following import Follower
from county_gov.deployment.settings import settings_from
from county_gov.registry.discovery import LoadedPlugin
from tests.deployment.dam import DamPlugin
from tests.deployment.dam import NoConfig as DamConfig

AREA = "990101"


@frozen
class NoConfig:
    """Nothing to configure."""


@define(eq=False)
class EarPlugin:
    """Remembers the titles of the cases that it hears of, and fails on some of them.

    ``deaf`` holds the titles on which it fails, "*" for all; on ``deadly`` it ends the process.
    Where ``slow`` is given it says that it was reached, and waits.
    """

    config: NoConfig = field(factory=NoConfig)
    heard: list[str] = field(factory=list)
    called: list[str] = field(factory=list)
    deaf: set[str] = field(factory=set)
    deadly: str = ""
    told: asyncio.Event = field(factory=asyncio.Event)
    slow: asyncio.Event | None = None
    reached: asyncio.Event = field(factory=asyncio.Event)
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.case_moved)
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Hear, fail or die."""
        title = event.case.title
        self.called.append(title)
        if title == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if "*" in self.deaf or title in self.deaf:
            raise ConnectionError(f"cannot tell of {title}")
        if self.slow is not None:
            self.reached.set()
            await self.slow.wait()
        self.heard.append(title)
        self.told.set()


def listening_county(folder: Path, clock: Clock, **ears: EarPlugin) -> County:
    """A county with the dam's workflows and these listeners, by name."""
    (folder / "areas.csv").write_text(
        "code,kind,name,parent,valid_from\n990101,county,示范县,,2000-01-01\n", encoding="utf-8"
    )
    data: dict[str, object] = {
        "county": {"name": "示范县", "code": AREA, "api": 0},
        "store": {"url": "sqlite:///county.db", "migrate": True},
        "registers": {"areas": "areas.csv"},
    }
    plugins = {"dam": DamPlugin(DamConfig()), **ears}
    loaded = [
        LoadedPlugin(name, one, f"county-gov-{name}", "1.0", f"county.toml: plugin[{number}]")
        for number, (name, one) in enumerate(plugins.items())
    ]
    return County(settings_from(data, folder=folder), plugins=loaded, clock=clock)


async def opened(county: County, title: str) -> CaseView:
    """A new case."""
    return await county.cases.open(
        "dam.watch", title=title, area=AREA, subject="", data={}, actor=SYSTEM, key=ascii(title)
    )


def follower_of(county: County, plugin: str) -> Follower:
    """Who tells a plugin of events."""
    return next(one for one in county.followers if one.name == f"events.{plugin}")
