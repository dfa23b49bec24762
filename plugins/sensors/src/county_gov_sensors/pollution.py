"""The pollution case: dispatch, look for the source on site, handle, verify, close."""

from __future__ import annotations

from collections.abc import Mapping

from county_gov.api import (
    Actor,
    CaseView,
    Event,
    Field,
    Notice,
    Permission,
    Schema,
    State,
    TaskSpec,
    Text,
    Value,
    Workflow,
)

WORKFLOW = "sensors.pollution"
READ = f"{WORKFLOW}.read"
DISPATCH = f"{WORKFLOW}.dispatch"
REPORT = f"{WORKFLOW}.report"
HANDLE = f"{WORKFLOW}.handle"
CLOSE = f"{WORKFLOW}.close"

PERMISSIONS = (
    Permission(READ, Text(zh="查看污染处置案件", en="See pollution cases")),
    Permission(DISPATCH, Text(zh="派单", en="Dispatch pollution cases")),
    Permission(REPORT, Text(zh="上报现场查找结果", en="Report what was found on site")),
    Permission(HANDLE, Text(zh="签收、处置并反馈", en="Sign for, handle and feed back")),
    Permission(CLOSE, Text(zh="核查并结案", en="Verify and close pollution cases")),
)

CENTRE = "dispatch_centre"
WORKER = "grid_worker"
DEPARTMENT = "department_officer"


def only_the_assigned_worker(
    case: CaseView, actor: Actor, _data: Mapping[str, Value]
) -> Text | None:
    """The grid worker to whom the case was dispatched reports, and nobody else."""
    if actor.account is not None and case.data.get("worker_account") == actor.account:
        return None
    return Text(
        zh="此单已派给另一名网格员，只有被派单的网格员可以上报或退回",
        en="Another grid worker has this case: only that person may report or return it",
    )


def a_found_source_is_described(
    _case: CaseView, _actor: Actor, data: Mapping[str, Value]
) -> Text | None:
    """Whoever reports that the source was found says what and where it is."""
    if data.get("source_found") != "yes" or str(data.get("source_description") or "").strip():
        return None
    return Text(
        zh="已查到污染源：请填写污染源是什么、在哪里",
        en="The source was found: say what it is and where",
    )


def _text(name: str, zh: str, en: str, *, required: bool = True) -> Field:
    return Field(name, "text", Text(zh, en), maximum=2000, required=required, multiline=True)


def _notice(to: str, zh: str, en: str, body_zh: str, body_en: str) -> Notice:
    return Notice(
        to=to,
        subject=Text(zh=f"{zh}：{{title}}（{{number}}）", en=f"{en}: {{title}} ({{number}})"),
        body=Text(zh=body_zh, en=body_en),
    )


STATES = (
    State(
        "dispatch",
        Text(zh="待派单", en="To be dispatched"),
        TaskSpec(Text(zh="派单给网格员", en="Dispatch to a grid worker"), CENTRE),
    ),
    State(
        "on_site",
        Text(zh="现场查找", en="Looking for the source"),
        TaskSpec(
            Text(zh="到现场查找污染源并上报", en="Look for the source on site and report"),
            WORKER,
            assignee="worker_account",
        ),
    ),
    State(
        "signing",
        Text(zh="待签收", en="To be signed for"),
        TaskSpec(Text(zh="签收", en="Sign for"), DEPARTMENT),
    ),
    State(
        "handling",
        Text(zh="处置中", en="Being handled"),
        TaskSpec(Text(zh="处置并反馈", en="Handle and feed back"), DEPARTMENT),
    ),
    State(
        "feedback",
        Text(zh="待核查", en="To be verified"),
        TaskSpec(Text(zh="核查并结案", en="Verify and close"), CENTRE),
    ),
    State("closed", Text(zh="已结案", en="Closed"), final=True),
)

_REASON = Schema((_text("return_reason", "退回原因", "Reason for returning"),))

