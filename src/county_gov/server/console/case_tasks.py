"""The tasks on a case's page: whose turn it is, until when, and what became of each occurrence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from county_gov.cases.duty import NO_ROSTER, NOBODY_ON_DUTY, NOT_HOLDER
from county_gov.contract.page import Column, Row, Status, Table
from county_gov.contract.text import Text
from county_gov.server.console.listing import Listing
from county_gov.server.console.naming import role_title, unit_name
from county_gov.server.render import TaskRow

if TYPE_CHECKING:
    from county_gov.cases import CaseDetail
    from county_gov.contract.workflow import Workflow
    from county_gov.server.call import Call
    from county_gov.server.console.case_forms import Names
    from county_gov.store.tasks import TaskView, Timer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTES = {
    NOBODY_ON_DUTY: Text(zh="无人值班，均可办理", en="nobody is on duty: anyone of them may do it"),
    NOT_HOLDER: Text(
        zh="值班人员没有此岗位，均可办理",
        en="who is on duty does not hold this role: anyone of them may do it",
    ),
    NO_ROSTER: Text(
        zh="值班表无法读取，均可办理", en="the roster cannot be read: anyone of them may do it"
    ),
}
DONE = Text(zh="本次已完成", en="Done for now")
OPEN = Text(zh="待办理", en="To be done")
MISSED = Text(zh="已错过", en="Missed")
ENDED = Text(zh="已结束", en="Ended")
COLUMNS = (
    Column("number", Text(zh="次数", en="No."), sortable=False),
    Column("outcome", Text(zh="结果", en="Outcome"), "state", sortable=False),
    Column("opened", Text(zh="开始", en="Opened"), "instant", sortable=False),
    Column("ended", Text(zh="结束", en="Ended"), "instant", sortable=False),
    Column("who", Text(zh="由谁办理", en="Whose turn"), sortable=False),
    Column("by", Text(zh="办理人", en="Done by"), sortable=False),
)

Movers = Mapping[int | None, int | None]
"""Who moved a case, by when: the account's number, None for the system."""


def task_rows(call: Call, detail: CaseDetail, names: Names) -> tuple[TaskRow, ...]:
    """The open task, or when the next occurrence of the recurring one opens."""
    task, timer = detail.task, detail.timer
    if task is not None:
        return (_open_row(call, task, detail, names),)
    if timer is None:
        return ()
    last = next((one for one in reversed(detail.tasks) if one.occurrence), None)
    if last is None:
        return ()
    at = local_time(call, timer.due_at)
    words = Text(
        zh=f"下一次 {at} 开始。{_tally(detail).zh}",
        en=f"The next opens at {at}. {_tally(detail).en}",
    )
    role = role_title(call.county, last.role)
    title = _numbered(last.title, timer.occurrence)
    return (TaskRow(title, role, status="good", state=DONE, due_words=words),)


def occurrences(
    call: Call, detail: CaseDetail, workflow: Workflow | None, names: Names
) -> tuple[Table, ...]:
    """What became of each occurrence, latest first; nothing where no task recurs."""
    found = [one for one in reversed(detail.tasks) if one.occurrence]
    if not found:
        return ()
    listing = Listing.read(call.request.query, "occurrences", (), "")
    shown = found[listing.offset : listing.offset + listing.size]
    moved_by: Movers = {entry.at: entry.account for entry in detail.history}
    table = Table(
        id="occurrences",
        title=Text(zh="各次办理情况", en="What became of each occurrence"),
        columns=COLUMNS,
        rows=tuple(_occurrence_row(call, one, workflow, names, moved_by) for one in shown),
        total=len(found),
        empty=Text(zh="还没有。", en="None yet."),
        page=listing.page,
        page_size=listing.size,
    )
    return (table,)


def _open_row(call: Call, task: TaskView, detail: CaseDetail, names: Names) -> TaskRow:
    actor = call.actor
    mine = (task.account is None or task.account == actor.account) and any(
        post.role == task.role
        and post.area in detail.lineage
        and (task.unit is None or task.unit == post.unit)
        for post in actor.posts
    )
    assignee = _assignee(call, task, names)
    timer = detail.timer
    if not task.occurrence or timer is None:
        return TaskRow(title=task.title, assignee=assignee, mine=mine)
    return TaskRow(
        title=_numbered(task.title, task.occurrence),
        assignee=assignee,
        mine=mine,
        status="notice",
        state=OPEN,
        due_at=timer.due_at,
        due_words=_recurrence(timer, _tally(detail)),
    )


def _assignee(call: Call, task: TaskView, names: Names) -> Text:
    role = role_title(call.county, task.role)
    if task.account is not None:
        return names.account(task.account)
    if task.unit is not None:
        unit = unit_name(call.county.registers.snapshot, task.unit)
        role = Text(
            zh=f"{unit.zh} {role.zh}", en=f"{unit.in_language('en')}, {role.in_language('en')}"
        )
    note = NOTES.get(task.note)
    if note is None:
        return role
    return Text(zh=f"{role.zh}（{note.zh}）", en=f"{role.in_language('en')} ({note.en})")


def _recurrence(timer: Timer, tally: Text) -> Text:
    """How often the task recurs, and how it went so far."""
    minutes = timer.every // 60_000_000
    if minutes % 60:
        zh, en = f"每 {minutes} 分钟一次", f"Every {minutes} minutes"
    else:
        hours = minutes // 60
        zh, en = f"每 {hours} 小时一次", "Every hour" if hours == 1 else f"Every {hours} hours"
    return Text(zh=f"{zh}。{tally.zh}", en=f"{en}. {tally.en}")


def _tally(detail: CaseDetail) -> Text:
    """How many occurrences were done and how many missed, in all stays in the state."""
    recurring = [one for one in detail.tasks if one.occurrence]
    missed = sum(one.missed for one in recurring)
    done = sum(one.ended_at is not None and not one.missed for one in recurring)
    return Text(zh=f"已办 {done} 次，错过 {missed} 次", en=f"{done} done, {missed} missed")


def _numbered(title: Text, number: int) -> Text:
    return Text(zh=f"{title.zh}（第 {number} 次）", en=f"{title.in_language('en')} (no. {number})")


def _occurrence_row(
    call: Call, task: TaskView, workflow: Workflow | None, names: Names, moved_by: Movers
) -> Row:
    number = str(task.occurrence)
    if task.missed > 1:
        number = f"{task.occurrence}–{task.occurrence + task.missed - 1}"
    words, status = _outcome(task, workflow)
    return Row(
        {
            "number": number,
            "outcome": status,
            "opened": task.created_at,
            "ended": task.ended_at,
            "who": task.role,
            "by": "" if task.missed else names.actor(task.ended_by, moved_by.get(task.ended_at)),
        },
        texts={"outcome": words, "who": _assignee(call, task, names)},
    )


def _outcome(task: TaskView, workflow: Workflow | None) -> tuple[Text, Status]:
    if task.ended_at is None:
        return OPEN, "notice"
    if task.missed:
        return MISSED, "warning"
    event = workflow.event(task.outcome) if workflow else None
    return (event.title if event else ENDED), "good"


def local_time(call: Call, instant: int) -> str:
    """An instant in the county's time, as words need it."""
    moment = EPOCH + timedelta(microseconds=instant)
    zone = ZoneInfo(call.county.settings.county.timezone)
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
