"""What all handlers of one server share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import define, field
from multidict import CIMultiDict

from county_gov.server.metrics import RequestMetrics

if TYPE_CHECKING:
    from county_gov.access import TokenBuckets
    from county_gov.deployment import County
    from county_gov.server.address import Network
    from county_gov.server.render import Renderer
    from county_gov.server.routes import Route


SERVER = "county_gov"


@define(eq=False)
class Service:
    """One running server.

    Args:
        county: What it serves.
        renderer: Draws its pages.
        routes: Everything that it answers.
        headers: Security headers of every answer.
        people: Rate limits per account, and per address of nobody in particular.
        devices: Rate limits per device.
        sign_ins: Rate limits of signing in, per address.
        proxies: The proxies whose X-Forwarded-For is believed.
        streams: Event streams that are open, by account.
        metrics: What it has answered.
        stopping: Set when it takes no new requests; event streams end then.
    """

    county: County
    renderer: Renderer
    routes: tuple[Route, ...]
    headers: Mapping[str, str]
    people: TokenBuckets
    devices: TokenBuckets
    sign_ins: TokenBuckets
    proxies: tuple[Network, ...] = ()
    streams: Counter[int] = field(factory=Counter)
    metrics: RequestMetrics = field(factory=RequestMetrics)
    stopping: asyncio.Event = field(factory=asyncio.Event)
    answer_headers: CIMultiDict[str] = field(init=False)
    """Headers of a JSON answer, but for its request's id."""

    def __attrs_post_init__(self) -> None:
        self.answer_headers = CIMultiDict(
            {
                "Server": SERVER,
                "Content-Type": "application/json",
                "Cache-Control": "no-store",
                **self.headers,
            }
        )

    @property
    def language(self) -> str:
        """The language before somebody chooses."""
        return self.county.settings.county.language
