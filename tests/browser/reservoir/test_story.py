"""A flood as people see it: from the first notice to the end of the patrol."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.reservoir.county import DAM, KEEPER, LEVEL, NIGHT_KEEPER, RAIN
from tests.browser.site import Site
from tests.browser.visitors import LIVE_SECONDS, Visitors, figure, write_image

pytestmark = [pytest.mark.service, pytest.mark.timeout(480)]
RESERVOIR = "鹿野水库"
SEEPAGE = "左坝肩下游坡渗水，约碗口大，水清"
HEADS = ("编码", "名称", "所在区域", "坝顶高程", "总库容", "生效日期")
DAY = "2026-01-01"
ROWS = (
    ("luye", "鹿野水库", DAM, 160.5, 2350, DAY),
    ("dongsi", "东四水库", "990101002", 88.25, None, DAY),
    ("tingtao", "听涛水库", "990101100", "很高", 2350, DAY),
    ("shunyi", "顺义水库", "990199", 77, 120, DAY),
)
"""Two rows that can be taken, one without a number where one belongs, one of an unknown area."""


def test_a_flood_from_the_first_notice_to_the_end(
    visitors: Visitors, site: Site, tmp_path: Path
) -> None:
    """Levels rise, a patrol goes out and is reported, a limit is approved, and it ends."""
    office = visitors.person("flood1")
    _levels_rise(office, site)
    case = _the_patrol_recurs(office)
    _only_who_is_on_duty_is_asked(visitors, case)
    _the_keeper_reports(visitors.person(KEEPER, "phone"))
    visitors.forgive(409)
    _a_limit_needs_two(visitors)
    _a_file_is_imported(visitors.person("flood1"), tmp_path)
    _the_report_is_drawn(visitors.person("flood1"))
    _it_ends(office, site, case)


def _state(page: Page, words: str) -> None:
    """Wait until the map's list says this of the reservoir."""
    place = page.locator("#view-reservoirs .place-list > li", has_text=RESERVOIR)
    expect(place).to_contain_text(words, timeout=LIVE_SECONDS * 1000)


def _levels_rise(office: Page, site: Site) -> None:
    """The open page follows: a notice, then an alarm, then urgent, without a reload."""
    office.goto("/reservoir/levels")
    _state(office, "提示")
    expect(office.locator("h1")).to_have_text("2 座水库，1 座告警")
    expect(office.locator("[data-connection]")).to_have_text("实时")
    office.evaluate("() => { window.neverReloaded = true; }")

    assert 1 == site.deliver(RAIN, 34.0)["accepted"]
    assert 1 == site.deliver(LEVEL, 150.6)["accepted"]
    _state(office, "警戒")
    write_image(office, "reservoirs")
    assert 1 == site.deliver(LEVEL, 158.7)["accepted"]
    _state(office, "紧急")

    expect(office.locator("#view-roster")).to_contain_text("示范·卯")
    expect(office.locator("#view-roster")).to_contain_text("值班中")
    assert office.evaluate("() => window.neverReloaded")
    office.goto("/alerts")
    office.locator("#view-alerts tbody tr", has_text=RESERVOIR).locator("a").click()
    expect(office.locator("#view-history .timeline > li .what b")).to_have_text(
        ["触发告警", "级别变化：提示 → 警戒", "级别变化：警戒 → 紧急"]
    )
    for words in ("汛期限制水位", "150.00 m", "坝顶高程", "160.00 m", "3 小时累计"):
        expect(office.locator("#view-joined")).to_contain_text(words)


def _the_patrol_recurs(office: Page) -> str:
    """One was done in the night, the next waits for whom the roster names."""
    office.goto("/cases")
    office.locator("#view-cases tbody tr", has_text=RESERVOIR).locator("a").click()
    expect(office.locator(".task")).to_contain_text("巡坝并上报（第 2 次）")
    expect(office.locator(".task")).to_contain_text("每 2 小时一次")
    rows = office.locator("#view-occurrences tbody tr")
    expect(rows).to_have_count(2)
    for place, words in enumerate((("2", "待办理", "示范·卯"), ("1", "上报巡查情况", "示范·辰"))):
        for one in words:
            expect(rows.nth(place)).to_contain_text(one)
    return office.url


def _only_who_is_on_duty_is_asked(visitors: Visitors, case: str) -> None:
    night = visitors.person(NIGHT_KEEPER, "phone")
    expect(night.locator("h1")).to_contain_text("没有等您办理的事项")
    night.goto(case)
    expect(night.locator("#action-report")).to_have_count(0)
    night.context.close()


