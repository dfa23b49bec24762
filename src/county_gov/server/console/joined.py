"""What was joined to an alert's readings: rain, limits, attributes, when it began and at last."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from county_gov.contract.clock import DAY, HOUR
from county_gov.contract.page import Column, Row, Table
from county_gov.contract.rule import (
    Attribute,
    Hourly,
    Latest,
    LocalTime,
    Setting,
    Window,
    WindowFigure,
)
from county_gov.contract.text import Text
from county_gov.server.console.naming import datastream_name

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.contract.context import DatastreamView, EpisodeView
    from county_gov.contract.page import View
    from county_gov.contract.rule import Input, Rule
    from county_gov.server.call import Call

MINUTE = HOUR // 60
FIGURES: dict[WindowFigure, Text] = {
    "rise": Text(zh="涨幅", en="rise"),
    "sum": Text(zh="累计", en="sum"),
    "mean": Text(zh="均值", en="mean"),
    "equivalent_level": Text(zh="等效连续声级", en="equivalent continuous level"),
    "vector_mean": Text(zh="平均方向", en="mean direction"),
    "minimum": Text(zh="最低", en="lowest"),
    "maximum": Text(zh="最高", en="highest"),
    "count": Text(zh="读数个数", en="number of readings"),
}
UNDETERMINED = Text(zh="无法确定", en="could not be determined")


@frozen(eq=False)
class _Meaning:
    """What an input's value is."""

    title: Text
    unit: str
    decimals: int


CLOCK = {
    "hour": _Meaning(Text(zh="当地时刻", en="Local time"), "h", 1),
    "weekday": _Meaning(Text(zh="星期（0 为周一）", en="Weekday (0 is Monday)"), "", 0),
    "day": _Meaning(Text(zh="一年中的第几天", en="Day of the year"), "", 0),
}


async def joined_of(
    call: Call, view: EpisodeView, datastream: DatastreamView | None
) -> tuple[View, ...]:
    """The further inputs of an alert's rule, as the store has them now; none where it has none.

    Records are shown to who may read their dataset.
    """
    contributions = call.county.registry.contributions
    policy = contributions.alert_policies.get(view.policy)
    rule = contributions.rules.get(policy.rule) if policy else None
    if rule is None or datastream is None:
        return ()
    shown = [name for name, one in rule.joined.items() if _may_see(call, one)]
    if not shown:
        return ()
    batch = await asyncio.to_thread(_batch, call, rule, datastream, view)
    return (
        Table(
            id="joined",
            title=Text(zh="同时参与判断的数据", en="What else was judged with"),
            columns=(
                Column("input", Text(zh="数据", en="Input"), sortable=False),
                Column("first", Text(zh="告警开始时", en="When it began"), sortable=False),
                Column("last", Text(zh="最近一次读数时", en="At the last reading"), sortable=False),
            ),
            rows=tuple(_row(call, datastream, name, rule.joined[name], batch) for name in shown),
            total=len(shown),
            empty=Text(zh="没有", en="None"),
        ),
    )


def _may_see(call: Call, one: Input) -> bool:
    if not isinstance(one, Attribute):
        return True
    dataset = call.county.registry.contributions.datasets.get(one.dataset)
    return dataset is not None and call.actor.may(dataset.read_permission)


def _batch(call: Call, rule: Rule, datastream: DatastreamView, view: EpisodeView) -> Batch:
    times = np.array([view.started_at, max(view.last_reading_at, view.started_at)], np.int64)
    values = np.full(2, view.peak)
    county = call.county
    return county.store.read_now(
        lambda snapshot: county.judging.rows(snapshot, rule.id, datastream, times, values)
    )


def _row(call: Call, datastream: DatastreamView, name: str, one: Input, batch: Batch) -> Row:
    meaning = _meaning(call, datastream, one)
    first, last = (_words(meaning, value) for value in batch[name].tolist())
    texts = {"input": meaning.title, "first": first, "last": last}
    return Row({key: text.zh for key, text in texts.items()}, texts=texts)


def _words(meaning: _Meaning, value: float | str) -> Text:
    if isinstance(value, str):
        return Text(zh=value) if value else UNDETERMINED
    if not np.isfinite(value):
        return UNDETERMINED
    return Text(zh=f"{value:.{meaning.decimals}f} {meaning.unit}".rstrip())


def _meaning(call: Call, datastream: DatastreamView, one: Input) -> _Meaning:
    """What an input is called, and how its value is written."""
    contributions = call.county.registry.contributions
    if isinstance(one, Setting):
        parameter = contributions.parameters[one.parameter]
        field = parameter.field
        return _Meaning(parameter.title, field.unit, field.decimals or 0)
    if isinstance(one, Attribute):
        field = contributions.datasets[one.dataset].schema[one.field]
        return _Meaning(field.title, field.unit, field.decimals or 0)
    if isinstance(one, LocalTime):
        return CLOCK[one.part]
    siblings = call.county.registers.snapshot.datastreams_at(datastream.thing)
    partner = next((x for x in siblings if x.observed_property == one.observed_property), None)
    if one.observed_property == datastream.observed_property:
        partner = datastream
    name = datastream_name(partner) if partner else Text(zh=one.observed_property)
    unit = partner.unit if partner else ""
    title = _figure(name, one)
    counted = isinstance(one, Window) and one.how == "count"
    return _Meaning(
        title, "" if counted else unit, 0 if counted or not partner else partner.decimals
    )


def _figure(name: Text, one: Latest | Hourly | Window) -> Text:
    """A datastream's name with what is taken of it."""
    en = name.in_language("en")
    if isinstance(one, Latest):
        return Text(zh=f"{name.zh} 最近读数", en=f"{en}, latest reading")
    if isinstance(one, Hourly):
        figure = FIGURES[one.how]
        return Text(zh=f"{name.zh} 小时{figure.zh}", en=f"{en}, hourly {figure.en}")
    figure, length = FIGURES[one.how], _length(one.length)
    return Text(
        zh=f"{name.zh} {length.zh}{figure.zh}",
        en=f"{en}, {figure.in_language('en')} over {length.in_language('en')}",
    )


def _length(length: int) -> Text:
    """How long a window is, in the largest unit that divides it."""
    for unit, zh, en in ((DAY, "天", "d"), (HOUR, "小时", "h")):
        if length % unit == 0:
            return Text(zh=f"{length // unit} {zh}", en=f"{length // unit} {en}")
    return Text(zh=f"{length / MINUTE:g} 分钟", en=f"{length / MINUTE:g} min")
