"""Requests of plugins to other servers: to the hosts that the deployment file allows each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.errors import TargetRefused
from county_gov.outbound import Request

if TYPE_CHECKING:
    from county_gov.contract.context import HttpAnswer
    from county_gov.outbound import Allowed, Client

READING = ("GET", "HEAD", "OPTIONS")
LONGEST_SECONDS = 60.0
LARGEST_BYTES = 67_108_864


@frozen(eq=False)
class PluginHttp:
    """Implements `county_gov.contract.context.Http` for one plugin.

    Args:
        client: Sends.
        allowed: Where the plugin may send to.
        drill: Whether everything is an exercise: then it may only read.
    """

    _client: Client
    _allowed: Allowed
    _drill: bool = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 10.0,
        maximum_bytes: int = 1_048_576,
    ) -> HttpAnswer:
        """Send a request; redirects are not followed.

        Raises:
            TargetRefused: if the host is not allowed, the address is private and not named, or
                this is a drill and the request would change something outside.
            RequestFailed: if no answer came in time, or it was too long.
        """
        target = self._allowed.target(url)
        if self._drill and method not in READING:
            raise TargetRefused(f"{method} to {target.host}: this is a drill, nothing is sent out")
        return await self._client.send(
            Request(
                method=method,
                target=target,
                headers=dict(headers or {}),
                body=body,
                seconds=min(seconds, LONGEST_SECONDS),
                maximum_bytes=min(maximum_bytes, LARGEST_BYTES),
            )
        )
