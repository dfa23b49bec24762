"""What the plugin keeps: reservoirs, the duty roster, daily reports; and the limit that is set."""

from __future__ import annotations

from county_gov.api import Citation, Dataset, Field, Parameter, Schema, Text
from county_gov_reservoir.permissions import APPROVE, PROPOSE, READ, ROSTER, WRITE

RESERVOIRS = Dataset(
    id="reservoir.reservoirs",
    title=Text(zh="水库", en="Reservoirs"),
    kind="records",
    schema=Schema(
        fields=(
            Field(
                "code",
                "text",
                Text(zh="编码", en="Code"),
                meaning=Text(zh="与监测设施的编码相同", en="The same as the gauging station's"),
                maximum=64,
                refers="thing",
            ),
            Field("name", "text", Text(zh="名称", en="Name"), maximum=80),
            Field("area", "text", Text(zh="所在区域", en="Area"), refers="area"),
            Field(
                "crest",
                "float64",
                Text(zh="坝顶高程", en="Crest elevation"),
                unit="m",
                decimals=2,
                minimum=-500,
                maximum=9000,
            ),
            Field(
                "capacity",
                "float64",
                Text(zh="总库容", en="Total capacity"),
                unit="10⁴ m³",
                decimals=1,
                minimum=0,
                required=False,
            ),
        ),
        key=("code",),
    ),
    read_permission=READ,
    write_permission=WRITE,
    area="area",
    label="name",
    dated=True,
)

ROSTER_DATASET = Dataset(
    id="reservoir.roster",
    title=Text(zh="水库值班表", en="Reservoir duty roster"),
    kind="records",
    schema=Schema(
        fields=(
            Field("area", "text", Text(zh="值守区域", en="Area"), refers="area"),
            Field("begins", "instant", Text(zh="上班", en="From")),
            Field("ends", "instant", Text(zh="下班", en="To")),
            Field("person", "int64", Text(zh="值班人", en="On duty"), refers="person"),
            Field(
                "phone",
                "text",
                Text(zh="联系电话", en="Telephone"),
                maximum=40,
                required=False,
                classification="personal",
            ),
        ),
        key=("area", "begins"),
        event_time="begins",
    ),
    read_permission=READ,
    write_permission=ROSTER,
    unmasked_permission=ROSTER,
    area="area",
)

REPORTS = Dataset(
    id="reservoir.reports",
    title=Text(zh="水库日报", en="Daily reports"),
    kind="records",
    schema=Schema(
        fields=(
            Field("day", "date", Text(zh="日期", en="Day")),
            Field("reservoirs", "int64", Text(zh="水库数", en="Reservoirs"), minimum=0),
            Field("above", "int64", Text(zh="超汛限", en="Above the limit"), minimum=0),
            Field("silent", "int64", Text(zh="无数据", en="Without data"), minimum=0),
            Field("text", "text", Text(zh="正文", en="Text"), maximum=100_000, multiline=True),
        ),
        key=("day",),
    ),
    read_permission=READ,
    write_permission=WRITE,
)

FLOOD_LIMIT = Parameter(
    id="reservoir.flood_limit",
    title=Text(zh="汛期限制水位", en="Flood limit level"),
    field=Field(
        "level",
        "float64",
        Text(zh="水位", en="Level"),
        meaning=Text(
            zh="按主汛期、后汛期分别录入，各自从起始日起生效",
            en="Entered for each season, each from its first day on",
        ),
        unit="m",
        decimals=2,
        minimum=-500,
        maximum=9000,
    ),
    permission=PROPOSE,
    approval_permission=APPROVE,
    read_permission=READ,
    varies_by="thing",
)

FLOOD_LAW = Citation(document="中华人民共和国防洪法", article="第四十四条")
