"""Deliveries and devices for the tests of sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from attrs import define, field, frozen

from county_gov.contract.context import Context
from county_gov.contract.source import Decoded, Delivery, Outcome, Source, Things
from county_gov.contract.text import Text

Decoder = Callable[[Delivery, Things], Decoded]


@frozen(eq=False)
class FakeThings:
    """Devices and datastreams as ``decode`` is given them.

    Args:
        codes: Datastream's code to its number.
        version: Version of the registers.
    """

    codes: Mapping[str, int] = field(factory=dict)
    version: int = 1

    def number(self, code: str) -> int:
        """The number of a datastream, or -1."""
        return self.codes.get(code, -1)

    def datastreams_of(self, thing: str) -> Mapping[str, str]:
        """Datastream by observed property for one thing: what its code says after the dot."""
        mine = (code for code in self.codes if code.partition(".")[0] == thing)
        return {code.partition(".")[2]: code for code in mine}


@define(eq=False)
class DeliveringSource:
    """A way in that delivers what the test gives it, and remembers what became of it.

    Args:
        id: Id of the source.
        dataset: Id of its dataset.
        bodies: Raw bytes of the deliveries.
        wire_format: Their media type.
    """

    id: str
    dataset: str
    bodies: Sequence[bytes]
    wire_format: str = "application/json"
    outcomes: list[Outcome] = field(factory=list, init=False)

    def source(self, decode: Decoder) -> Source:
        """The source as a contribution, with a decoder."""
        return Source(self.id, self.dataset, Text(zh="测试来源"), decode, self.open)

    async def open(self, ctx: Context) -> AsyncIterator[Delivery]:
        """Yield the deliveries, then wait until cancelled."""
        for number, body in enumerate(self.bodies):
            yield Delivery(
                body,
                self.wire_format,
                f"test:{self.id}",
                ctx.clock.now(),
                cursor=str(number + 1),
                acknowledge=self._acknowledge,
            )
        await asyncio.Event().wait()

    async def _acknowledge(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
