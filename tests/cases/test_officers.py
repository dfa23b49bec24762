"""Two officers at once: one success, one clear conflict, whatever the timing."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from county_gov.contract.workflow import CaseView
from county_gov.errors import CaseConflict
from tests.cases.world import NORTH_GRID, WORKFLOW, actor, world_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cases.world import World

ROUNDS = 300


def act(
    world: World, case: CaseView, officer: int, barrier: threading.Barrier, results: list[object]
) -> None:
    """Send the officer's event from a thread and event loop of its own."""

    async def send() -> CaseView:
        return await world.cases.send_event(
            case.id,
            "dispatch",
            data={"note": f"by {officer}"},
            actor=actor(officer),
            expected_version=case.version,
            key=f"{case.id}-{officer}",
        )

    barrier.wait()
    try:
        results.append(asyncio.run(send()))
    except CaseConflict as conflict:
        results.append(conflict)


def test_of_two_officers_at_once_exactly_one_succeeds(tmp_path: Path) -> None:
    """Hundreds of times two threads move the same case: one view, one conflict at version 2."""
    with world_in(tmp_path) as world:
        for _ in range(ROUNDS):
            case = asyncio.run(world.open(area=NORTH_GRID, workflow=WORKFLOW.id))
            barrier = threading.Barrier(2)
            results: list[object] = []
            threads = [
                threading.Thread(target=act, args=(world, case, officer, barrier, results))
                for officer in (1, 2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            conflicts = [one for one in results if isinstance(one, CaseConflict)]
            views = [one for one in results if isinstance(one, CaseView)]
            assert (1, [2]) == (len(views), [one.current for one in conflicts])
        assert 2 * ROUNDS == world.count("case_events")


def test_the_same_request_twice_at_once_is_made_once(tmp_path: Path) -> None:
    """Two threads with one key get the same result, and the case moves once."""
    with world_in(tmp_path) as world:
        for _ in range(50):
            case = asyncio.run(world.open(area=NORTH_GRID))
            barrier = threading.Barrier(2)
            results: list[object] = []
            threads = [
                threading.Thread(target=act, args=(world, case, 1, barrier, results))
                for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert [2, 2] == [one.version for one in results if isinstance(one, CaseView)]
        assert 100 == world.count("case_events")
