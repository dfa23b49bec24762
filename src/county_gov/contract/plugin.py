"""Plugins: the hooks that one may implement, and how the implementation is checked.

A plugin is a class with ``api``, ``Config`` and the hooks that it needs:

    @frozen(eq=False)
    class ReservoirPlugin:
        config: ReservoirConfig
        api: ClassVar[int] = 0
        Config: ClassVar[type[ReservoirConfig]] = ReservoirConfig

        @implements(Hooks.rules)
        def rules(self) -> Iterable[Rule]:
            return (flood_rule(self.config.limits),)

`implements` is checked by mypy (parameters, return type, sync or async) and at start (name,
parameter names). Declarations are called once at start; events after each commit.

A plugin that builds on others says so on its class, with the versions that it was tried with:

    requires: ClassVar[Mapping[str, str]] = {"sensors": ">=1,<2"}

The start is refused where a required plugin is not enabled, is listed further down, has another
version, or requires this one in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Protocol, TypeVar

import pluggy
from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.access import Permission
    from county_gov.contract.alert import AlertPolicy
    from county_gov.contract.cli_command import CliCommand
    from county_gov.contract.command import Command
    from county_gov.contract.context import Context, EpisodeView
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.endpoint import Endpoint
    from county_gov.contract.job import Job
    from county_gov.contract.notifier import Notifier
    from county_gov.contract.page import Page
    from county_gov.contract.parameter import Parameter
    from county_gov.contract.rule import Rule
    from county_gov.contract.source import Source
    from county_gov.contract.workflow import CaseView, Workflow

PROJECT = "county_gov"
API = 0
"""Version of this contract; 0 is provisional."""

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
F = TypeVar("F", bound=Callable[..., Any])

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@frozen
class CaseMoved:
    """A case was opened or moved; delivered after the commit, at least once."""

    case: CaseView
    event: str
    """Id of the event; empty when the case was opened."""
    from_state: str
    at: int
    position: int


@frozen
class AlertChanged:
    """An episode began, changed its level, ended, or was corrected by late data.

    ``episode.case`` is empty where the plugin may not see the case.
    """

    episode: EpisodeView
    change: str
    """"raised", "level", "cleared", "corrected" or "withdrawn"."""
    position: int


class Hooks:
    """The hooks. Each returns contributions whose ids begin with the plugin's name."""

    @hookspec
    def datasets(self) -> Iterable[Dataset]:
        """Datasets that the plugin keeps."""
        return ()

    @hookspec
    def sources(self) -> Iterable[Source]:
        """Ways in."""
        return ()

    @hookspec
    def rules(self) -> Iterable[Rule]:
        """Rules."""
        return ()

    @hookspec
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """Alert policies over rules."""
        return ()

    @hookspec
    def workflows(self) -> Iterable[Workflow]:
        """Workflows."""
        return ()

    @hookspec
    def notifiers(self) -> Iterable[Notifier]:
        """Channels for notices."""
        return ()

    @hookspec
    def pages(self) -> Iterable[Page]:
        """Pages of the console."""
        return ()

    @hookspec
    def permissions(self) -> Iterable[Permission]:
        """Permissions that roles may be given."""
        return ()

    @hookspec
    def parameters(self) -> Iterable[Parameter]:
        """Values that the county sets."""
        return ()

    @hookspec
    def jobs(self) -> Iterable[Job]:
        """Work at set times."""
        return ()

    @hookspec
    def commands(self) -> Iterable[Command]:
        """Actions of pages."""
        return ()

    @hookspec
    def endpoints(self) -> Iterable[Endpoint]:
        """Addresses that the plugin answers itself."""
        return ()

    @hookspec
    def cli_commands(self) -> Iterable[CliCommand]:
        """Verbs of the command line."""
        return ()

    @hookspec
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Called after a case was opened or moved."""

    @hookspec
    async def alert_changed(self, event: AlertChanged, ctx: Context) -> None:
        """Called after an alert episode changed."""


def implements(
    hook: Callable[Concatenate[Any, P], R_co],
) -> Callable[[Callable[Concatenate[Any, P], R_co]], Callable[Concatenate[Any, P], R_co]]:
    """Mark a method as the implementation of a hook, with its signature checked by mypy."""

    def mark(function: Callable[Concatenate[Any, P], R_co]) -> Callable[Concatenate[Any, P], R_co]:
        return hookimpl(function, specname=hook.__name__)

    return mark


class Plugin(Protocol):
    """What the registry expects of a plugin class.

    ``requires: ClassVar[Mapping[str, str]]`` may name other plugins, each with the versions that
    fit (PEP 440, for example ">=1,<2"; empty for any).
    """

    api: ClassVar[int]
    Config: ClassVar[type[Any]]
