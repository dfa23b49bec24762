"""The live feed: a gateway that signs its readings and sends them over HTTP, as a real one does.

It repeats the polluted winter of 2016 at speed: each delivery brings the next real hour's values,
with the current time. Now and then a row is broken, so that the quarantine is seen at work.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import aiohttp
import structlog
from attrs import define

from county_gov.access.devices import sign
from examples.demo_county.replay import Row, hours

log = structlog.get_logger("demo.live")

PATH = "/api/v1/observations"
FIRST = "2016-12-16"
"""A red alert began in Beijing that day."""
LAST = "2017-01-09"
SECONDS = 3.0
"""Between two deliveries."""
FAULT_EVERY = 40
"""Every so many deliveries a row is broken, as happens in every county."""


@define
class LiveFeed:
    """Sends readings until it is cancelled.

    Args:
        address: Of the server, for example ``http://127.0.0.1:8080/``.
        device: Code of the gateway.
        key: Its key.
        path: The file of the winters.
    """

    address: str
    device: str
    key: bytes
    path: Path

    async def run(self) -> None:
        """Deliver again and again."""
        async with aiohttp.ClientSession() as session:
            for number, hour in enumerate(self._hours(), 1):
                await self._deliver(session, self._rows(hour, number))
                await asyncio.sleep(SECONDS)

    def _hours(self) -> Iterator[list[Row]]:
        chosen = [hour for hour in hours(self.path) if FIRST <= hour[0][1][:10] <= LAST]
        return cycle(chosen)

    def _rows(self, hour: list[Row], number: int) -> list[dict[str, object]]:
        now = datetime.now(UTC).isoformat()
        rows: list[dict[str, object]] = [
            {"datastream": datastream, "time": now, "value": float(value)}
            for datastream, _time, value in hour
        ]
        if number % FAULT_EVERY == 0:
            rows[0] = {**rows[0], "value": -999.0}
            rows.append({"datastream": "changping.pm2.5", "time": now, "value": 35.0})
        return rows

    async def _deliver(self, session: aiohttp.ClientSession, rows: list[dict[str, object]]) -> None:
        body = json.dumps(rows).encode()
        stamp = str(int(datetime.now(UTC).timestamp() * 1_000_000))
        signature = sign(
            self.key,
            method="POST",
            path=PATH,
            device=self.device,
            timestamp=stamp,
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
        headers = {
            "Content-Type": "application/json",
            "X-Device": self.device,
            "X-Timestamp": stamp,
            "X-Signature": signature,
        }
        try:
            async with session.post(
                f"{self.address.rstrip('/')}{PATH}", data=body, headers=headers
            ) as answer:
                if answer.status != 200:  # noqa: PLR2004 (taken in)
                    log.warning("not taken in", status=answer.status, answer=await answer.text())
        except aiohttp.ClientError as error:
            log.warning("not delivered, goes on with the next hour", error=str(error))
