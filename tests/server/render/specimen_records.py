"""Invented records: a list, a row, a form that came back, and a file that is looked at."""

from __future__ import annotations

from county_gov.contract.page import Column, Entry, Figure, Figures, Row, Table, Timeline
from county_gov.contract.text import Text
from county_gov.server.render import Action, ActionField, Option
from county_gov.server.render.records import Link, RecordFact, RecordSheet, Upload
from tests.server.render.specimen_views import HOUR, MINUTE, NOW

LIST = "/records/depot.pumps"
TITLE = Text(zh="防汛泵", en="Pumps")
CRUMBS = (Link(Text(zh="数据目录", en="Catalogue"), "/records"), Link(TITLE, LIST))
CONFLICT = Text(
    zh="您打开之后，示范·乙 已先修改（现为第 3 版），本次没有保存。",
    en="示范·乙 changed it since you opened it (now version 3); nothing was saved.",
)


def list_values() -> dict[str, object]:
    """The list of a dataset."""
    return {
        "crumbs": CRUMBS[:1],
        "links": (
            Link(Text(zh="新增", en="Add"), f"{LIST}/new", primary=True),
            Link(Text(zh="导入", en="Import"), f"{LIST}/import"),
            Link(Text(zh="导出 Excel", en="Export as Excel"), f"{LIST}/export.xlsx"),
        ),
        "filters": (),
        "views": (
            Table(
                id="rows",
                title=TITLE,
                columns=(
                    Column("name", Text(zh="名称", en="Name")),
                    Column("flow", Text(zh="流量", en="Flow"), "number", "m³/h", 1),
                    Column("bought", Text(zh="购置日期", en="Bought")),
                    Column("keeper", Text(zh="保管人（已脱敏）", en="Keeper (masked)")),
                ),
                rows=tuple(
                    Row(
                        {
                            "name": f"{number} 号移动泵",
                            "flow": 80.5 * number,
                            "bought": "2020-05-01",
                            "keeper": "张**",
                        },
                        href=f"{LIST}/rows/P{number}",
                    )
                    for number in range(1, 6)
                ),
                total=67,
                empty=Text(zh="还没有记录。", en="There are no rows yet."),
                page_size=5,
                sort="-flow",
                export=f"{LIST}/export.csv",
            ),
        ),
    }


def row_values() -> dict[str, object]:
    """One row with its history, and its removal that was overtaken."""
    return {
        "crumbs": CRUMBS,
        "links": (Link(Text(zh="修改", en="Change"), f"{LIST}/rows/P1/edit", primary=True),),
        "record": RecordSheet(
            facts=(
                RecordFact(Text(zh="编号", en="Code"), Text(zh="P1")),
                RecordFact(Text(zh="流量", en="Flow"), Text(zh="350.5 m³/h")),
                RecordFact(Text(zh="保管人", en="Keeper"), Text(zh="张**"), masked=True),
                RecordFact(
                    Text(zh="备注", en="Remark"), Text(zh="叶轮磨损，\n已报修。"), href="/cases/1"
                ),
            ),
            version=3,
            changed_at=NOW - 20 * MINUTE,
            changed_by="示范·乙",
            holds=Text(zh="自 2026-06-01 起有效", en="holds from 2026-06-01"),
        ),
        "actions": (
            Action(
                id="remove",
                label=Text(zh="删除这条记录", en="Remove this row"),
                href=f"{LIST}/rows/P1/remove",
                consequence=Text(zh="变更经过仍保留。", en="Its history is kept."),
                idempotency_key="k",
                expected_version=3,
                error=CONFLICT,
            ),
        ),
        "views": (
            Timeline(
                "history",
                Text(zh="变更经过", en="Its history"),
                (
                    Entry(NOW - 9 * HOUR, Text(zh="新增", en="Added"), "示范·甲", status="good"),
                    Entry(
                        NOW - 20 * MINUTE,
                        Text(zh="修改", en="Changed"),
                        "示范·乙",
                        ((Text(zh="流量", en="Flow"), "120.0 m³/h → 350.5 m³/h"),),
                    ),
                ),
            ),
        ),
    }


def removed_values() -> dict[str, object]:
    """A row that was removed."""
    return {**row_values(), "record": None, "actions": (), "links": ()}


