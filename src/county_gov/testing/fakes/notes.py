"""A plugin's notes, in memory."""

from __future__ import annotations

from attrs import define, field


@define(eq=False)
class FakeNotes:
    """Notes as long as the test lasts.

    Args:
        kept: What is there.
    """

    kept: dict[str, str] = field(factory=dict)

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        return self.kept.get(key)

    async def set(self, key: str, value: str) -> None:
        """Keep the value."""
        self.kept[key] = value
