"""Two officers at once: one acts, the other is told, and nothing typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visitors import LIVE_SECONDS, Visitors, choose

pytestmark = [pytest.mark.service, pytest.mark.timeout(120)]


def test_of_two_tabs_the_second_is_told_and_loses_nothing(visitors: Visitors, site: Site) -> None:
    """Two officers dispatch the same case; the second sees who was first, and keeps the words."""
    site.deliver("changping.pm25", 305.0)
    first, second = visitors.person("dispatch1"), visitors.person("dispatch2")
    first.goto("/cases")
    link = first.locator("#view-cases tbody tr", has_text="昌平").locator("a")
    expect(link).to_be_visible(timeout=LIVE_SECONDS * 1000)
    link.click()
    second.goto(first.url)
    for page in (first, second):
        choose(page, "网格员", "示范·戊")
    second.get_by_label("派单说明").fill("第二位值班员写的说明，不能丢")
    first.get_by_role("button", name="派单", exact=True).click()
    expect(first.locator(".flash")).to_contain_text("已提交")
    expect(second.locator("[data-changed]")).to_be_visible()
    expect(second.get_by_label("派单说明")).to_have_value("第二位值班员写的说明，不能丢")

    second.get_by_role("button", name="派单", exact=True).click()

    expect(second.locator(".flash")).to_contain_text("别人已先办理")
    expect(second.locator("main")).to_contain_text("第二位值班员写的说明，不能丢")
    expect(second.locator("#view-history")).to_contain_text("示范·甲")
    visitors.forgive(409)
