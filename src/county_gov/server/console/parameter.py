"""One setting: its values and their history, proposing a value, and deciding about one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from county_gov.contract.page import Entry, Status, Timeline
from county_gov.contract.text import Text
from county_gov.contract.values import from_words
from county_gov.errors import Problem, ProposalConflict, ProposalInvalid
from county_gov.parameters import proposal_form
from county_gov.parameters.words import COUNTY, day_words
from county_gov.server.api.parameters import DECISIONS, decision
from county_gov.server.console.forms import field_of, with_problems
from county_gov.server.console.frame import draw
from county_gov.server.console.parameters import (
    ABOVE,
    FOR,
    TITLE,
    area_words,
    current_words,
    target_words,
    thing_words,
    values_table,
    words_of,
)
from county_gov.server.identifiers import ulid
from county_gov.server.render import Action, Flash, Option
from county_gov.server.render.parameters import WaitingProposal
from county_gov.server.render.records import Link
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.schema import Field
    from county_gov.parameters import Overview, Proposal
    from county_gov.server.call import Call
    from county_gov.server.render import ActionField

MOST_AREAS = 300
"""With more areas than these their code is typed."""
FORM = "application/x-www-form-urlencoded"
REASON = Text(zh="意见", en="Reason")
LATE = Text(
    zh="生效日期早于今天：批准后按新值重新判断这段时间的数据，须说明理由。",
    en="It holds from a day that has passed: what was judged since is judged again. Say why.",
)
OWN = Text(zh="由您提出，须由另一人批准。", en="You proposed it: somebody else has to approve it.")
ELSEWHERE = Text(zh="等有批准权限的人办理。", en="Waits for somebody who may approve it.")
DECIDED = Text(
    zh="您打开之后，已有人办理了这项。请查看下面的经过。",
    en="Somebody decided about it since you opened it. See the history below.",
)
STATUSES: Mapping[str, tuple[Text, Status]] = {
    "approved": (Text(zh="批准", en="Approved"), "good"),
    "rejected": (Text(zh="不批准", en="Rejected"), "warning"),
    "withdrawn": (Text(zh="撤回", en="Taken back"), "neutral"),
}
VERBS = {
    "approve": Text(zh="批准", en="Approve"),
    "reject": Text(zh="不批准", en="Reject"),
    "withdraw": Text(zh="撤回", en="Take back"),
}
DONE = {
    "approve": "parameter_approved",
    "reject": "parameter_rejected",
    "withdraw": "parameter_withdrawn",
}


@frozen(eq=False)
class Tried:
    """What was sent and refused: the action's id, what was typed, and what is wrong."""

    action: str
    typed: Mapping[str, str]
    problems: tuple[Problem, ...]


async def show_parameter(call: Call) -> web.StreamResponse:
    """One setting."""
    return await _page(call)


async def propose(call: Call) -> web.StreamResponse:
    """Propose a value; a form that fails comes back with all that was typed."""
    parameters = call.county.parameters
    form = dict(await call.form())
    key = form.get("idempotency_key", "")
    overview = await parameters.look(call.actor, call.part("id"))
    schema = proposal_form(overview.parameter)
    ends = call.request.query.get("ends") == "1"
    known = {name: words for name, words in form.items() if name in schema.names}
    values = from_words(schema, known, parameters.timezone)
    action = "end" if ends else "propose"
    if _target_missing(call, overview, form):
        problem = Problem("area", "choose a thing or an area")
        return await _page(call, Tried(action, form, (problem,)))
    try:
        await parameters.propose(
            call.actor,
            overview.parameter.id,
            value=None if ends else values.get("value"),
            ends=ends,
            area=form.get("area", ""),
            subject=form.get("subject", ""),
            effective_from=form.get("effective_from", ""),
            document=form.get("document", ""),
            number=form.get("number", ""),
            article=form.get("article", ""),
            reason=form.get("reason", ""),
            key=key,
            request=call.id,
        )
    except ProposalInvalid as error:
        return await _page(call, Tried(action, form, error.problems))
    return call.redirect(f"/parameters/{overview.parameter.id}", flash="parameter_proposed")


