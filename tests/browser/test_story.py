"""The whole way in a real browser: an alert arrives, and its case is carried to closed."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.browser.visitors import (
    Visitors,
    choose,
    expect_figure,
    figure,
    write_image,
)

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]
STATION = "奥体中心空气质量监测站"
ALERTS = "持续中的告警"
MINE = "等我办理"
NOTE = "请查看施工工地和道路扬尘"
SEEN = "奥体北路施工工地土方未覆盖，车辆带泥上路"
MEASURE = "已责令覆盖土方、冲洗车辆，并安排洒水降尘"


def test_an_alert_arrives_and_its_case_is_carried_to_closed(visitors: Visitors, site: Site) -> None:
    """Centre, grid worker and department each do their part; nobody else sees the case."""
    centre = visitors.person("dispatch1")
    _an_alert_arrives(centre, site)
    _write_overviews(visitors, site)

    centre.locator("#view-tasks").get_by_role("link", name=STATION).click()
    address = _dispatch(centre)
    number = (centre.locator(".kicker").inner_text()).split()[-1]
    _another_township_sees_nothing(visitors, address, number)
    _the_worker_reports(visitors.person("grid-zhiqiu", "phone"))
    _the_department_handles(visitors.person("environment1"), number)
    _the_centre_closes(centre, address)
    _the_timeline_tells_all(centre)
    _list_and_export_agree(centre, number)


def _an_alert_arrives(centre: Page, site: Site) -> None:
    """Without a reload the figures, the headline, the map and the tasks change."""
    expect(centre.locator("[data-connection]")).to_have_text("实时")
    alerts, mine = figure(centre, ALERTS), figure(centre, MINE)
    centre.evaluate("() => { window.neverReloaded = true; }")

    assert 1 == site.deliver("aotizhongxin.pm25", 212.0)["accepted"]

    expect_figure(centre, ALERTS, alerts + 1)
    expect_figure(centre, MINE, mine + 1)
    expect(centre.locator("h1")).to_have_text(
        f"{mine + 1} 件事项等您办理，{alerts + 1} 起告警持续中"
    )
    place = centre.locator("#view-county .place-list > li", has_text=STATION)
    expect(place).to_contain_text("关注")
    expect(place).to_have_count(1)
    expect(centre.locator("#view-county svg a.ink-warning title")).to_contain_text(STATION)
    expect(centre.locator("#view-tasks")).to_contain_text(STATION)
    assert centre.evaluate("() => window.neverReloaded")


def _write_overviews(visitors: Visitors, site: Site) -> None:
    """Pictures of the overview, the alert and the quarantine."""
    assert 1 == site.deliver("changping.pm2.5", 35.0)["quarantined"]
    assert 1 == site.deliver("dongsi.pm25", -999.0)["quarantined"]
    page = visitors.person("dispatch1")
    expect_figure(page, "隔离数据", 2)
    write_image(page, "dashboard")
    page.goto("/?lang=en")
    expect(page.locator("h1")).to_contain_text("for you, 1 alert lasts")
    write_image(page, "dashboard-en")
    page.goto("/alerts?lang=zh")
    page.locator("#view-alerts tbody a").first.click()
    expect(page.locator("#view-chart-aotizhongxin\\.pm25")).to_be_visible()
    write_image(page, "alert")
    page.goto("/quarantine")
    expect(page.locator(".quarantined")).to_have_count(2)
    write_image(page, "quarantine")
    page.context.close()


def _dispatch(centre: Page) -> str:
    """The centre sees why, and sends the grid worker of the township."""
    expect(centre.locator("h1")).to_contain_text(STATION)
    alert = centre.locator("#view-case-alerts tbody tr").first
    for words in ("关注", "212", "150", "持续中"):
        expect(alert).to_contain_text(words)
    expect(centre.locator("[data-chart] canvas")).to_have_count(1)
    write_image(centre, "case")
    choose(centre, "网格员", "示范·丙")
    centre.get_by_label("派单说明").fill(NOTE)
    centre.get_by_role("button", name="派单", exact=True).click()
    expect(centre.locator(".flash")).to_contain_text("已提交")
    expect(centre.locator(".page-head")).to_contain_text("现场查找")
    return centre.url


def _another_township_sees_nothing(visitors: Visitors, address: str, number: str) -> None:
    other = visitors.person("grid-wangshu", "phone")
    for path in ("/cases?show=all", f"/cases?show=all&q={number}", "/"):
        other.goto(path)
        expect(other.locator("main")).not_to_contain_text(number)
        expect(other.locator("main")).not_to_contain_text(STATION)
    answer = other.goto(address)
    assert answer is not None
    assert 404 == answer.status
    expect(other.locator("main")).not_to_contain_text(STATION)
    visitors.forgive(404)


def _the_worker_reports(worker: Page) -> None:
    """The task is the first thing on the phone; a forgotten description loses nothing."""
    expect(worker.locator("h1")).to_contain_text("1 件事项等您办理")
    worker.locator("#view-tasks").get_by_role("link", name=STATION).tap()
    expect(worker.locator(".to-do")).to_contain_text("上报")
    expect(worker.locator("main")).to_contain_text(NOTE)
    worker.get_by_label("已查到").check()
    worker.get_by_label("现场情况").fill(SEEN)
    worker.locator(".to-do").scroll_into_view_if_needed()
    worker.evaluate("() => document.querySelector('.to-do').scrollIntoView({ block: 'start' })")
    write_image(worker, "field-report")
    worker.get_by_role("button", name="上报", exact=True).tap()
    expect(worker.locator(".flash")).to_contain_text("已提交")
    expect(worker.locator(".to-do")).to_contain_text("暂无可办事项")


def _the_department_handles(officer: Page, number: str) -> None:
    officer.goto("/cases?show=mine")
    officer.get_by_role("link", name=number).click()
    expect(officer.locator("main")).to_contain_text(SEEN)
    officer.get_by_role("button", name="签收", exact=True).click()
    expect(officer.locator(".page-head")).to_contain_text("处置中")
    officer.get_by_label("采取的措施").fill(MEASURE)
    officer.get_by_role("button", name="反馈", exact=True).click()
    expect(officer.locator(".page-head")).to_contain_text("待核查")


def _the_centre_closes(centre: Page, address: str) -> None:
    """The open page has followed by itself; closing asks once, and says the consequence."""
    assert address == centre.url
    expect(centre.locator(".page-head")).to_contain_text("待核查")
    centre.get_by_label("结案意见").fill("现场已核实，措施到位")
    closing = centre.locator("#action-close").get_by_role("button", name="结案")
    closing.click()
    dialog = centre.locator("dialog")
    expect(dialog).to_contain_text("结案后不能再办理此案")
    dialog.get_by_role("button", name="取消").click()
    expect(centre.get_by_label("结案意见")).to_have_value("现场已核实，措施到位")
    closing.click()
    dialog.get_by_role("button", name="结案").click()
    expect(centre.locator(".flash")).to_contain_text("已提交")
    expect(centre.locator(".page-head")).to_contain_text("已结案")
    expect(centre.locator(".to-do form")).to_have_count(0)


def _the_timeline_tells_all(centre: Page) -> None:
    told = [
        " ".join(entry.inner_text().split()[:2])
        for entry in centre.locator("#view-history .timeline > li .what").all()
    ]
    assert [
        "立案 系统",
        "派单 示范·甲",
        "上报 示范·丙",
        "签收 示范·壬",
        "反馈 示范·壬",
        "结案 示范·甲",
    ] == told
    for words in (NOTE, SEEN, MEASURE, "现场已核实，措施到位", "示范·丙"):
        expect(centre.locator("#view-history")).to_contain_text(words)


def _list_and_export_agree(centre: Page, number: str) -> None:
    centre.goto("/cases?show=all")
    shown = centre.locator("#view-cases tbody tr")
    listed = [
        (row.locator("td").nth(0).inner_text(), row.locator("td").nth(2).inner_text())
        for row in shown.all()
    ]
    answer = centre.request.get("/cases.csv?show=all")
    head, *rows = csv.reader(io.StringIO(answer.body().decode("utf-8-sig")))
    assert ["编号", "事项", "状态"] == head[:3]
    assert listed == [(row[0], row[2]) for row in rows]
    assert (number, "已结案") in listed