_DISPATCH = Event(
    id="dispatch",
    title=Text(zh="派单", en="Dispatch"),
    sources=("dispatch",),
    target="on_site",
    permission=DISPATCH,
    form=Schema(
        (
            Field("worker_account", "int64", Text(zh="网格员", en="Grid worker")),
            _text("dispatch_note", "派单说明", "Note", required=False),
        )
    ),
    assigns_person="worker_account",
    notices=(
        _notice(
            WORKER,
            "请到现场查找污染源",
            "Please look for the source on site",
            "{area}出现污染告警，已派单给您。派单说明：{dispatch_note}",
            "There is a pollution alert in {area}; the case is yours. Note: {dispatch_note}",
        ),
    ),
)
_REASSIGN = Event(
    id="reassign",
    title=Text(zh="改派", en="Give to another worker"),
    sources=("on_site",),
    target="on_site",
    permission=DISPATCH,
    form=_DISPATCH.form,
    assigns_person="worker_account",
    any_holder=True,
    notices=_DISPATCH.notices,
)
_REPORT = Event(
    id="report",
    title=Text(zh="上报", en="Report"),
    sources=("on_site",),
    target="signing",
    permission=REPORT,
    form=Schema(
        (
            Field(
                "source_found",
                "text",
                Text(zh="是否查到污染源", en="Was the source found?"),
                choices=(
                    ("yes", Text(zh="已查到", en="Yes")),
                    ("no", Text(zh="未查到", en="No")),
                    ("unknown", Text(zh="不能确定", en="Cannot tell")),
                ),
            ),
            _text("source_description", "现场情况", "What was seen", required=False),
        )
    ),
    guards=(only_the_assigned_worker, a_found_source_is_described),
    notices=(
        _notice(
            DEPARTMENT,
            "请签收",
            "Please sign for",
            "网格员已上报：{source_found}。现场情况：{source_description}",
            "The grid worker has reported: {source_found}. What was seen: {source_description}",
        ),
    ),
)
_RETURN_TO_CENTRE = Event(
    id="return_to_centre",
    title=Text(zh="退回指挥中心", en="Return to the centre"),
    sources=("on_site",),
    target="dispatch",
    permission=REPORT,
    form=_REASON,
    guards=(only_the_assigned_worker,),
    notices=(
        _notice(
            CENTRE,
            "网格员退回，请重新派单",
            "Returned, please dispatch again",
            "退回原因：{return_reason}",
            "Reason: {return_reason}",
        ),
    ),
)
_SIGN_FOR = Event(
    id="sign_for",
    title=Text(zh="签收", en="Sign for"),
    sources=("signing",),
    target="handling",
    permission=HANDLE,
)
_SEND_BACK = Event(
    id="send_back",
    title=Text(zh="退回", en="Send back"),
    sources=("signing",),
    target="dispatch",
    permission=HANDLE,
    form=_REASON,
    notices=(
        _notice(
            CENTRE,
            "部门退回，请重新派单",
            "Sent back by the department, please dispatch again",
            "退回原因：{return_reason}",
            "Reason: {return_reason}",
        ),
    ),
)
_FEED_BACK = Event(
    id="feed_back",
    title=Text(zh="反馈", en="Feed back"),
    sources=("handling",),
    target="feedback",
    permission=HANDLE,
    form=Schema((_text("measure_taken", "采取的措施", "Measure taken"),)),
    notices=(
        _notice(
            CENTRE,
            "已反馈，请核查",
            "Fed back, please verify",
            "采取的措施：{measure_taken}",
            "Measure taken: {measure_taken}",
        ),
    ),
)
_HANDLE_AGAIN = Event(
    id="handle_again",
    title=Text(zh="退回重办", en="Have it handled again"),
    sources=("feedback",),
    target="handling",
    permission=CLOSE,
    form=_REASON,
    notices=(
        _notice(
            DEPARTMENT,
            "退回重办",
            "Please handle again",
            "退回原因：{return_reason}",
            "Reason: {return_reason}",
        ),
    ),
)
_CLOSE = Event(
    id="close",
    title=Text(zh="结案", en="Close"),
    sources=("feedback",),
    target="closed",
    permission=CLOSE,
    form=Schema((_text("remark", "结案意见", "Remark", required=False),)),
    consequence=Text(
        zh="结案后不能再办理此案，办理过程保留。",
        en="A closed case cannot be worked on any more; its history is kept.",
    ),
    notices=(
        _notice(
            "participants",
            "已结案",
            "Closed",
            "结案意见：{remark}",
            "Remark: {remark}",
        ),
    ),
)
_DISMISS = Event(
    id="dismiss",
    title=Text(zh="不派单，直接结案", en="Close without dispatching"),
    sources=("dispatch",),
    target="closed",
    permission=CLOSE,
    form=Schema((_text("remark", "结案意见", "Remark"),)),
    consequence=Text(
        zh="此案将不派单即结案，例如告警已被迟到数据撤销；请写明理由。",
        en="The case is closed and nobody is sent out, for example because late data withdrew the"
        " alert; say why.",
    ),
)

POLLUTION = Workflow(
    id=WORKFLOW,
    title=Text(zh="污染告警处置", en="Pollution case"),
    version=1,
    number="WR-{county}-{year}-{serial:06}",
    initial="dispatch",
    states=STATES,
    events=(
        _DISPATCH,
        _REASSIGN,
        _REPORT,
        _RETURN_TO_CENTRE,
        _SIGN_FOR,
        _SEND_BACK,
        _FEED_BACK,
        _HANDLE_AGAIN,
        _CLOSE,
        _DISMISS,
    ),
    read_permission=READ,
    opened_notices=(
        _notice(
            CENTRE,
            "新污染告警，请派单",
            "New pollution alert, please dispatch",
            "{area}出现污染告警，监测数据流：{subject}",
            "There is a pollution alert in {area}; datastream: {subject}",
        ),
    ),
)