def _target_missing(call: Call, overview: Overview, form: Mapping[str, str]) -> bool:
    """Whether nothing is chosen by who may propose for some things or areas, not for all."""
    if form.get("area") or form.get("subject"):
        return False
    parameter, authority = overview.parameter, overview.authority
    if not parameter.by_area or authority.may_propose(call.actor, parameter, ""):
        return False
    areas = _areas(call, overview)
    return areas is None or bool(areas or _subjects(call, overview))


def _decide(verb: str) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    """The handler of one way of deciding."""

    async def decide(call: Call) -> web.StreamResponse:
        form = dict(await call.form())
        parameter, number = call.part("id"), call.part("number")
        try:
            await decision(call, verb)(
                call.actor,
                f"{parameter}/{number}",
                reason=form.get("reason", ""),
                key=form.get("idempotency_key", ""),
                request=call.id,
            )
        except ProposalInvalid as error:
            return await _page(call, Tried(f"{verb}-{number}", form, error.problems))
        except ProposalConflict:
            return await _page(call, conflict=True)
        return call.redirect(f"/parameters/{parameter}", flash=DONE[verb])

    return decide


async def _page(
    call: Call, tried: Tried | None = None, *, conflict: bool = False
) -> web.StreamResponse:
    overview = await call.county.parameters.look(call.actor, call.part("id"))
    waiting = tuple(_waiting(call, overview, one, tried) for one in overview.open)
    actions = _proposing(call, overview, tried)
    status = HTTPStatus.OK if tried is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return await draw(
        call,
        "parameter.html",
        title=overview.parameter.title,
        headline=_headline(call, overview),
        refresh_on=("parameter",),
        status=HTTPStatus.CONFLICT if conflict else status,
        flash=Flash(DECIDED, status="warning") if conflict else None,
        crumbs=(Link(TITLE, "/parameters"), Link(overview.parameter.title, "")),
        links=(),
        waiting=waiting,
        actions=actions,
        forms=(*(action for one in waiting for action in one.actions), *actions),
        views=(values_table(call, overview),),
        timeline=_timeline(call, overview),
    )


def _headline(call: Call, overview: Overview) -> Text:
    """The value that holds for the whole county, as far as it is seen."""
    title = overview.parameter.title
    whole = next((one for one in overview.values if not (one.area or one.subject)), None)
    if whole is None:
        return title
    value = current_words(call, overview, whole)
    return Text(
        zh=f"{title.zh}：{value.zh}",
        en=f"{title.in_language('en')}: {value.in_language('en')}",
    )


def _waiting(call: Call, overview: Overview, one: Proposal, tried: Tried | None) -> WaitingProposal:
    own = one.proposed_account == call.actor.account
    may = any(one is each for each in overview.decidable(call.actor))
    late = one.effective_from < overview.day
    verbs = (["approve", "reject"] if may else []) + (["withdraw"] if own else [])
    note = LATE if may and late else OWN if own else None if may else ELSEWHERE
    return WaitingProposal(
        number=one.number,
        value=words_of(call, overview, one),
        facts=(
            (FOR, target_words(call, overview.parameter, one.area, one.subject)),
            (Text(zh="生效日期", en="Holds from"), Text(zh=day_words(one.effective_from))),
            (Text(zh="现行值", en="Value now"), _replaced(call, overview, one)),
            (Text(zh="依据", en="Document"), Text(zh=_basis(one))),
            (Text(zh="说明", en="Reason"), Text(zh=one.reason or "—")),
            (Text(zh="提出人", en="Proposed by"), Text(zh=one.proposed_by)),
        ),
        note=note,
        actions=tuple(_deciding(call, overview, one, verb, tried) for verb in verbs),
    )


def _replaced(call: Call, overview: Overview, one: Proposal) -> Text:
    """What holds now where the proposal would change it."""
    for each in overview.values:
        if (each.area, each.subject) == (one.area, one.subject):
            return current_words(call, overview, each)
    return ABOVE