def _the_keeper_reports(keeper: Page) -> None:
    """What is unusual needs a place; nothing typed is lost, and the next patrol is announced."""
    assert 1 == figure(keeper, "等我办理")
    keeper.locator("#view-tasks").get_by_role("link", name=RESERVOIR).tap()
    form = keeper.locator("#action-report")
    form.get_by_label("渗水").check()
    form.get_by_role("button", name="上报巡查情况").tap()
    expect(keeper.locator(".to-do .error").first).to_contain_text("请写明位置和程度")
    expect(form.get_by_label("渗水")).to_be_checked()
    form.get_by_label("位置和程度").fill(SEEPAGE)
    form.get_by_role("button", name="上报巡查情况").tap()
    expect(keeper.locator(".flash")).to_contain_text("已提交")
    expect(keeper.locator(".task")).to_contain_text("本次已完成")
    expect(keeper.locator(".task")).to_contain_text("已办 2 次，错过 0 次")
    expect(keeper.locator("#view-history")).to_contain_text(SEEPAGE)


def _a_limit_needs_two(visitors: Visitors) -> None:
    """Who proposes a limit cannot approve it; it holds from its day once another has."""
    officer = visitors.person("flood1")
    officer.goto("/parameters/reservoir.flood_limit")
    form = officer.locator("#action-propose")
    later = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
    form.get_by_label("水位").fill("151.5")
    form.get_by_label("适用区域").select_option(label="全县")
    form.get_by_label("生效日期").fill(later)
    form.get_by_label("依据文件").fill("后汛期调度运用计划")
    form.get_by_label("文号").fill("示水〔2026〕9号")
    form.locator("button.submit").click()
    expect(officer.locator(".flash")).to_contain_text("经另一人批准后生效")
    waiting = officer.locator("section.to-do", has_text="等待批准：")
    expect(waiting).to_contain_text("151.50 m")
    expect(waiting.get_by_role("button", name="批准", exact=True)).to_have_count(0)

    engineer = visitors.person("engineer1")
    assert 1 == figure(engineer, "待批准的参数值")
    engineer.goto("/parameters/reservoir.flood_limit")
    engineer.get_by_role("button", name="批准", exact=True).click()
    dialog = engineer.locator("dialog[open]")
    if dialog.count():
        dialog.get_by_role("button", name="批准", exact=True).click()
    expect(engineer.locator(".flash")).to_contain_text("已批准")
    expect(engineer.locator("main table")).to_contain_text("151.50 m")
    engineer.context.close()


def _a_file_is_imported(officer: Page, folder: Path) -> None:
    """Two rows are taken; the two others come back as a file that says what is wrong."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (HEADS, *ROWS):
        sheet.append(row)
    file = folder / "水库.xlsx"
    book.save(file)
    officer.goto("/records/reservoir.reservoirs/import")
    officer.locator("#upload").set_input_files(file)
    officer.get_by_role("button", name="预览将发生的变化").click()
    expect(officer.locator("h1")).to_contain_text("2 行有误")
    assert 2 == figure(officer, "退回")
    officer.get_by_role("button", name="导入 2 行").click()
    expect(officer.locator(".flash")).to_contain_text("导入完成，退回的行没有导入")

    with officer.expect_download() as download:
        officer.get_by_role("link", name="下载退回的行（Excel）").click()
    back = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes())).active
    assert back is not None
    head, *rows = [tuple(row) for row in back.iter_rows(values_only=True)]
    assert (*HEADS, "错误") == head
    assert ["tingtao", "shunyi"] == [row[0] for row in rows]
    assert ["坝顶高程", "所在区域"] == [str(row[-1]).partition(":")[0] for row in rows]

    officer.goto("/records/reservoir.reservoirs")
    expect(officer.locator("main table")).to_contain_text("东四水库")
    expect(officer.locator("main table")).not_to_contain_text("顺义水库")


def _the_report_is_drawn(officer: Page) -> None:
    """The job runs once when asked, its history says so, and the report stands on the page."""
    officer.goto("/jobs")
    officer.get_by_role("link", name="水库日报").click()
    officer.get_by_role("button", name="立即执行一次").click()
    expect(officer.locator(".flash")).to_contain_text("已安排执行")
    run = officer.locator("#view-runs tbody tr")
    expect(run).to_contain_text("完成", timeout=LIVE_SECONDS * 1000)
    expect(run).to_have_count(1)
    expect(run).to_contain_text("示范·丑")
    officer.goto("/reservoir/levels")
    expect(officer.locator("#view-reports")).to_contain_text("鹿野水库：水位 158.70 米")


def _it_ends(office: Page, site: Site, case: str) -> None:
    """The water has fallen: no more patrols are asked for, and the office ends it."""
    office.goto(case)
    assert 1 == site.deliver(LEVEL, 148.0)["accepted"]
    expect(office.locator(".page-head")).to_contain_text("待结束", timeout=LIVE_SECONDS * 1000)
    office.locator("#action-close").get_by_role("button", name="结束巡查").click()
    dialog = office.locator("dialog[open]")
    expect(dialog).to_contain_text("结束后不再安排巡查")
    dialog.get_by_role("button", name="结束巡查").click()
    expect(office.locator(".page-head")).to_contain_text("已结束")
    expect(office.locator("#view-occurrences tbody tr")).to_have_count(2)
    expect(office.locator(".to-do form")).to_have_count(0)
