"""The dataset of measured air."""

from __future__ import annotations

from county_gov.api import Dataset, Field, Schema, Text

AIR = Dataset(
    id="sensors.air",
    title=Text(zh="环境空气监测数据", en="Ambient air readings"),
    schema=Schema(
        fields=(
            Field("datastream", "text", Text(zh="数据流", en="Datastream")),
            Field(
                "time",
                "instant",
                Text(zh="监测时间", en="Time"),
                meaning=Text(
                    zh="时段的开始，或瞬时读数的时刻",
                    en="Start of the period, or the instant of the reading",
                ),
            ),
            Field("value", "float64", Text(zh="监测值", en="Value")),
            Field("result_time", "instant", Text(zh="结果时间", en="Result time"), required=False),
            Field("flag", "text", Text(zh="数据标识", en="Quality flag"), required=False),
        ),
        key=("datastream", "time"),
        event_time="time",
    ),
    observed_properties=("pm25", "pm10", "so2", "no2", "co", "o3"),
)
