"""People in front of a browser: they log in, at a desk or on a phone, and nothing may go wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.server.render.preview import SIZES, settle
from tests.server.render.test_browser import grave_findings

if TYPE_CHECKING:
    from playwright.sync_api import StorageState

    from tests.browser.site import Site

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WRITES = os.environ.get("COUNTY_GOV_WRITE_SCREENSHOTS") == "1"
LIVE_SECONDS = 10.0
"""Within so long a change is seen without reloading."""


@define(eq=False)
class Visitors:
    """Opens pages for people, and hears what their browsers complain of.

    Args:
        browser: The one browser of all.
        site: The county.
        complaints: Errors and warnings of the consoles, where broken policies and scripts are told.
    """

    browser: Browser
    site: Site
    complaints: list[str] = field(factory=list)
    _sessions: dict[str, StorageState] = field(factory=dict)

    def stranger(
        self, size: str = "desk", *, scripts: bool = True, session: StorageState | None = None
    ) -> Page:
        """A page of somebody who is not logged in."""
        width, height = SIZES[size]

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        context = self.browser.new_context(
            base_url=self.site.address,
            viewport={"width": width, "height": height},
            has_touch=size == "phone",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            storage_state=session,
            locale="zh-CN",
        )
        page = context.new_page()
        page.set_default_timeout(LIVE_SECONDS * 1000)
        page.on("console", hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def person(self, login: str, size: str = "desk", *, scripts: bool = True) -> Page:
        """A page of somebody who has logged in by the form, and sees the overview."""
        page = self.stranger(size, scripts=scripts, session=self._sessions.get(login))
        page.goto("/")
        if login not in self._sessions:
            page.get_by_label("账号").fill(login)
            page.get_by_label("密码").fill(self.site.passwords[login])
            page.get_by_role("button", name="登录").click()
            expect(page.locator("header.top .who")).to_be_visible()
            self._sessions[login] = page.context.storage_state()
        return page

    def forgive(self, status: int) -> None:
        """Take back the browser's remark that a page was answered with this status."""
        remark = f"status of {status} "
        kept = [one for one in self.complaints if remark not in one]
        assert len(kept) < len(self.complaints), self.complaints
        self.complaints[:] = kept


def figure(page: Page, label: str) -> int:
    """A figure of the overview."""
    return int(page.locator(".figure", has_text=label).locator(".value > span").first.inner_text())


def expect_figure(page: Page, label: str, value: int) -> None:
    """Wait until a figure of the overview has this value."""
    shown = page.locator(".figure", has_text=label).locator(".value > span").first
    expect(shown).to_have_text(str(value), timeout=LIVE_SECONDS * 1000)


def case_of(page: Page, station: str) -> str:
    """The address of a station's case, from the list of cases, once it is there."""
    page.goto("/cases")
    row = page.locator("#view-cases tbody tr", has_text=station)
    expect(row).to_have_count(1, timeout=LIVE_SECONDS * 1000)
    return row.locator("a").get_attribute("href") or ""


def look(page: Page, name: str, found: dict[str, list[str]]) -> None:
    """Look at a page at every size; what is gravely wrong is noted under its name."""
    settle(page)
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        wrong = grave_findings(page)
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wrong.append("wider than the window")
        if wrong:
            found[f"{name} {size}"] = wrong
    page.set_viewport_size({"width": 1440, "height": 900})


def choose(page: Page, label: str, person: str) -> None:
    """Choose a person from a list."""
    page.get_by_label(label, exact=True).select_option(label=person)


def write_image(page: Page, name: str) -> None:
    """Take a picture of what is seen, for the documentation, where that is asked for."""
    if WRITES:
        settle(page)
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(IMAGES / f"{name}.png"), animations="disabled")
