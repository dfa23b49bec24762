"""The frame round a page, and drawing it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.contract.text import Text
from county_gov.server import cookies
from county_gov.server.console.naming import area_name
from county_gov.server.jobs import sees_jobs
from county_gov.server.outbox import sees_outbox
from county_gov.server.records import readable_datasets
from county_gov.server.render import Chrome, Flash, NavigationEntry, Person, ProblemSheet
from county_gov.server.render.chrome import Icon

if TYPE_CHECKING:
    from county_gov.server.call import Call
    from county_gov.server.problems import Failure

FLASHES: Mapping[str, Flash] = MappingProxyType(
    {
        "moved": Flash(
            Text(zh="已提交，记录已保存。", en="Done, and recorded."),
            Text(zh="事项已转入下一环节。", en="The case has gone on to its next step."),
        ),
        "done": Flash(Text(zh="已办理，记录已保存。", en="Done, and recorded.")),
        "retried": Flash(
            Text(zh="已重新接收该数据。", en="The row was taken in again."),
            Text(zh="如仍有问题，会带着新的原因留在此处。", en="If it still fails, it says why."),
        ),
        "refused": Flash(
            Text(zh="该数据仍无法接收。", en="The row still cannot be accepted."),
            Text(zh="请查看新的原因，改正后再试。", en="Look at the new reason and try again."),
            status="warning",
        ),
        "dismissed": Flash(Text(zh="已作废该数据。", en="The row was put aside.")),
        "requeued": Flash(
            Text(zh="通知将重新发送。", en="The notice will be sent again."),
        ),
        "record_saved": Flash(Text(zh="已保存。", en="Saved.")),
        "record_removed": Flash(
            Text(zh="已删除该记录。", en="The row was removed."),
            Text(zh="变更经过仍可查看。", en="Its history can still be read."),
        ),
        "records_imported": Flash(
            Text(zh="导入完成。", en="The file was imported."),
            Text(zh="列表已是导入后的内容。", en="The list shows what there is now."),
        ),
        "parameter_proposed": Flash(
            Text(zh="已提交。", en="Sent."),
            Text(zh="经另一人批准后生效。", en="It holds once somebody else approves it."),
        ),
        "parameter_approved": Flash(
            Text(zh="已批准。", en="Approved."),
            Text(zh="从生效日期起按新值判断。", en="It counts from the day on which it holds."),
        ),
        "parameter_rejected": Flash(
            Text(zh="未批准该值。", en="The value was rejected."),
            Text(zh="提出人会收到通知。", en="Who proposed it is told."),
        ),
        "parameter_withdrawn": Flash(Text(zh="已撤回。", en="Taken back.")),
        "job_asked": Flash(
            Text(zh="已安排执行。", en="It will run now."),
            Text(zh="结果稍后出现在执行记录中。", en="Its outcome appears among the runs."),
        ),
        "records_partly": Flash(
            Text(zh="导入完成，退回的行没有导入。", en="Imported, but for the rejected rows."),
            Text(
                zh="请下载退回的行，改正后再导入。",
                en="Take the rejected rows back, put them right, and import them.",
            ),
            status="warning",
        ),
        "session_ended": Flash(Text(zh="已结束该处登录。", en="That session was ended.")),
        "password_changed": Flash(
            Text(zh="密码已更改。", en="The password was changed."),
            Text(zh="其他设备上的登录已全部结束。", en="You are logged out everywhere else."),
        ),
        "language": Flash(Text(zh="界面语言已更改。", en="The language was changed.")),
        "logged_out": Flash(Text(zh="您已退出登录。", en="You are logged out.")),
    }
)
"""What was done, by the code that the cookie carries; any other code says nothing."""

CORE_PAGES: tuple[tuple[str, Text, str, Icon], ...] = (
    ("/", Text(zh="态势总览", en="Overview"), "", "dashboard"),
    ("/alerts", Text(zh="告警", en="Alerts"), "core.alerts.read", "alert"),
    ("/cases", Text(zh="事项", en="Cases"), "", "case"),
    ("/records", Text(zh="数据目录", en="Catalogue"), "", "records"),
    ("/parameters", Text(zh="参数设置", en="Settings"), "", "page"),
    ("/sources", Text(zh="数据来源", en="Sources"), "core.sources.read", "source"),
    ("/quarantine", Text(zh="隔离数据", en="Quarantine"), "core.quarantine.read", "quarantine"),
    ("/outbox", Text(zh="通知发送", en="Outbox"), "core.outbox.read", "page"),
    ("/jobs", Text(zh="定时任务", en="Jobs"), "core.jobs.read", "page"),
    ("/plugins", Text(zh="插件", en="Plugins"), "core.plugins.read", "page"),
)
"""Address, title, permission (empty: anybody signed in), symbol."""

LIVE = ("observations", "alert", "case")


async def draw(
    call: Call,
    template: str,
    *,
    title: Text,
    headline: Text | None = None,
    refresh_on: tuple[str, ...] = (),
    status: int = HTTPStatus.OK,
    flash: Flash | None = None,
    **values: object,
) -> web.Response:
    """Draw a page, or with ``?fragment=1`` only its content."""
    fragment = call.request.query.get("fragment") == "1"
    said = "" if fragment else call.request.cookies.get(cookies.FLASH, "")
    chrome = Chrome(
        county_name=call.county.settings.county.name,
        title=title,
        headline=headline,
        path=call.path,
        now=call.now,
        navigation=_navigation(call),
        area_scope=_area_scope(call),
        person=_person(call),
        search="/cases" if call.session and handles_cases(call) else "",
        events="/events" if call.session else "",
        refresh_on=refresh_on,
        flash=flash or FLASHES.get(said),
        timezone=call.county.settings.county.timezone,
        attributions=call.county.settings.county.attributions,
        request_id=call.id,
    )
    renderer, language = call.service.renderer, call.language
    html = await asyncio.to_thread(
        lambda: renderer.page(
            template, language=language, chrome=chrome, fragment=fragment, **values
        )
    )
    response = web.Response(text=html, status=status, content_type="text/html")
    if said:
        cookies.drop_flash(response, secure=call.secure)
    return response


def handles_cases(call: Call) -> bool:
    """Whether who looks may see cases of any kind; to others a zero would say what is not true."""
    cases = call.county.cases
    workflows = (*cases.workflows.values(), *cases.retired.values())
    return any(call.actor.may(one.read_permission) for one in workflows)


def _navigation(call: Call) -> tuple[NavigationEntry, ...]:
    if call.session is None:
        return ()
    here = call.request.path
    entries = [
        NavigationEntry(title, href, _is_here(here, href), icon=icon)
        for href, title, permission, icon in CORE_PAGES
        if _may_open(call, href, permission)
    ]
    pages = call.county.registry.contributions.pages.values()
    entries.extend(
        NavigationEntry(page.title, f"/{page.path}", _is_here(here, f"/{page.path}"), icon="chart")
        for page in sorted(pages, key=lambda page: (page.order, page.path))
        if call.actor.may(page.permission)
    )
    return tuple(entries)


def _may_open(call: Call, href: str, permission: str) -> bool:
    """Whether a page has something for who looks."""
    if href == "/outbox":
        return sees_outbox(call, permission)
    if href == "/jobs":
        return sees_jobs(call, permission) and bool(call.county.jobs.jobs)
    if href == "/parameters":
        return call.county.parameters.sees_any(call.actor)
    if href == "/records":
        return bool(readable_datasets(call))
    return call.actor.may(permission) if permission else href != "/cases" or handles_cases(call)


def _is_here(path: str, href: str) -> bool:
    return path == href or (href != "/" and path.startswith(f"{href}/"))


def _area_scope(call: Call) -> Text | None:
    areas = list(dict.fromkeys(post.area for post in call.actor.posts))
    if not areas:
        return None
    names = [area_name(call.county.registers.snapshot, code) for code in areas]
    return Text(
        zh="、".join(name.zh for name in names),
        en=", ".join(name.in_language("en") for name in names),
    )


def _person(call: Call) -> Person | None:
    if call.session is None:
        return None
    known = call.county.settings.roles
    roles = dict.fromkeys(post.role for post in call.actor.posts)
    return Person(
        call.actor.name,
        tuple(known[role].title if role in known else Text(zh=role) for role in roles),
    )


WHY: Mapping[int, Text] = MappingProxyType(
    {
        401: Text(zh="登录已过期，或尚未登录。", en="The session has ended, or there was none."),
        403: Text(zh="您的岗位不包含这项权限。", en="Your posts do not include this permission."),
        404: Text(zh="地址有误，或内容不在您的辖区。", en="Nothing is there for you to see."),
        409: Text(
            zh="您打开之后，别人已先办理，或当前环节不允许这样做。",
            en="Somebody acted first, or its present step does not allow this.",
        ),
        413: Text(zh="超过了一次可提交的大小。", en="It is more than is taken at once."),
        429: Text(zh="短时间内请求太多。", en="There were too many in a short time."),
        500: Text(zh="错误已记录。", en="The failure was recorded."),
        503: Text(zh="系统正在停止或存储空间不足。", en="It is stopping, or its disk is full."),
    }
)
UNCLEAR = Text(zh="提交的内容不符合要求。", en="It is not what this page expects.")
HOME = Text(zh="返回首页", en="Go to the overview")


async def draw_failure(call: Call, failure: Failure) -> web.StreamResponse:
    """The page that tells a person what happened, why, and what to do."""
    words = failure.words
    sheet = ProblemSheet(
        status=failure.status,
        what=words.what,
        why=failure.why or WHY.get(failure.status, UNCLEAR),
        next_step=words.next_step,
        href="/",
        link=HOME,
    )
    return await draw(call, "problem.html", title=words.what, status=failure.status, problem=sheet)
