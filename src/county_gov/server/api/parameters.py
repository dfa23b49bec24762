"""Parameters over HTTP: what holds, what waits, proposing and deciding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.parameters import asked_problems
from county_gov.parameters.words import day_words
from county_gov.server.api.documents import rfc3339
from county_gov.server.parameters import read_parameters
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import SIGNED_IN, Parameter, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.access import Actor
    from county_gov.contract.parameter import ParameterValue
    from county_gov.parameters import AreaValue, Overview, Proposal
    from county_gov.server.call import Call

LOOK = (
    Parameter("area", "text", "The value for this area; the whole county unless given"),
    Parameter("subject", "text", "The value for this thing or choice; for all unless given"),
    Parameter("on", "text", "The value of this local day, YYYY-MM-DD; today unless given"),
)


class ProposalBody(Struct, forbid_unknown_fields=True):
    """A value to propose. ``ends`` instead of a value lets the value above count from then on."""

    effective_from: str
    document: str
    number: str
    value: Value = None
    ends: bool = False
    area: str = ""
    subject: str = ""
    article: str = ""
    reason: str = ""


class DecisionBody(Struct, forbid_unknown_fields=True):
    """Why a proposal is decided so; needed for a rejection, and where the past changes."""

    reason: str = ""


class ProposalDocument(Struct):
    """A value that was proposed, and what became of it; ``proposal`` is its number."""

    proposal: int
    state: str
    area: str
    subject: str
    value: Value
    ends: bool
    unit: str
    effective_from: str
    document: str
    number: str
    article: str
    reason: str
    proposed_by: str
    proposed_at: str
    decided_by: str
    decided_at: str | None
    decided_reason: str


class AreaValues(Struct):
    """What the whole county, an area, or a thing or choice (``subject``) has of its own."""

    area: str
    subject: str
    current: ProposalDocument | None
    misfit: str
    upcoming: list[ProposalDocument]


class ParameterChoice(Struct):
    """A value that may be chosen."""

    value: str
    title: str
    title_en: str


class ParameterDocument(Struct):
    """A parameter; ``waiting`` is the number of proposals that nobody has decided.

    ``varies_by`` is "area", "thing", "choice" (one of the ``subjects``), or empty.
    """

    id: str
    title: str
    title_en: str
    dtype: str
    unit: str
    decimals: int | None
    minimum: float | None
    maximum: float | None
    choices: list[ParameterChoice]
    varies_by: str
    subjects: list[ParameterChoice]
    default: Value
    values: list[AreaValues]
    waiting: int


class ParameterList(Struct):
    """The parameters that who asks may see."""

    parameters: list[ParameterDocument]


class ValueInForce(Struct):
    """The value that holds; without a first day it is the default."""

    value: Value
    effective_from: str | None
    area: str
    subject: str
    document: str
    number: str
    article: str
    proposed_by: str
    approved_by: str


class ParameterDetail(Struct):
    """A parameter, the value for the area and day asked for, and every proposal, oldest first."""

    parameter: ParameterDocument
    in_force: ValueInForce | None
    proposals: list[ProposalDocument]


async def list_parameters(call: Call) -> web.StreamResponse:
    """The parameters with what holds now and what comes next."""
    read_parameters(call.request.query, ())
    found = await call.county.parameters.overview(call.actor)
    return call.answer(ParameterList([_parameter(one) for one in found]))


async def show_parameter(call: Call) -> web.StreamResponse:
    """One parameter with every proposal, and the value for an area and a day."""
    values = read_parameters(call.request.query, LOOK)
    overview = await call.county.parameters.look(call.actor, call.part("id"))
    area = values.text("area")
    if area and not overview.authority.sees(call.actor, overview.parameter, area):
        raise RequestInvalid([Problem("query: area", f"{area!r} is no area that you may see")])
    subject, parameter = values.text("subject"), overview.parameter
    place = overview.authority.place(parameter, area, subject)
    if subject and not overview.authority.sees(call.actor, parameter, place):
        raise RequestInvalid([Problem("query: subject", f"{subject!r} is nothing you may see")])
    found, on = None, _day(values.text("on"))
    if overview.parameter.id in call.county.parameters.parameters:
        registers = call.county.registers.snapshot
        if wrong := asked_problems(parameter, area, subject, registers):
            raise RequestInvalid([Problem(f"query: {one.place}", one.message) for one in wrong])
        found = await call.county.parameters.value(parameter.id, area=area, subject=subject, on=on)
    return call.answer(
        ParameterDetail(
            _parameter(overview),
            None if found is None else _in_force(found),
            [_proposal(one) for one in overview.proposals],
        )
    )


async def propose(call: Call) -> web.StreamResponse:
    """Propose a value; the same idempotency key does it once."""
    read_parameters(call.request.query, ())
    body = await call.json(ProposalBody)
    found = await call.county.parameters.propose(
        call.actor,
        call.part("id"),
        value=body.value,
        ends=body.ends,
        area=body.area,
        subject=body.subject,
        effective_from=body.effective_from,
        document=body.document,
        number=body.number,
        article=body.article,
        reason=body.reason,
        key=_key(call),
        request=call.id,
    )
    return call.answer(_proposal(found))


def _decide(verb: str) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    """The handler of one way of deciding."""

    async def decide(call: Call) -> web.StreamResponse:
        read_parameters(call.request.query, ())
        body = await call.json(DecisionBody)
        found = await decision(call, verb)(
            call.actor,
            f"{call.part('id')}/{call.part('number')}",
            reason=body.reason,
            key=_key(call),
            request=call.id,
        )
        return call.answer(_proposal(found))

    return decide


class Decision(Protocol):
    """One way of deciding about a proposal."""

    async def __call__(
        self, actor: Actor, proposal: str, *, reason: str = "", key: str, request: str = ""
    ) -> Proposal:
        """The proposal as it is afterwards."""
        ...


def decision(call: Call, verb: str) -> Decision:
    """The way of deciding that a verb of `DECISIONS` names."""
    parameters = call.county.parameters
    ways: dict[str, Decision] = {
        "approve": parameters.approve,
        "reject": parameters.reject,
        "withdraw": parameters.withdraw,
    }
    return ways[verb]


def _key(call: Call) -> str:
    key = call.request.headers.get("Idempotency-Key", "")
    if not key:
        text = "is needed, so that sending it again does it once"
        raise RequestInvalid([Problem("header: Idempotency-Key", text)])
    return key


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        message = f"expected a day such as 2026-06-01, got {text!r}"
        raise RequestInvalid([Problem("query: on", message)]) from None


def _parameter(overview: Overview) -> ParameterDocument:
    parameter, field = overview.parameter, overview.parameter.field
    return ParameterDocument(
        id=parameter.id,
        title=parameter.title.zh,
        title_en=parameter.title.en,
        dtype=field.dtype,
        unit=field.unit,
        decimals=field.decimals,
        minimum=field.minimum,
        maximum=field.maximum,
        choices=[ParameterChoice(key, words.zh, words.en) for key, words in field.choices],
        varies_by=parameter.varies_by if isinstance(parameter.varies_by, str) else "choice",
        subjects=[ParameterChoice(key, words.zh, words.en) for key, words in parameter.choices],
        default=parameter.default,
        values=[_area_values(one) for one in overview.values],
        waiting=len(overview.open),
    )


def _area_values(one: AreaValue) -> AreaValues:
    return AreaValues(
        area=one.area,
        subject=one.subject,
        current=None if one.current is None else _proposal(one.current),
        misfit=one.misfit or "",
        upcoming=[_proposal(each) for each in one.upcoming],
    )


def _proposal(one: Proposal) -> ProposalDocument:
    return ProposalDocument(
        proposal=one.number,
        state=one.state,
        area=one.area,
        subject=one.subject,
        value=one.value,
        ends=one.value is None,
        unit=one.unit,
        effective_from=day_words(one.effective_from),
        document=one.document,
        number=one.document_number,
        article=one.article,
        reason=one.reason,
        proposed_by=one.proposed_by,
        proposed_at=rfc3339(one.proposed_at),
        decided_by=one.decided_by,
        decided_at=None if one.decided_at is None else rfc3339(one.decided_at),
        decided_reason=one.decided_reason,
    )


def _in_force(found: ParameterValue) -> ValueInForce:
    first = found.effective_from
    return ValueInForce(
        value=found.value,
        effective_from=None if first is None else first.isoformat(),
        area=found.area,
        subject=found.subject,
        document=found.citation.document,
        number=found.citation.number,
        article=found.citation.article,
        proposed_by=found.proposed_by,
        approved_by=found.approved_by,
    )


ONE = "/api/v1/parameters/{id:[a-z0-9_.-]{1,100}}"
KEY = (("Idempotency-Key", "The same key does it once"),)
DECISIONS = (
    ("approve", Text(zh="批准参数值", en="Approve a proposed value")),
    ("reject", Text(zh="不批准参数值", en="Reject a proposed value")),
    ("withdraw", Text(zh="撤回参数值", en="Take the own proposal back")),
)
ROUTES = (
    Route(
        "GET",
        "/api/v1/parameters",
        list_parameters,
        SIGNED_IN,
        Text(zh="参数列表", en="List parameters with what holds and what comes next"),
        "api",
        answers=ParameterList,
    ),
    Route(
        "GET",
        ONE,
        show_parameter,
        SIGNED_IN,
        Text(zh="参数详情", en="Show a parameter with its values and proposals"),
        "api",
        parameters=LOOK,
        answers=ParameterDetail,
        failures=(404,),
    ),
    Route(
        "POST",
        f"{ONE}/proposals",
        propose,
        SIGNED_IN,
        Text(zh="提出参数值", en="Propose a value"),
        "api",
        headers=KEY,
        media=("application/json",),
        reads=ProposalBody,
        answers=ProposalDocument,
        failures=(404,),
    ),
    *(
        Route(
            "POST",
            f"{ONE}/proposals/{{number:[0-9]{{1,15}}}}/{verb}",
            _decide(verb),
            SIGNED_IN,
            summary,
            "api",
            headers=KEY,
            media=("application/json",),
            reads=DecisionBody,
            answers=ProposalDocument,
            failures=(404, 409),
        )
        for verb, summary in DECISIONS
    ),
)
