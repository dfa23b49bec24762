"""From an exception to an answer: one table, problem+json (RFC 9457) or a page.

What is unexpected is logged with its traceback and answered without details.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from attrs import field, frozen

from county_gov import errors
from county_gov.contract.problem_words import problem_words
from county_gov.contract.text import Text
from county_gov.server.refusal import MethodNotAllowed, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA = "application/problem+json"

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.MalformedDelivery, HTTPStatus.BAD_REQUEST),
    (errors.UnsupportedWireFormat, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.DeliveryTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.IntakeError, HTTPStatus.BAD_REQUEST),
    (errors.AuthenticationFailed, HTTPStatus.UNAUTHORIZED),
    (errors.AccessDenied, HTTPStatus.FORBIDDEN),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.CaseConflict, HTTPStatus.CONFLICT),
    (errors.EventNotAllowed, HTTPStatus.CONFLICT),
    (errors.EventDataInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.RecordInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.RecordConflict, HTTPStatus.CONFLICT),
    (errors.ProposalInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.ProposalConflict, HTTPStatus.CONFLICT),
    (errors.RegisterError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.CommandInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.CommandRefused, HTTPStatus.CONFLICT),
    (errors.CommandFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.RequestFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.StoreBusy, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.StoreClosed, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.StoreFull, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""Status by exception; the first class that fits counts."""

RETRY_SECONDS: Mapping[int, float] = {503: 5.0, 429: 1.0}
NOT_KEPT = "the store failed; whether it was kept is not known: send the same again in a moment"
UNEXPECTED = "the server failed to answer; it was recorded under the request's id"


class ProblemDetail(msgspec.Struct, omit_defaults=True):
    """One thing that is wrong, and where."""

    place: str
    message: str


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """What problem+json says (RFC 9457); ``problems`` lists all that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    problems: list[ProblemDetail] = []
    code: str = ""
    version: int = 0
    """The matter's current version, after a conflict."""


UNCLEAR = Text(zh="提交的内容不符合要求。", en="It is not what this page expects.")


@frozen(eq=False)
class Words:
    """How a status is told to a person; ``why`` where an answer has no reason of its own."""

    what: Text
    next_step: Text
    why: Text = UNCLEAR


WORDS: Mapping[int, Words] = {
    400: Words(
        Text(zh="无法读取这次请求", en="The request cannot be read"),
        Text(
            zh="请返回上一页检查后重新提交。", en="Go back, check what was sent, and send it again."
        ),
    ),
    401: Words(
        Text(zh="您尚未登录", en="You are not logged in"),
        Text(zh="请先登录，再重试。", en="Log in, then try again."),
        Text(zh="登录已过期，或尚未登录。", en="The session has ended, or there was none."),
    ),
    403: Words(
        Text(zh="您没有这项权限", en="You may not do this"),
        Text(
            zh="如确需办理，请联系本单位系统管理员。",
            en="If your work needs it, ask the system administrator of your unit.",
        ),
        Text(zh="您的岗位不包含这项权限。", en="Your posts do not include this permission."),
    ),
    404: Words(
        Text(zh="没有找到该页面", en="This page was not found"),
        Text(
            zh="该内容不存在，或不在您的辖区内。请从导航重新进入。",
            en="It does not exist, or lies outside your area. Start again from the navigation.",
        ),
        Text(zh="地址有误，或内容不在您的辖区。", en="Nothing is there for you to see."),
    ),
    405: Words(
        Text(zh="该地址不支持这种操作", en="This address does not take that"),
        Text(zh="请从导航重新进入。", en="Start again from the navigation."),
    ),
    408: Words(
        Text(zh="提交的内容没有及时送达", en="What you sent did not arrive in time"),
        Text(zh="请检查网络后重新提交。", en="Check the connection and send it again."),
    ),
    409: Words(
        Text(zh="该事项已有变化", en="The matter has changed meanwhile"),
        Text(
            zh="请重新打开该事项，查看最新情况后再操作。",
            en="Open it again, look at what happened, and act on that.",
        ),
        Text(
            zh="您打开之后，别人已先办理，或当前环节不允许这样做。",
            en="Somebody acted first, or its present step does not allow this.",
        ),
    ),
    413: Words(
        Text(zh="提交的内容过大", en="What you sent is too large"),
        Text(zh="请分成几部分提交。", en="Send it in smaller parts."),
        Text(zh="超过了一次可提交的大小。", en="It is more than is taken at once."),
    ),
    415: Words(
        Text(zh="不支持这种内容格式", en="This kind of content is not taken"),
        Text(zh="请改用文档中列出的格式。", en="Use one of the documented formats."),
    ),
    422: Words(
        Text(zh="提交的内容有误", en="What you sent needs to be put right"),
        Text(
            zh="请按提示改正后重新提交。", en="Put it right as the message says and send it again."
        ),
    ),
    429: Words(
        Text(zh="请求过于频繁", en="Too many requests"),
        Text(zh="请稍候片刻再试。", en="Wait a moment and try again."),
        Text(zh="短时间内请求太多。", en="There were too many in a short time."),
    ),
    500: Words(
        Text(zh="系统出错了", en="The system failed"),
        Text(
            zh="请稍后再试；如仍出错，请把下面的编号告诉系统管理员。",
            en="Try again later; if it fails again, give the number below to the administrator.",
        ),
        Text(zh="错误已记录。", en="The failure was recorded."),
    ),
    503: Words(
        Text(zh="系统暂时无法办理", en="The system cannot do this just now"),
        Text(zh="请稍后再试。", en="Try again in a moment."),
        Text(zh="系统正在停止或存储空间不足。", en="It is stopping, or its disk is full."),
    ),
}


