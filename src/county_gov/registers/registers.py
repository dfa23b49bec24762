"""The registers of a running county: one current snapshot, swapped when they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.registers.snapshot import RegisterSnapshot
from county_gov.store.registers import RegisterContents, read_contents, read_version

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Store


def load_snapshot(snapshot: Snapshot) -> RegisterSnapshot:
    """The registers as they stand in the database."""
    return RegisterSnapshot.of(read_contents(snapshot))


class Registers:
    """Reads the registers, keeps them in memory, and changes them.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = RegisterSnapshot.of(RegisterContents(versions={}))

    @property
    def snapshot(self) -> RegisterSnapshot:
        """The current snapshot; take it once per piece of work, it is swapped at any moment."""
        return self._snapshot

    async def load(self) -> None:
        """Read the registers; before this the snapshot is empty."""
        self._snapshot = await self._store.read(load_snapshot)

    async def refresh(self) -> bool:
        """Read the registers again if they have changed; cheap when they have not.

        Returns:
            Whether the snapshot was swapped.
        """
        if await self._store.read(read_version) == self._snapshot.version:
            return False
        await self.load()
        return True
