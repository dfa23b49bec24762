"""Cases over HTTP: reading them, and moving them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from county_gov.contract.text import Text
from county_gov.errors import Problem
from county_gov.server.api.documents import (
    CaseDetailDocument,
    CaseDocument,
    CaseEntry,
    CaseEvent,
    Cases,
    CaseTask,
    rfc3339,
)
from county_gov.server.parameters import read_parameters
from county_gov.server.refusal import RequestInvalid
from county_gov.server.routes import SIGNED_IN, Parameter, Route
from county_gov.store.case_lists import SORTS

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.cases import CaseDetail
    from county_gov.contract.workflow import CaseView
    from county_gov.server.call import Call

LARGEST = 2**31
_VERSION = re.compile(r'"?([0-9]{1,15})"?')

LIST = (
    Parameter("workflow", "text", "Only of this workflow"),
    Parameter("state", "text", "Only in this state"),
    Parameter("open", "truth", "Only those that are not closed"),
    Parameter("mine", "truth", "Only those whose open task is yours to do"),
    Parameter("text", "text", "Only with this in number, title or subject"),
    Parameter("within", "text", "Only in the area of this code or below it"),
    Parameter(
        "sort",
        "text",
        "Order; with a leading - descending",
        choices=tuple(name for one in SORTS for name in (one, f"-{one}")),
    ),
    Parameter("limit", "whole", "Cases in one answer", minimum=1, maximum=500),
    Parameter("offset", "whole", "Cases passed over", minimum=0, maximum=LARGEST),
)


async def list_cases(call: Call) -> web.StreamResponse:
    """The cases that who asks may read."""
    values = read_parameters(call.request.query, LIST)
    found, total = await call.county.cases.find(
        call.actor,
        workflow=values.text("workflow"),
        state=values.text("state"),
        open_only=values.truth("open"),
        mine=call.actor if values.truth("mine") else None,
        text=values.text("text"),
        within=values.text("within"),
        sort=values.text("sort", "-opened"),
        limit=values.number("limit", 50),
        offset=values.number("offset", 0),
    )
    return call.answer(Cases([case_document(one.view) for one in found], total))


async def show_case(call: Call) -> web.StreamResponse:
    """One case with its history, tasks and the events that may be sent."""
    read_parameters(call.request.query, ())
    detail = await call.county.cases.get(call.actor, call.part("id"))
    return _with_version(call.answer(_detail_document(call, detail)), detail.view)


async def send_event(call: Call) -> web.StreamResponse:
    """Move a case; the same idempotency key does it once."""
    read_parameters(call.request.query, ())
    key = call.request.headers.get("Idempotency-Key", "")
    body = await call.json(CaseEvent)
    version = _expected_version(call, body)
    if not key:
        text = "is needed, so that sending it again does it once"
        raise RequestInvalid([Problem("header: Idempotency-Key", text)])
    view = await call.county.cases.send_event(
        call.part("id"),
        call.part("event"),
        data=body.data,
        actor=call.actor,
        expected_version=version,
        key=key,
        request=call.id,
    )
    return _with_version(call.answer(case_document(view)), view)


def _expected_version(call: Call, body: CaseEvent) -> int:
    if body.expected_version is not None:
        return body.expected_version
    given = call.request.headers.get("If-Match", "")
    found = _VERSION.fullmatch(given.strip())
    if found is None:
        text = "expected the version that you read, here or in If-Match"
        raise RequestInvalid([Problem("body: expected_version", text)])
    return int(found[1])


def _with_version(response: web.Response, view: CaseView) -> web.Response:
    response.headers["ETag"] = f'"{view.version}"'
    return response


def case_document(view: CaseView) -> CaseDocument:
    """A case as it is answered."""
    return CaseDocument(
        id=view.id,
        number=view.number,
        workflow=view.workflow,
        state=view.state,
        version=view.version,
        area=view.area,
        title=view.title,
        title_en=view.title_en,
        subject=view.subject,
        opened_at=rfc3339(view.opened_at),
        data=dict(view.data),
        units=list(view.units),
    )


def _detail_document(call: Call, detail: CaseDetail) -> CaseDetailDocument:
    return CaseDetailDocument(
        case=case_document(detail.view),
        history=[
            CaseEntry(
                sequence=one.sequence,
                event=one.event,
                from_state=one.from_state,
                to_state=one.to_state,
                actor=one.actor,
                at=rfc3339(one.at),
                data=dict(one.data),
            )
            for one in detail.history
        ],
        tasks=[
            CaseTask(
                title=call.words(one.title),
                state=one.state,
                role=one.role,
                unit=one.unit,
                created_at=rfc3339(one.created_at),
                ended_at=None if one.ended_at is None else rfc3339(one.ended_at),
                occurrence=one.occurrence,
                missed=one.missed,
                outcome=one.outcome,
                note=one.note,
                due_at=_due_at(detail) if one.occurrence and one.ended_at is None else None,
            )
            for one in detail.tasks
        ],
        events=[one.id for one in call.county.cases.actions(detail, call.actor)],
    )


def _due_at(detail: CaseDetail) -> str | None:
    """When the next occurrence of the case's recurring task opens."""
    return None if detail.timer is None else rfc3339(detail.timer.due_at)


ROUTES = (
    Route(
        "GET",
        "/api/v1/cases",
        list_cases,
        SIGNED_IN,
        Text(zh="事项列表", en="List cases"),
        "api",
        parameters=LIST,
        answers=Cases,
    ),
    Route(
        "GET",
        "/api/v1/cases/{id:[0-9]{1,19}}",
        show_case,
        SIGNED_IN,
        Text(zh="事项详情", en="Show a case with its history and tasks"),
        "api",
        answers=CaseDetailDocument,
        failures=(404,),
    ),
    Route(
        "POST",
        "/api/v1/cases/{id:[0-9]{1,19}}/events/{event:[a-z0-9_.-]{1,64}}",
        send_event,
        SIGNED_IN,
        Text(zh="办理事项", en="Move a case"),
        "api",
        headers=(
            ("Idempotency-Key", "The same key does it once"),
            ("If-Match", "The version that was read, where the body does not say it"),
        ),
        media=("application/json",),
        reads=CaseEvent,
        answers=CaseDocument,
        failures=(404, 409),
    ),
)
