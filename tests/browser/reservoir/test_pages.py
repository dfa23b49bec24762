"""The pages that the reservoir brings: accessible, within the policy, and not too wide."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reservoir.county import KEEPER
from tests.browser.visitors import Visitors, look

pytestmark = [pytest.mark.service, pytest.mark.timeout(480)]
PAGES = {
    "flood1": (
        "/",
        "/reservoir/levels",
        "/records",
        "/records/reservoir.reservoirs",
        "/records/reservoir.reservoirs/new",
        "/records/reservoir.reservoirs/fields",
        "/records/reservoir.roster",
        "/records/reservoir.reports",
        "/parameters",
        "/parameters/reservoir.flood_limit",
        "/jobs",
        "/jobs/reservoir.daily_report",
        "/plugins",
        "/alerts/1",
        "/cases/1",
    ),
    KEEPER: ("/", "/cases/1", "/reservoir/levels", "/records/reservoir.roster"),
    "engineer1": ("/", "/parameters/reservoir.flood_limit"),
}
FILE = (
    "编码,名称,所在区域,坝顶高程,生效日期\n"
    "luye,鹿野水库,990101102,161,2026-01-01\n"
    "tingtao,听涛水库,990101100,高,2026-01-01\n"
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_accessible_and_keeps_the_policy(visitors: Visitors, language: str) -> None:
    """No serious finding, nothing on the console, no sideways scroll, at any size."""
    found: dict[str, list[str]] = {}
    for person, paths in PAGES.items():
        page = visitors.person(person)
        for path in paths:
            answer = page.goto(f"{path}?lang={language}")
            assert answer is not None
            assert 200 == answer.status, path
            look(page, f"{language} {person} {path}", found)
        page.context.close()
    assert {} == found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_pages_answer_is_accessible(visitors: Visitors, language: str, tmp_path: Path) -> None:
    """A row with its history, a preview with a rejected row, and forms with their errors, too."""
    found: dict[str, list[str]] = {}
    page = visitors.person("flood1")

    page.goto(f"/records/reservoir.reservoirs?lang={language}")
    page.locator("#view-rows tbody a, main table tbody a").first.click()
    expect(page.locator(".timeline").first).to_be_visible()
    look(page, "a row", found)

    file = tmp_path / "reservoirs.csv"
    file.write_text(FILE, encoding="utf-8")
    page.goto("/records/reservoir.reservoirs/import")
    page.locator("#upload").set_input_files(file)
    page.locator("form.action-form button.submit").click()
    expect(page.locator("#view-file tbody tr")).to_have_count(2)
    look(page, "a preview", found)

    for path in (
        "/records/reservoir.reservoirs/new",
        "/parameters/reservoir.flood_limit",
        "/reservoir/levels",
    ):
        _send_empty(page, path)
        look(page, f"{path} with errors", found)
    visitors.forgive(422)
    assert {} == found


def _send_empty(page: Page, path: str) -> None:
    """Send the first form of a page as it is, though the browser would not."""
    page.goto(path)
    page.evaluate(
        "() => document.querySelectorAll('main form').forEach((one) => { one.noValidate = true; })"
    )
    page.locator("main form[method=post] button.submit").first.click()
    expect(page.locator(".errors")).to_be_visible()
