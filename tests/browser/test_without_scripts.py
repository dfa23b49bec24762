"""Reading and acting where scripts do not run: an old phone, a locked-down desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visitors import Visitors, case_of, choose

pytestmark = [pytest.mark.service, pytest.mark.timeout(120)]


def test_a_case_is_carried_to_closed_without_scripts(visitors: Visitors, site: Site) -> None:
    """Log in, dispatch, report, handle and close by plain forms; the consequence is a box."""
    site.deliver("dongsi.pm25", 288.0)
    centre = visitors.person("dispatch1", scripts=False)
    # Nothing renews itself here: the list is asked again until the case has been opened.
    address = case_of(visitors.person("dispatch2"), "东四")
    centre.goto(address)
    expect(centre.locator(".chart-canvas")).to_be_hidden()
    choose(centre, "网格员", "示范·丁")
    centre.get_by_role("button", name="派单", exact=True).click()
    expect(centre.locator(".flash")).to_contain_text("已提交")

    worker = visitors.person("grid-wangshu", "phone", scripts=False)
    worker.locator("#view-tasks a").first.click()
    worker.get_by_label("已查到").check()
    worker.get_by_role("button", name="上报", exact=True).click()
    expect(worker.locator(".errors, .to-do .error").first).to_contain_text("污染源")
    expect(worker.get_by_label("已查到")).to_be_checked()
    visitors.forgive(409)
    worker.get_by_label("现场情况").fill("路边焚烧落叶")
    worker.get_by_role("button", name="上报", exact=True).click()
    expect(worker.locator(".flash")).to_contain_text("已提交")

    officer = visitors.person("environment1", scripts=False)
    officer.goto(address)
    officer.get_by_role("button", name="签收", exact=True).click()
    officer.get_by_label("采取的措施").fill("已扑灭并劝导")
    officer.get_by_role("button", name="反馈", exact=True).click()

    centre.goto(address)
    close = centre.locator("#action-close")
    close.get_by_label("是，我确认").check()
    close.get_by_role("button", name="结案").click()
    expect(centre.locator(".page-head")).to_contain_text("已结案")
