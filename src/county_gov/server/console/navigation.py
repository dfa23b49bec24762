"""The core's pages: what each is called, and who finds it in the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.text import Text
from county_gov.server.jobs import sees_jobs
from county_gov.server.outbox import sees_outbox
from county_gov.server.records import readable_datasets
from county_gov.server.render import NavigationEntry
from county_gov.server.render.chrome import Icon

if TYPE_CHECKING:
    from county_gov.server.call import Call


@frozen(eq=False)
class CorePage:
    """A page of the core.

    Args:
        href: Its address.
        title: Its name.
        permission: What it needs; empty where anybody signed in may open it.
        icon: Its symbol in the navigation.
    """

    href: str
    title: Text
    permission: str = ""
    icon: Icon = "page"


OVERVIEW = CorePage("/", Text(zh="态势总览", en="Overview"), icon="dashboard")
ALERTS = CorePage(
    "/alerts", Text(zh="告警", en="Alerts"), permission="core.alerts.read", icon="alert"
)
CASES = CorePage("/cases", Text(zh="事项", en="Cases"), icon="case")
CATALOGUE = CorePage("/records", Text(zh="数据目录", en="Catalogue"), icon="records")
SETTINGS = CorePage("/parameters", Text(zh="参数设置", en="Settings"), icon="settings")
SOURCES = CorePage(
    "/sources", Text(zh="数据来源", en="Sources"), permission="core.sources.read", icon="source"
)
QUARANTINE = CorePage(
    "/quarantine",
    Text(zh="隔离数据", en="Quarantine"),
    permission="core.quarantine.read",
    icon="quarantine",
)
OUTBOX = CorePage(
    "/outbox", Text(zh="通知发送", en="Outbox"), permission="core.outbox.read", icon="outbox"
)
JOBS = CorePage("/jobs", Text(zh="定时任务", en="Jobs"), permission="core.jobs.read", icon="job")
PLUGINS = CorePage(
    "/plugins", Text(zh="插件", en="Plugins"), permission="core.plugins.read", icon="plugin"
)
CORE_PAGES = (
    OVERVIEW,
    ALERTS,
    CASES,
    CATALOGUE,
    SETTINGS,
    SOURCES,
    QUARANTINE,
    OUTBOX,
    JOBS,
    PLUGINS,
)
"""In the navigation's order."""


def navigation_of(call: Call) -> tuple[NavigationEntry, ...]:
    """The pages that who looks may open, the core's before those of plugins."""
    if call.session is None:
        return ()
    here = call.request.path
    entries = [
        NavigationEntry(one.title, one.href, _is_here(here, one.href), icon=one.icon)
        for one in CORE_PAGES
        if _may_open(call, one)
    ]
    pages = call.county.registry.contributions.pages.values()
    entries.extend(
        NavigationEntry(page.title, f"/{page.path}", _is_here(here, f"/{page.path}"), icon="chart")
        for page in sorted(pages, key=lambda page: (page.order, page.path))
        if call.actor.may(page.permission)
    )
    return tuple(entries)


def _may_open(call: Call, page: CorePage) -> bool:
    """Whether a page has something for who looks."""
    if page is OUTBOX:
        return sees_outbox(call, page.permission)
    if page is JOBS:
        return sees_jobs(call, page.permission) and bool(call.county.jobs.jobs)
    if page is SETTINGS:
        return call.county.parameters.sees_any(call.actor)
    if page is CATALOGUE:
        return bool(readable_datasets(call))
    if page is CASES:
        return handles_cases(call)
    return not page.permission or call.actor.may(page.permission)


def _is_here(path: str, href: str) -> bool:
    return path == href or (href != "/" and path.startswith(f"{href}/"))


def handles_cases(call: Call) -> bool:
    """Whether who looks may see cases of any kind; to others a zero would say what is not true."""
    cases = call.county.cases
    workflows = (*cases.workflows.values(), *cases.retired.values())
    return any(call.actor.may(one.read_permission) for one in workflows)
