"""The plugin: what it contributes to a county."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from attrs import frozen

from county_gov.api import (
    AlertPolicy,
    Command,
    Dataset,
    Hooks,
    Job,
    Page,
    Parameter,
    Permission,
    Rule,
    Workflow,
    implements,
)
from county_gov_reservoir.config import ReservoirConfig
from county_gov_reservoir.flood import FloodRule
from county_gov_reservoir.page import TAKE_OVER, ReservoirPage
from county_gov_reservoir.patrol import patrol
from county_gov_reservoir.permissions import PERMISSIONS
from county_gov_reservoir.report import daily_report
from county_gov_reservoir.water import FLOOD_LIMIT, REPORTS, RESERVOIRS, ROSTER_DATASET


@frozen(eq=False)
class ReservoirPlugin:
    """Reservoirs in the flood season.

    Args:
        config: What county.toml says.
    """

    config: ReservoirConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[ReservoirConfig]] = ReservoirConfig

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """Reservoirs, the duty roster and the daily reports."""
        return (RESERVOIRS, ROSTER_DATASET, REPORTS)

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """The flood limit."""
        return (FLOOD_LIMIT,)

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """The flood rule."""
        return (FloodRule(self.config).rule(),)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """Four levels of alert."""
        return (FloodRule(self.config).policy(),)

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """The patrol."""
        return (patrol(self.config.patrol_hours),)

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """Map, levels, roster and reports."""
        return (ReservoirPage(self.config).page(),)

    @implements(Hooks.commands)
    def commands(self) -> Iterable[Command]:
        """Taking over the watch."""
        return (TAKE_OVER,)

    @implements(Hooks.jobs)
    def jobs(self) -> Iterable[Job]:
        """The daily report."""
        return (daily_report(self.config.report_time),)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Who may do what."""
        return PERMISSIONS
