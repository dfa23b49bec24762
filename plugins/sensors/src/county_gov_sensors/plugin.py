"""The plugin: what it contributes to a county."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from attrs import frozen

from county_gov.api import (
    AlertPolicy,
    Dataset,
    Hooks,
    Page,
    Permission,
    Rule,
    Workflow,
    implements,
)
from county_gov_sensors.air import AIR
from county_gov_sensors.config import SensorsConfig
from county_gov_sensors.pollution import PERMISSIONS, POLLUTION
from county_gov_sensors.stations import StationsPage
from county_gov_sensors.thresholds import policy_of, rule_of


@frozen(eq=False)
class SensorsPlugin:
    """Measured air: alerts by dated and cited limits, and the case that follows.

    Args:
        config: What county.toml says.
    """

    config: SensorsConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[SensorsConfig]] = SensorsConfig

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """The readings of ambient air."""
        return (AIR,)

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """One rule per threshold."""
        return tuple(rule_of(one, self.config.timezone) for one in self.config.thresholds)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """One alert policy per threshold."""
        return tuple(policy_of(one) for one in self.config.thresholds)

    @implements(Hooks.workflows)
    def workflows(self) -> Iterable[Workflow]:
        """The pollution case."""
        return (POLLUTION,)

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """The page of stations."""
        return (StationsPage(self.config).page(),)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """Who may do what with a pollution case."""
        return PERMISSIONS
