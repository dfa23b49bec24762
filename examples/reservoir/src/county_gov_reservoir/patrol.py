"""The patrol: somebody goes to the dam every two hours, until the water has fallen."""

from __future__ import annotations

from collections.abc import Mapping

from county_gov.api import (
    HOUR,
    Actor,
    CaseView,
    Event,
    Field,
    Notice,
    Roster,
    Schema,
    State,
    TaskSpec,
    Text,
    Value,
    Workflow,
)
from county_gov_reservoir.permissions import DIRECT, PATROL, READ
from county_gov_reservoir.water import ROSTER_DATASET

WORKFLOW = "reservoir.patrol"
KEEPER = "dam_keeper"
OFFICE = "flood_office"

STATE_TITLES = {
    "patrolling": Text(zh="巡查中", en="Patrolling"),
    "danger": Text(zh="险情处置", en="Danger"),
    "review": Text(zh="待结束", en="To be ended"),
    "closed": Text(zh="已结束", en="Ended"),
}

FINDINGS = (
    ("sound", Text(zh="未见异常", en="Nothing unusual")),
    ("seepage", Text(zh="渗水", en="Seepage")),
    ("crack", Text(zh="裂缝或滑坡", en="Crack or slide")),
    ("spillway", Text(zh="溢洪道受阻", en="Spillway blocked")),
)


def danger_is_described(_case: CaseView, _actor: Actor, data: Mapping[str, Value]) -> Text | None:
    """Who finds something unusual says what and where."""
    if data.get("finding") == "sound" or str(data.get("where") or "").strip():
        return None
    return Text(
        zh="发现异常：请写明位置和程度", en="Something unusual was found: say where and how bad"
    )


def patrol(hours: int) -> Workflow:
    """The patrol case.

    Args:
        hours: Between two patrols.
    """
    report = Schema(
        (
            Field("finding", "text", Text(zh="巡查情况", en="Finding"), choices=FINDINGS),
            Field(
                "where",
                "text",
                Text(zh="位置和程度", en="Where, and how bad"),
                maximum=2000,
                required=False,
                multiline=True,
            ),
        )
    )
    note = Schema(
        (Field("measure", "text", Text(zh="措施", en="Measure"), maximum=2000, multiline=True),)
    )
    return Workflow(
        id=WORKFLOW,
        title=Text(zh="水库巡查", en="Reservoir patrol"),
        version=1,
        number="SK-{county}-{year}-{serial:06}",
        initial="patrolling",
        read_permission=READ,
        states=(
            State(
                "patrolling",
                STATE_TITLES["patrolling"],
                TaskSpec(
                    Text(zh="巡坝并上报", en="Patrol the dam and report"),
                    KEEPER,
                    every=hours * HOUR,
                    done_by="report",
                    roster=Roster(ROSTER_DATASET.id, "person", "begins", "ends", area="area"),
                    notice=Notice(
                        to=KEEPER,
                        subject=Text(zh="请巡坝：{title}", en="Please patrol: {title}"),
                        body=Text(
                            zh="{area}：请到坝上巡查并上报（{number}）。",
                            en="{area}: please patrol the dam and report ({number}).",
                        ),
                    ),
                ),
            ),
            State(
                "danger",
                STATE_TITLES["danger"],
                TaskSpec(Text(zh="处置险情", en="Deal with the danger"), OFFICE),
            ),
            State(
                "review",
                STATE_TITLES["review"],
                TaskSpec(Text(zh="核实后结束巡查", en="Verify and end the patrol"), OFFICE),
            ),
            State("closed", STATE_TITLES["closed"], final=True),
        ),
        events=(
            Event(
                id="report",
                title=Text(zh="上报巡查情况", en="Report"),
                sources=("patrolling",),
                target="patrolling",
                permission=PATROL,
                form=report,
                guards=(danger_is_described,),
            ),
            Event(
                id="danger",
                title=Text(zh="报告险情", en="Report danger"),
                sources=("patrolling",),
                target="danger",
                permission=PATROL,
                form=report,
                guards=(danger_is_described,),
                notices=(
                    Notice(
                        to=OFFICE,
                        subject=Text(zh="险情：{title}", en="Danger: {title}"),
                        body=Text(zh="发现{finding}：{where}", en="Found {finding}: {where}"),
                    ),
                ),
            ),
            Event(
                id="resume",
                title=Text(zh="险情已控制，继续巡查", en="Under control, go on patrolling"),
                sources=("danger",),
                target="patrolling",
                permission=DIRECT,
                form=note,
            ),
            Event(
                id="all_clear",
                title=Text(zh="水位已回落", en="The water has fallen"),
                sources=("patrolling",),
                target="review",
                permission=DIRECT,
                any_holder=True,
            ),
            Event(
                id="close",
                title=Text(zh="结束巡查", en="End the patrol"),
                sources=("review", "danger"),
                target="closed",
                permission=DIRECT,
                consequence=Text(zh="结束后不再安排巡查", en="No more patrols are sent after this"),
            ),
        ),
    )
