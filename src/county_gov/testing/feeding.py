"""What comes in: readings, deliveries to a source, and what a source fetches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from county_gov.contract.batch import Batch
from county_gov.contract.source import Delivery, Outcome
from county_gov.testing.clock import Moment
from county_gov.testing.stage import Stage

Row = float | tuple[Moment, float] | tuple[Moment, float, str]
"""A reading: its value now, or when and its value, or when, its value and its quality flag."""


class Feeding(Stage):
    """A stage that data come to."""

    async def feed(
        self, datastream: str, rows: float | Iterable[Row], *, refused: bool = False
    ) -> Outcome:
        """Take in readings of a datastream.

        Readings of the past come at once, as late data do; the clock goes on to each later one,
        which comes at its instant.

        Args:
            datastream: Its code.
            rows: Readings, or the one value that it has now.
            refused: Whether some may be refused.

        Returns:
            What became of all of them together.

        Raises:
            AssertionError: if one was refused; the message says why.
        """
        found = [self._reading(one) for one in ([rows] if isinstance(rows, int | float) else rows)]
        past = [one for one in found if one[0] <= self.clock.at]
        future = sorted((one for one in found if one[0] > self.clock.at), key=lambda one: one[0])
        outcomes = []
        for part in [past, *([one] for one in future)]:
            if part:
                await self.advance(to=max(self.clock.at, part[-1][0]))
                outcomes.append(await self.county.ingest(_batch(datastream, part)))
                await self.settle()
        total = _together(outcomes)
        if total.quarantined and not refused:
            why = "; ".join(f"{one.code}: {one.message}" for one in total.reasons)
            raise AssertionError(f"{datastream}: {total.quarantined} readings were refused: {why}")
        return total

    async def deliver(
        self, source: str, raw: bytes | str, *, wire_format: str = "application/json"
    ) -> Outcome:
        """Hand raw bytes to a source's decoder, as if they had come now."""
        body = raw.encode() if isinstance(raw, str) else raw
        delivery = Delivery(body, wire_format, f"scenario:{source}", self.clock.at)
        outcome = await self.county.intake.take(delivery, source=source)
        await self.settle()
        return outcome

    async def pull(self, source: str, *, deliveries: int = 1) -> tuple[Outcome, ...]:
        """Open a source, take so many deliveries from it, and close it."""
        opened = self.county.registry.contributions.sources[source].open
        if opened is None:
            raise ValueError(f"the source {source} is pushed to; use deliver")
        outcomes: list[Outcome] = []
        stream = opened(self.county.context(source))
        async for delivery in stream:
            outcomes.append(await self.county.intake.take(delivery, source=source))
            if len(outcomes) == deliveries:
                break
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
        await self.settle()
        return tuple(outcomes)

    def _reading(self, row: Row) -> tuple[int, float, str]:
        if isinstance(row, int | float):
            return self.clock.at, float(row), ""
        return self.at(row[0]), float(row[1]), row[2] if len(row) > 2 else ""  # noqa: PLR2004


def _batch(datastream: str, rows: Sequence[tuple[int, float, str]]) -> Batch:
    return Batch(
        {
            "datastream": np.array([datastream] * len(rows), object),
            "time": np.array([one[0] for one in rows], np.int64),
            "value": np.array([one[1] for one in rows], np.float64),
            "flag": np.array([one[2] for one in rows], object),
        }
    )


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        batch=outcomes[-1].batch if outcomes else "",
        accepted=sum(one.accepted for one in outcomes),
        duplicate=sum(one.duplicate for one in outcomes),
        revised=sum(one.revised for one in outcomes),
        quarantined=sum(one.quarantined for one in outcomes),
        reasons=tuple(reason for one in outcomes for reason in one.reasons),
        position=outcomes[-1].position if outcomes else 0,
    )
