"""An invented setting with a value that waits for approval."""

from __future__ import annotations

from county_gov.contract.page import Column, Entry, Row, Table, Timeline
from county_gov.contract.text import Text
from county_gov.server.render import Action, ActionField, Option
from county_gov.server.render.parameters import WaitingProposal
from county_gov.server.render.records import Link
from tests.server.render.specimen_views import MINUTE, NOW


def parameter_values() -> dict[str, object]:
    """What the page of one setting is given; the form came back with a mistake."""
    waiting, actions = _waiting(), (_proposing(),)
    return {
        "crumbs": (
            Link(Text(zh="参数设置", en="Settings"), "/parameters"),
            Link(Text(zh="汛限水位", en="Flood limit"), ""),
        ),
        "links": (),
        "waiting": (waiting,),
        "actions": actions,
        "forms": (*waiting.actions, *actions),
        "views": (_table(),),
        "timeline": Timeline(
            "history",
            Text(zh="经过", en="What happened"),
            (
                Entry(
                    NOW - 50 * MINUTE,
                    Text(zh="提出 54.00 m", en="Proposed: 54.00 m"),
                    "示范·甲",
                    ((Text(zh="依据", en="Document"), "示防〔2026〕12号"),),
                ),
                Entry(
                    NOW - 20 * MINUTE,
                    Text(zh="不批准 54.00 m", en="Rejected: 54.00 m"),
                    "示范·乙",
                    status="warning",
                ),
            ),
        ),
    }


def _waiting() -> WaitingProposal:
    return WaitingProposal(
        number=7,
        value=Text(zh="50.80 m"),
        facts=(
            (Text(zh="适用区域", en="Area"), Text(zh="望舒街道", en="Wangshu Subdistrict")),
            (Text(zh="生效日期", en="Holds from"), Text(zh="2026-06-01")),
        ),
        note=Text(
            zh="生效日期早于今天，须说明理由。", en="It holds from a day that has passed: say why."
        ),
        actions=(
            Action(
                id="approve-7",
                label=Text(zh="批准", en="Approve"),
                href="/parameters/dam.limit/proposals/7/approve",
                fields=(
                    ActionField(
                        "reason", Text(zh="意见", en="Reason"), kind="textarea", required=True
                    ),
                ),
                consequence=Text(
                    zh="50.80 m 自 2026-06-01 起生效。", en="50.80 m will hold from 2026-06-01."
                ),
                idempotency_key="01KG4T8XQ3",
                primary=True,
            ),
        ),
    )


def _proposing() -> Action:
    return Action(
        id="propose",
        label=Text(zh="提交新的值", en="Propose a value"),
        href="/parameters/dam.limit/proposals",
        fields=(
            ActionField(
                "value",
                Text(zh="水位", en="Level"),
                kind="number",
                required=True,
                value="五十",
                error=Text(zh="应为数字", en="expected a number"),
                unit="m",
            ),
            ActionField(
                "area",
                Text(zh="适用区域", en="Area"),
                kind="select",
                options=(Option("990101", Text(zh="全县", en="Whole county")),),
                required=True,
            ),
            ActionField(
                "effective_from", Text(zh="生效日期", en="Holds from"), kind="date", required=True
            ),
        ),
        idempotency_key="01KG4T8XQ4",
        primary=True,
    )


def _table() -> Table:
    return Table(
        id="values",
        title=Text(zh="现行值与下一个值", en="What holds now, and what comes next"),
        columns=(
            Column("area", Text(zh="适用区域", en="Area"), sortable=False),
            Column("value", Text(zh="现行值", en="Value now"), sortable=False),
        ),
        rows=(Row({}, texts={"area": Text(zh="全县", en="County"), "value": Text(zh="52.30 m")}),),
        total=1,
        empty=Text(zh="没有值。", en="There is no value."),
    )
