"""Calls of plugins in which a refusal is an answer, and no failure of the plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from county_gov.errors import ContractError, CountyGovError, NotifyError, PluginFailed
from county_gov.registry.gateway import Answer, Failed

if TYPE_CHECKING:
    from county_gov.registry.gateway import Gateway

T = TypeVar("T")

FAILURES = (ContractError, NotifyError, PluginFailed)
"""Errors of ours that are the plugin's own mistakes, or the deployment's."""


async def ask(
    gateway: Gateway,
    owner: str,
    what: str,
    function: Callable[[], Awaitable[T]],
    *,
    seconds: float,
    forgiving: bool = False,
) -> T | Failed:
    """Call a plugin's async function behind the gateway.

    Args:
        gateway: Breaks the circuit after repeated failures.
        owner: Name of the plugin.
        what: What is called, for the log.
        function: The call.
        seconds: After so long it has failed.
        forgiving: Whether an error that the function raises does not cut it off: where anybody's
            bad input may make it fail.

    Raises:
        CountyGovError: what a record, a case or the plugin itself refused, as it was raised; it
            does not count as a failure.
    """

    async def attempt() -> T | CountyGovError:
        try:
            return await function()
        except FAILURES:
            raise
        except CountyGovError as error:
            return error

    answer = await gateway.call_async(owner, what, attempt, seconds=seconds, forgiving=forgiving)
    if not isinstance(answer, Answer):
        return answer
    if isinstance(answer.value, CountyGovError):
        raise answer.value
    return answer.value
