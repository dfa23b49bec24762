"""Other servers, as the test says that they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from county_gov.contract.context import HttpAnswer
from county_gov.errors import TargetRefused


@frozen(eq=False)
class SentRequest:
    """A request that was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


Canned = HttpAnswer | Exception | Callable[[SentRequest], HttpAnswer]


@define(eq=False)
class FakeHttp:
    """Answers requests with what was prepared, and remembers them.

    Args:
        answers: Answer by "METHOD URL" or URL: an answer, an error that is raised, or a function
            of the request. An address that is not there is refused, as one that the deployment
            does not allow.
        otherwise: Answer of every other address.
    """

    answers: Mapping[str, Canned] = field(factory=dict)
    otherwise: Canned | None = None
    requests: list[SentRequest] = field(factory=list)

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
        """Give the prepared answer.

        Raises:
            TargetRefused: if none was prepared.
        """
        sent = SentRequest(method, url, dict(headers or {}), body)
        self.requests.append(sent)
        answer = self.answers.get(f"{method} {url}", self.answers.get(url, self.otherwise))
        if answer is None:
            raise TargetRefused(f"{method} {url}: no answer was prepared; give FakeHttp one")
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpAnswer) else answer(sent)
