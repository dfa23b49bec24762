"""What there is in a story, in words: it stands under the error of a story that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.testing.clock import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from county_gov.contract.context import EpisodeView
    from county_gov.testing.scenario import Scenario

SHOWN = 10
"""Things of one kind that are told; of more only how many there are."""


async def story_so_far(story: Scenario) -> str:
    """Where the story stands: alerts, cases, open tasks and notices, a line for each."""
    lines = [f"the story stands at {story.local:%Y-%m-%d %H:%M}; there is"]
    lines += _first("alert", (_alert(one, story.zone) for one in await story.episodes()))
    cases = await story.cases()
    lines += _first("case", (f"{one.number} {one.workflow}: {one.state}" for one in cases))
    numbers = {one.id: one.number for one in cases}
    tasks = [(numbers[case.id], one) for case in cases for one in await story.tasks(case)]
    lines += _first("open task", (f"of {number} for {one.role}" for number, one in tasks))
    notices = story.notices()
    lines += _first("notice", (f"to {one.recipient}: {one.subject}" for one in notices))
    return "\n  ".join(lines)


def _alert(one: EpisodeView, zone: ZoneInfo) -> str:
    begun = f"{local(one.started_at, zone):%Y-%m-%d %H:%M}"
    ended = "now" if one.ended_at is None else f"{local(one.ended_at, zone):%Y-%m-%d %H:%M}"
    withdrawn = ", withdrawn" if one.withdrawn else ""
    return f"{one.policy} of {one.datastream}: {one.severity}, {begun} to {ended}{withdrawn}"


def _first(kind: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    yield from (f"{kind} {line}" for line in found[:SHOWN])
    if len(found) > SHOWN:
        yield f"{len(found) - SHOWN} more of the kind: {kind}"
    elif not found:
        yield f"no {kind}"
