"""Every page as everybody meets it: accessible, within the policy, and not too wide."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visitors import Visitors, case_of, look

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]
PAGES = {
    "dispatch1": (
        "/",
        "/alerts?state=all",
        "/alerts/1",
        "/cases?show=all",
        "/cases/1",
        "/datastreams/aotizhongxin.pm25",
        "/sources",
        "/quarantine",
        "/outbox",
        "/sensors/stations",
        "/account",
    ),
    "grid-mailang": ("/", "/cases/1"),
    "admin": ("/", "/cases"),
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_accessible_and_keeps_the_policy(
    visitors: Visitors, site: Site, language: str
) -> None:
    """No serious finding, nothing on the console, no sideways scroll, at any size."""
    site.deliver("nobody.pm25", 1.0)
    found: dict[str, list[str]] = {}
    login = visitors.stranger()
    login.goto(f"/login?lang={language}")
    look(login, f"{language} /login", found)
    for person, paths in PAGES.items():
        page = visitors.person(person)
        for path in paths:
            page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
            look(page, f"{language} {person} {path}", found)
        page.context.close()
    assert {} == found


def test_what_is_not_there_says_so(visitors: Visitors) -> None:
    """An address of nothing is a page with the way out, in the language of who looks."""
    page = visitors.person("dispatch1")
    for path in ("/cases/999999", "/alerts/999999", "/datastreams/nothing", "/nowhere"):
        answer = page.goto(path)
        assert answer is not None
        assert 404 == answer.status
        expect(page.locator("main")).to_contain_text("返回首页")
    visitors.forgive(404)


def test_a_page_in_the_dark_is_accessible(visitors: Visitors) -> None:
    """Contrast holds with the dark colours as well."""
    page = visitors.person("dispatch1")
    page.emulate_media(color_scheme="dark")
    found: dict[str, list[str]] = {}
    for path in ("/", "/cases/1", "/quarantine"):
        page.goto(path)
        look(page, path, found)
    assert {} == found


def test_a_case_says_what_it_was_opened_for(visitors: Visitors) -> None:
    """A case names its datastream and shows its alerts, also when they are over."""
    page = visitors.person("dispatch1")
    page.goto(case_of(page, "顺义"))
    expect(page.locator("#view-case-alerts tbody tr").first).to_contain_text("关注")
    expect(page.locator(".pairs a").first).to_have_text("顺义站 细颗粒物（PM2.5）")
