"""A step of a case costs the writer few statements, whatever its values are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.cases.world import World, actor

if TYPE_CHECKING:
    from county_gov.store import Transaction

MOST = 16
"""Statements of the step of the tests' county, which has a notice to its role's holders."""


async def test_a_step_takes_few_statements_and_compiles_none_anew(any_world: World) -> None:
    """Repeated with other values, a step runs a bounded number of statements and compiles none."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    def watch(tx: Transaction) -> None:
        sa.event.listen(tx.connection, "before_cursor_execute", note)

    def count(tx: Transaction) -> int:
        return len(tx.connection.engine._compiled_cache or ())

    store = any_world.store
    first, second = await any_world.open(), await any_world.open()
    await any_world.send(first, "dispatch", actor(1), worker_account=3, note="去看看")
    await store.write(watch)
    compiled = await store.write(count)
    seen.clear()
    await any_world.send(second, "dispatch", actor(1), worker_account=3, note="再看看")
    assert 0 < len(seen) <= MOST, "\n".join(seen)
    assert compiled == await store.write(count)