def form_values() -> dict[str, object]:
    """A form with every kind of field, that came back."""
    state = (Option("new", Text(zh="全新", en="new")), Option("worn", Text(zh="磨损", en="worn")))
    return {
        "crumbs": CRUMBS,
        "links": (),
        "facts": (RecordFact(Text(zh="编号", en="Code"), Text(zh="P1")),),
        "back": Link(Text(zh="取消", en="Cancel"), LIST),
        "form": Action(
            id="change",
            label=Text(zh="保存", en="Save"),
            href=f"{LIST}/rows/P1/edit",
            fields=(
                ActionField("name", Text(zh="名称", en="Name"), required=True, value="一号泵"),
                ActionField("area", Text(zh="所在区域", en="Area"), kind="select", options=state),
                ActionField(
                    "flow",
                    Text(zh="流量", en="Flow"),
                    Text(zh="现在的内容：350.5", en="Now: 350.5"),
                    kind="number",
                    value="-1",
                    error=Text(zh="不能小于 0，填的是 -1", en="expected at least 0, got -1"),
                    unit="m³/h",
                ),
                ActionField("state", Text(zh="状况", en="State"), kind="radio", options=state),
                ActionField("ready", Text(zh="可用", en="Ready"), kind="checkbox", value="yes"),
                ActionField(
                    "bought", Text(zh="购置日期", en="Bought"), kind="date", value="2020-05-01"
                ),
                ActionField(
                    "checked",
                    Text(zh="最近检查", en="Checked"),
                    kind="instant",
                    value="2023-07-22T12:26",
                ),
                ActionField("remark", Text(zh="备注", en="Remark"), kind="textarea", value="备用"),
            ),
            idempotency_key="k",
            expected_version=3,
            primary=True,
            error=CONFLICT,
        ),
    }


def upload_values() -> dict[str, object]:
    """The form for a file, and one that could not be read."""
    return {
        "crumbs": CRUMBS,
        "links": (
            Link(Text(zh="下载 Excel 模板", en="Excel template"), f"{LIST}/template.xlsx"),
            Link(Text(zh="下载 CSV 模板", en="CSV template"), f"{LIST}/template.csv"),
        ),
        "upload": Upload(
            f"{LIST}/import",
            ".csv,.xlsx",
            10 * 1024 * 1024,
            Text(zh="无法读取这个文件。", en="The file cannot be read."),
        ),
        "views": (),
        "actions": (),
        "rejected": (),
    }


def preview_values() -> dict[str, object]:
    """What a file would change."""
    counts = ((Text(zh="新增", en="New"), 12), (Text(zh="退回", en="Rejected"), 3))
    return {
        "crumbs": (*CRUMBS, Link(Text(zh="导入", en="Import"), f"{LIST}/import")),
        "links": (),
        "upload": Upload(f"{LIST}/import", ".csv,.xlsx", 10 * 1024 * 1024),
        "views": (
            Figures(
                Text(zh="文件中的行", en="Rows of the file"),
                tuple(Figure(label, count) for label, count in counts),
            ),
            Table(
                id="file",
                title=Text(zh="逐行结果（退回的在前）", en="Row by row, rejected ones first"),
                columns=(
                    Column("key", Text(zh="记录", en="Row"), sortable=False),
                    Column("kind", Text(zh="结果", en="Outcome"), "state", sortable=False),
                    Column("what", Text(zh="变化或退回原因", en="What changes"), sortable=False),
                    Column("number", Text(zh="文件行号", en="Row"), "number", sortable=False),
                ),
                rows=(
                    Row(
                        {"key": "P102", "kind": "warning", "number": 4},
                        texts={
                            "kind": Text(zh="退回", en="rejected"),
                            "what": Text(
                                zh="流量：不能大于 5000，填的是 99999；名称：必填",
                                en="Flow: expected at most 5000, got 99999; Name: is required",
                            ),
                        },
                    ),
                    Row(
                        {"key": "P1", "kind": "notice", "number": 2},
                        texts={
                            "kind": Text(zh="修改", en="changed"),
                            "what": Text(zh="流量：120.0 → 130.5", en="Flow: 120.0 → 130.5"),
                        },
                        href=f"{LIST}/rows/P1",
                    ),
                ),
                total=15,
                empty=Text(zh="没有变化。", en="Nothing changes."),
            ),
        ),
        "actions": (
            Action(
                id="apply",
                label=Text(zh="导入 12 行，退回的 3 行不导入", en="Import 12 rows, leave 3 out"),
                href=f"{LIST}/import/1/apply",
                primary=True,
            ),
        ),
        "rejected": (
            Link(Text(zh="下载退回的行（CSV）", en="Rejected rows (CSV)"), f"{LIST}/rejected.csv"),
        ),
    }