def _deciding(
    call: Call, overview: Overview, one: Proposal, verb: str, tried: Tried | None
) -> Action:
    required = verb == "reject" or (verb == "approve" and one.effective_from < overview.day)
    consequence = None
    if verb == "approve":
        day, value = day_words(one.effective_from), words_of(call, overview, one)
        consequence = Text(
            zh=f"{value.zh} 自 {day} 起生效；之后只能用新的值更正，不能删除。",
            en=f"{value.in_language('en')} will hold from {day}. It can be corrected by another "
            "value later, never deleted.",
        )
    return _with_typed(
        Action(
            id=f"{verb}-{one.number}",
            label=VERBS[verb],
            href=f"/parameters/{overview.parameter.id}/proposals/{one.number}/{verb}",
            fields=(_reason(required=required),) if verb != "withdraw" else (),
            consequence=consequence,
            idempotency_key=ulid(call.now),
            primary=verb == "approve",
        ),
        tried,
    )


def _reason(*, required: bool) -> ActionField:
    from county_gov.server.render import ActionField

    return ActionField("reason", REASON, kind="textarea", required=required)


def _proposing(call: Call, overview: Overview, tried: Tried | None) -> tuple[Action, ...]:
    """Setting a value, and letting an area's own value end."""
    options, subjects = _areas(call, overview), _subjects(call, overview)
    if options is not None and not options and not subjects:
        return ()
    parameter = overview.parameter
    href = f"/parameters/{parameter.id}/proposals"
    fields = [one for one in proposal_form(parameter).fields if one.name != "ends"]
    propose = Action(
        id="propose",
        label=Text(zh="提交新的值", en="Propose a value"),
        href=href,
        fields=tuple(_field(one, options, subjects) for one in fields),
        idempotency_key=ulid(call.now),
        primary=True,
    )
    owning = {
        one.subject or one.area
        for one in overview.values
        if (one.area or one.subject) and (one.current or one.upcoming)
    }
    ending = tuple(one for one in options or () if one.value in owning)
    ended = tuple(one for one in subjects if one.value in owning)
    if not (ending or ended):
        return (_with_typed(propose, tried),)
    end = Action(
        id="end",
        label=Text(zh="取消自己的值", en="End an own value"),
        href=f"{href}?ends=1",
        fields=_ending_fields(fields, ending, ended),
        idempotency_key=ulid(call.now),
    )
    return _with_typed(propose, tried), _with_typed(end, tried)


def _ending_fields(
    fields: Sequence[Field], areas: tuple[Option, ...], subjects: tuple[Option, ...]
) -> tuple[ActionField, ...]:
    """What is asked to end an own value: whose it is has to be chosen."""
    chosen = {"area": areas, "subject": subjects}
    asked = [one for one in fields if one.name != "value" and chosen.get(one.name, True)]
    only = not (areas and subjects)
    return tuple(
        evolve(field_of(one, chosen[one.name]), required=only, help=None)
        if one.name in chosen
        else field_of(one)
        for one in asked
    )


def _field(
    one: Field, options: tuple[Option, ...] | None, subjects: tuple[Option, ...]
) -> ActionField:
    if one.name == "area" and options is not None:
        return evolve(field_of(one, options), required=not subjects, help=None)
    if one.name == "subject":
        return field_of(one, subjects)
    if one.name == "value":
        return evolve(field_of(one), required=one.dtype != "bool")
    return field_of(one)


def _areas(call: Call, overview: Overview) -> tuple[Option, ...] | None:
    """The areas for which who looks may propose a value; None where a code has to be typed."""
    parameter, authority = overview.parameter, overview.authority
    if not parameter.by_area:
        whole = authority.may_propose(call.actor, parameter, "")
        return (Option("", COUNTY),) if whole else ()
    registers = call.county.registers.snapshot
    county = call.county.settings.county.code
    own = [
        code
        for code in sorted(registers.areas)
        if code == county or registers.exists(code, overview.day)
    ]
    reached = [code for code in own if authority.may_propose(call.actor, parameter, code)]
    if len(reached) > MOST_AREAS:
        return None
    return tuple(
        Option(code, COUNTY if code == county else _path(call, code, overview.day))
        for code in sorted(reached, key=lambda code: (code != county, code))
    )


