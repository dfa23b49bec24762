"""What a person meets in a real browser: under the strict policy, at three sizes, live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from county_gov.contract.page import Figures
from county_gov.server.render import LANGUAGES, CaseSheet
from tests.server.render.preview import SIZES, Stage, browser, drawn, served, settle
from tests.server.render.specimens import renderer, specimens

pytestmark = pytest.mark.service
AXE = Path(__file__).parents[2] / "vendor" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def chrome(chromium: Path) -> Iterator[Browser]:
    """The system's browser."""
    with browser(chromium) as running:
        yield running


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Every specimen, served under the strict policy."""
    with served(drawn()) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the browser says on its console, where broken policies and scripts are told."""
    return []


def opened(chrome: Browser, size: str, complaints: list[str], *, dark: bool = False) -> Page:
    """A new page of a size; the test's own tools may run beside the page's policy."""
    width, height = SIZES[size]
    context = chrome.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        has_touch=size == "phone",
    )
    page = context.new_page()
    page.set_default_timeout(15_000)

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def grave_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    findings = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['html']}"
        for one in findings["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    ("language", "size", "dark"),
    [
        *((language, size, False) for language in LANGUAGES for size in SIZES),
        ("zh", "desk", True),
        ("en", "phone", True),
    ],
)
def test_every_page_is_accessible_and_keeps_the_policy(
    chrome: Browser, stage: Stage, complaints: list[str], language: str, size: str, *, dark: bool
) -> None:
    """No serious finding, no word on the console, no sideways scroll, on any page."""
    page = opened(chrome, size, complaints, dark=dark)
    found: dict[str, list[str]] = {}
    wide: list[str] = []
    for one in specimens():
        page.goto(f"{stage.address}/{language}/{one.name}")
        settle(page)
        if grave := grave_findings(page):
            found[one.name] = grave
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wide.append(one.name)
    page.context.close()
    assert {} == found
    assert [] == wide
    assert [] == complaints


def test_targets_on_a_phone_are_large(chrome: Browser, stage: Stage, complaints: list[str]) -> None:
    """Buttons, fields and navigation are at least 44 px high under a finger."""
    page = opened(chrome, "phone", complaints)
    page.goto(f"{stage.address}/zh/case")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, textarea, summary, .rail a,'
              + ' input:not([type=hidden], [type=radio], [type=checkbox]), label.choice')]
          .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
          .map((one) => one.outerHTML.slice(0, 90))"""
    )
    page.context.close()
    assert [] == small


def test_an_event_renews_what_changed_and_nothing_else(
    chrome: Browser, stage: Stage, complaints: list[str]
) -> None:
    """A new figure comes in while focus, scroll, an open fold and the drawn chart stay."""
    specimen = next(one for one in specimens() if one.name == "dashboard")
    views = specimen.values["views"]
    assert isinstance(views, tuple)
    figures = views[0]
    assert isinstance(figures, Figures)
    risen = evolve(figures, figures=(evolve(figures.figures[0], value=3), *figures.figures[1:]))
    stage.pages["/zh/dashboard?fragment=1"] = renderer().page(
        specimen.template,
        language="zh",
        chrome=specimen.chrome,
        fragment=True,
        views=(risen, *views[1:]),
    )
    page = opened(chrome, "desk", complaints)
    page.goto(f"{stage.address}/zh/dashboard")
    settle(page)
    expect(page.locator("[data-connection]")).to_have_text("实时")
    page.locator("#rest-county summary").click()
    link = page.locator("#rest-county a").first
    link.focus()
    page.evaluate("() => { scrollTo(0, 400); window.chart = document.querySelector('canvas'); }")
    top = page.evaluate("() => scrollY")
    stage.tell("alert")
    expect(page.locator("#view-now .value > span").first).to_have_text("3")
    expect(link).to_be_focused()
    assert page.locator("#rest-county").get_attribute("open") is not None
    assert top == page.evaluate("() => scrollY")
    assert page.evaluate("() => window.chart.isConnected")
    page.context.close()
    assert [] == complaints


def test_typed_words_survive_somebody_else_s_move(
    chrome: Browser, stage: Stage, complaints: list[str]
) -> None:
    """A form with typed words is left alone, and says that the case has moved on."""
    specimen = next(one for one in specimens() if one.name == "case")
    case = specimen.values["case"]
    assert isinstance(case, CaseSheet)
    values = {**specimen.values, "case": evolve(case, version=6), "actions": ()}
    stage.pages["/zh/case?fragment=1"] = renderer().page(
        specimen.template,
        language="zh",
        chrome=specimen.chrome,
        fragment=True,
        **values,
    )
    page = opened(chrome, "desk", complaints)
    page.goto(f"{stage.address}/zh/case")
    expect(page.locator("[data-connection]")).to_have_text("实时")
    page.locator("#action-feed_back-result").fill("已覆盖并洒水")
    stage.tell("case")
    expect(page.locator("[data-changed]")).to_be_visible()
    expect(page.locator("#action-feed_back-result")).to_have_value("已覆盖并洒水")
    page.context.close()


def test_a_lost_connection_is_said_and_mended(
    chrome: Browser, stage: Stage, complaints: list[str]
) -> None:
    """The sign tells of the loss, and of the return without anybody's doing."""
    page = opened(chrome, "desk", complaints)
    page.goto(f"{stage.address}/en/cases")
    sign = page.locator("[data-connection]")
    expect(sign).to_have_text("Live")
    stage.tell("")
    expect(sign).to_have_text("Connected again, brought up to date")
    stage.connected = False
    stage.tell("")
    expect(sign).to_have_text("Connection lost, trying again…")
    page.context.close()


def test_a_consequence_is_asked_once(chrome: Browser, stage: Stage, complaints: list[str]) -> None:
    """Sending asks with the consequence; only the yes sends, with the confirmation in it."""
    page = opened(chrome, "desk", complaints)
    page.goto(f"{stage.address}/zh/case")
    page.locator("#fold-return summary").click()
    page.locator("#action-return-reason").fill("不属于本单位职责")
    button = page.locator("#action-return button.submit")
    button.click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("退回后由指挥中心重新派单")
    dialog.get_by_text("取消").click()
    expect(button).to_be_focused()
    button.click()
    with page.expect_request("**/events/return") as sent:
        dialog.locator("[data-confirm-yes]").click()
    assert "confirmed=yes" in (sent.value.post_data or "")
    assert "expected_version=5" in (sent.value.post_data or "")
    page.context.close()


def test_arrow_keys_move_between_rows(chrome: Browser, stage: Stage, complaints: list[str]) -> None:
    """Down, End and Home move the focus from row to row."""
    page = opened(chrome, "desk", complaints)
    page.goto(f"{stage.address}/zh/alerts")
    links = page.locator("table[data-keyboard] tbody a")
    links.first.focus()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(links.last).to_be_focused()
    page.keyboard.press("Home")
    expect(links.first).to_be_focused()
    page.context.close()


def test_pages_work_without_scripts(chrome: Browser, stage: Stage) -> None:
    """Without scripts there is no empty chart, and the consequence's box must be ticked."""
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{stage.address}/zh/case")
    expect(page.locator(".chart-canvas")).to_be_hidden()
    page.locator("#fold-return summary").click()
    expect(page.locator("#action-return [name=confirmed]")).to_be_visible()
    context.close()
