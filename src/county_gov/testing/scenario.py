"""`Scenario`: a whole story in a few lines, told to a real county.

::

    async with Scenario(ReservoirPlugin, config=CONFIG, datastreams=["dam.water_level"]) as s:
        await s.feed("dam.water_level", [("08:00", 151.2), ("09:00", 152.4)])
        (case,) = await s.cases()
        await s.act("dispatcher", case, "send_out", note="…")
        await s.advance(hours=2)
        assert ["patrol", "patrol"] == [task.state for task in await s.tasks()]

It is a county on SQLite in a temporary folder: what a deployment does is done here, by the same
parts, but one after another and at the instants of a clock that the story moves. When a line
returns, all that follows from it has happened.
"""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING

from county_gov.contract.access import Scope
from county_gov.contract.records import Equal, Missing
from county_gov.contract.workflow import CaseView
from county_gov.errors import NotFound
from county_gov.registry.configuration import did_you_mean
from county_gov.testing.acting import Acting, id_of
from county_gov.testing.feeding import Feeding
from county_gov.testing.telling import story_so_far
from county_gov.testing.world import EVERYTHING_ROLE

if TYPE_CHECKING:
    from county_gov.contract.context import Context, EpisodeView
    from county_gov.contract.notifier import Message
    from county_gov.contract.parameter import ParameterValue
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Value
    from county_gov.store.tasks import TaskView


class Scenario(Feeding, Acting):
    """A county for one story; ``async with`` begins and ends it.

    Args:
        plugin: The plugin's class.
        config: What its ``[plugin.config]`` says.
        name: The plugin's name; found out where it is left empty.
        also: Further plugins, each with its configuration, in front of it.
        areas: Areas (or codes) beside the county 990101 and its township 990101001.
        things: Things (or codes); those that only have datastreams need not be named.
        datastreams: Datastreams, or codes as ``dam.water_level``: thing and observed property.
        roles: Role's id to its permissions, or to a `Role`. Without it each role that a workflow
            names holds all permissions of the plugins, in the whole county.
        start: When the story begins.
        timezone: The county's local time.
        drill: Whether everything is an exercise.
        settings: Further tables of the deployment file, for example ``{"intake": {…}}``.
        channels: Ids of the plugins' own notifiers that notices go to as well.
        http: What other servers answer; without it every request is refused.
        failures: Whether contributions of plugins may fail; otherwise the line after which one has
            failed raises an AssertionError.
        folder: Where the county lives; a temporary folder otherwise.
    """

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, Exception):
                error.add_note(await story_so_far(self))
        finally:
            await super().__aexit__(kind, error, traceback)

    async def episodes(self, policy: str = "", *, open_only: bool = False) -> list[EpisodeView]:
        """Alert episodes, oldest first.

        Raises:
            NotFound: if there is no such alert policy.
        """
        _require("alert policy", policy, self.county.registry.contributions.alert_policies)
        reader = self.county.reader(Scope.everything())
        found = await reader.episodes(policy=policy, open_only=open_only, limit=500)
        return sorted(found, key=lambda one: (one.started_at, one.id))

    async def cases(self, workflow: str = "", *, open_only: bool = False) -> list[CaseView]:
        """Cases, oldest first.

        Raises:
            NotFound: if there is no such workflow.
        """
        _require("workflow", workflow, self.county.cases.workflows)
        reader = self.county.reader(Scope.everything())
        found = await reader.cases(workflow=workflow, open_only=open_only, limit=500)
        return sorted(found, key=lambda one: int(one.id))

    async def case(self, case: CaseView | str) -> CaseView:
        """A case as it is now."""
        return (await self.county.cases.get(Scope.everything(), id_of(case))).view

    async def tasks(self, case: CaseView | str = "", *, open_only: bool = True) -> list[TaskView]:
        """Tasks of a case, or of all cases, oldest first."""
        ids = [id_of(case)] if case else [one.id for one in await self.cases()]
        details = [await self.county.cases.get(Scope.everything(), one) for one in ids]
        found = [task for detail in details for task in detail.tasks]
        kept = [task for task in found if task.ended_at is None or not open_only]
        return sorted(kept, key=lambda one: one.id)

    def notices(self, to: str = "") -> list[Message]:
        """Notices that were sent, oldest first: those to one login, or to all of the story."""
        hidden = () if to else (EVERYTHING_ROLE, f"{EVERYTHING_ROLE}-2")
        return [
            one
            for one in self.memory.messages
            if to in ("", one.recipient) and one.recipient not in hidden
        ]

    async def records(self, dataset: str, *, on: str = "", **where: Value) -> tuple[Record, ...]:
        """Records in which all of ``where`` holds, by key; of a day where the dataset is dated."""
        filters = tuple(
            Missing(name) if value is None else Equal(name, value) for name, value in where.items()
        )
        return await self.context().records.find(dataset, where=filters, on=on)

    async def parameter(
        self, parameter: str, *, area: str = "", subject: str = ""
    ) -> ParameterValue | None:
        """What a parameter is today."""
        return await self.context().parameters.value(parameter, area=area, subject=subject)

    def context(self, plugin: str = "") -> Context:
        """The context that the plugin is given (or another one of the story)."""
        return self.county.context(plugin or self.plugin.name)


def _require(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that nothing has: a story would find nothing, and be content."""
    if name and name not in known:
        raise NotFound(f"there is no {kind} {name!r}; {did_you_mean(name, sorted(known))}")