def _subjects(call: Call, overview: Overview) -> tuple[Option, ...]:
    """The things or choices for which who looks may propose a value."""
    parameter, authority = overview.parameter, overview.authority
    if parameter.choices and authority.may_propose(call.actor, parameter, ""):
        return tuple(Option(value, words) for value, words in parameter.choices)
    if parameter.varies_by != "thing":
        return ()
    things = sorted({one.thing for one in call.county.registers.snapshot.datastreams()})
    reached = [
        one
        for one in things
        if authority.may_propose(call.actor, parameter, authority.place(parameter, "", one))
    ]
    return tuple(Option(one, thing_words(call, one)) for one in reached)


def _path(call: Call, code: str, day: int) -> Text:
    """An area's name behind those of the areas above it, without the county's."""
    registers = call.county.registers.snapshot
    county = call.county.settings.county.code
    codes = [one for one in reversed(registers.ancestors(code, day)) if len(one) > len(county)]
    names = [area_words(call, one) for one in (*codes, code)]
    return Text(
        zh=" / ".join(one.zh for one in names),
        en=" / ".join(one.in_language("en") for one in names),
    )


def _with_typed(action: Action, tried: Tried | None) -> Action:
    if tried is None or tried.action != action.id:
        return action
    return with_problems(action, tried.typed, tried.problems)


def _basis(one: Proposal) -> str:
    return " ".join(filter(None, (one.document, one.document_number, one.article)))


def _timeline(call: Call, overview: Overview) -> Timeline:
    moments = sorted(_moments(call, overview.proposals, overview), key=lambda one: one.at)
    return Timeline("history", Text(zh="经过", en="What happened"), tuple(moments))


def _moments(call: Call, proposals: Sequence[Proposal], overview: Overview) -> list[Entry]:
    found: list[Entry] = []
    for one in proposals:
        value = words_of(call, overview, one)
        area = target_words(call, overview.parameter, one.area, one.subject)
        what = Text(
            zh=f"{value.zh}（{area.zh}，{day_words(one.effective_from)} 起）",
            en=f"{value.in_language('en')} ({area.in_language('en')}, "
            f"from {day_words(one.effective_from)})",
        )
        details = [(Text(zh="依据", en="Document"), _basis(one))]
        if one.reason:
            details.append((Text(zh="说明", en="Reason"), one.reason))
        title = Text(zh=f"提出 {what.zh}", en=f"Proposed: {what.en}")
        found.append(Entry(one.proposed_at, title, one.proposed_by, tuple(details)))
        if one.decided_at is not None:
            words, status = STATUSES[one.state]
            said = Text(zh=f"{words.zh} {what.zh}", en=f"{words.en}: {what.en}")
            reason = ((REASON, one.decided_reason),) if one.decided_reason else ()
            found.append(Entry(one.decided_at, said, one.decided_by, reason, status))
    return found


ONE = "/parameters/{id:[a-z0-9_.-]{1,100}}"
ROUTES = (
    Route(
        "GET",
        ONE,
        show_parameter,
        SIGNED_IN,
        Text(zh="参数", en="One setting: values, history, proposals"),
        failures=(404,),
    ),
    Route(
        "POST",
        f"{ONE}/proposals",
        propose,
        SIGNED_IN,
        Text(zh="提出参数值", en="Propose a value"),
        media=(FORM,),
        failures=(404,),
    ),
    *(
        Route(
            "POST",
            f"{ONE}/proposals/{{number:[0-9]{{1,15}}}}/{verb}",
            _decide(verb),
            SIGNED_IN,
            summary,
            media=(FORM,),
            failures=(404, 409),
        )
        for verb, summary in DECISIONS
    ),
)