@frozen(eq=False)
class Failure:
    """An exception as it is answered.

    Args:
        status: HTTP status.
        detail: What was wrong and the way out, English; `said` has it in both languages.
        kind: Name of the kind of problem, for machines.
        problems: Everything that was wrong.
        code: Stable name of the reason, for machines.
        version: The current version after a conflict.
        headers: Headers that belong to the answer.
        why: The reason in both languages, where there is one.
        expected: Whether it needs no traceback in the log.
    """

    status: int
    detail: str
    kind: str = "unexpected"
    problems: tuple[errors.Problem, ...] = ()
    code: str = ""
    version: int = 0
    headers: dict[str, str] = field(factory=dict)
    why: Text | None = None
    expected: bool = True

    @property
    def words(self) -> Words:
        """How it is told to a person."""
        return WORDS.get(self.status) or WORDS[500]

    def said(self, language: str) -> str:
        """What was wrong and the way out; words that exist only in English follow in brackets."""
        if self.why is not None:
            return self.why.in_language(language)
        if self.problems:
            told = self.problems_in(language)
            return "; ".join(": ".join(filter(None, (one.place, one.message))) for one in told)
        if language == "zh":
            return f"{self.words.next_step.zh}（{self.detail}）"
        return self.detail

    def problems_in(self, language: str) -> list[ProblemDetail]:
        """Everything that was wrong, each in its place."""
        return [
            ProblemDetail(one.place, problem_words(one.message).in_language(language))
            for one in self.problems
        ]

    def document(self, request_id: str, language: str) -> bytes:
        """The problem+json document."""
        return msgspec.json.encode(
            ProblemDocument(
                type=f"urn:county-gov:problem:{self.kind}",
                title=self.words.what.in_language(language),
                status=self.status,
                detail=self.said(language),
                instance=f"urn:county-gov:request:{request_id}",
                problems=self.problems_in(language),
                code=self.code,
                version=self.version,
            )
        )


def failure_of(error: Exception) -> Failure:
    """How an exception is answered."""
    if isinstance(error, Refusal):
        return _refusal(error)
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return _known(error, int(status))
    if isinstance(error, errors.StoreError):
        # Its words may speak of the database; they go to the log with the traceback.
        headers = {"Retry-After": str(math.ceil(RETRY_SECONDS[503]))}
        return Failure(503, NOT_KEPT, "store-error", headers=headers, expected=False)
    return Failure(500, UNEXPECTED, expected=False)


def _refusal(error: Refusal) -> Failure:
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    seconds = error.retry_after or RETRY_SECONDS.get(error.status, 0.0)
    if seconds:
        headers["Retry-After"] = str(math.ceil(seconds))
    problems: Sequence[errors.Problem] = getattr(error, "problems", ())
    return Failure(int(error.status), str(error), _kind(error), tuple(problems), headers=headers)


def _kind(error: Exception) -> str:
    """The class's name as a word: ``case-conflict``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def _known(error: Exception, status: int) -> Failure:
    headers = {}
    if status in RETRY_SECONDS:
        seconds = getattr(error, "retry_after", 0.0) or RETRY_SECONDS[status]
        headers["Retry-After"] = str(math.ceil(seconds))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'CountyGov realm="county_gov"'
    why = None
    if isinstance(error, errors.CommandRefused):
        why = Text(zh=error.why.zh, en=error.why.en)
    if isinstance(error, errors.EventNotAllowed):
        why = Text(zh=error.zh, en=error.en) if error.zh else None
        if error.code in ("permission", "task"):
            status = HTTPStatus.FORBIDDEN
        elif error.code == "idempotency":
            status = HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, errors.RecordConflict) and error.code == "idempotency":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return Failure(
        int(status),
        str(error) or type(error).__name__,
        _kind(error),
        tuple(getattr(error, "problems", ())),
        code=getattr(error, "code", ""),
        version=getattr(error, "current", 0),
        headers=headers,
        why=why,
    )
