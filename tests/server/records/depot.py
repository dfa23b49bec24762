"""A plugin with records of every kind, for the tests of their pages and interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from attrs import frozen

from county_gov.api import API, Dataset, Field, Hooks, Permission, Schema, Text, implements
from county_gov.registry.discovery import LoadedPlugin

READ, WRITE, CLEAR = "depot.read", "depot.write", "depot.clear"
STATES = (("new", Text(zh="全新", en="new")), ("worn", Text(zh="磨损", en="worn")))

PUMPS = Dataset(
    id="depot.pumps",
    title=Text(zh="防汛泵", en="Pumps"),
    kind="records",
    schema=Schema(
        fields=(
            Field(
                "code",
                "text",
                Text(zh="编号", en="Code"),
                Text(zh="铭牌上的编号", en="As on its plate"),
                maximum=20,
            ),
            Field("name", "text", Text(zh="名称", en="Name"), maximum=40),
            Field("area", "text", Text(zh="所在区域", en="Area"), refers="area"),
            Field("unit", "text", Text(zh="管理单位", en="Kept by"), refers="unit", required=False),
            Field(
                "flow",
                "float64",
                Text(zh="流量", en="Flow"),
                unit="m³/h",
                decimals=1,
                minimum=0,
                maximum=5000,
            ),
            Field("state", "text", Text(zh="状况", en="State"), choices=STATES),
            Field("ready", "bool", Text(zh="可用", en="Ready"), required=False),
            Field("bought", "date", Text(zh="购置日期", en="Bought"), required=False, indexed=True),
            Field("checked_at", "instant", Text(zh="最近检查", en="Checked"), required=False),
            Field(
                "keeper",
                "text",
                Text(zh="保管人", en="Keeper"),
                maximum=40,
                required=False,
                classification="personal",
            ),
            Field(
                "remark",
                "text",
                Text(zh="备注", en="Remark"),
                maximum=500,
                required=False,
                multiline=True,
            ),
        ),
        key=("code",),
    ),
    read_permission=READ,
    write_permission=WRITE,
    unmasked_permission=CLEAR,
    area="area",
    label="name",
)

TARIFFS = Dataset(
    id="depot.tariffs",
    title=Text(zh="租用单价", en="Tariffs"),
    kind="records",
    schema=Schema(
        fields=(
            Field("pump", "text", Text(zh="泵", en="Pump"), refers="depot.pumps"),
            Field("hour", "int64", Text(zh="时段", en="Hour"), minimum=0, maximum=23),
            Field("price", "float64", Text(zh="单价", en="Price"), unit="CNY", decimals=2),
        ),
        key=("pump", "hour"),
    ),
    read_permission=READ,
    write_permission=WRITE,
    dated=True,
)

MINISTRY = Dataset(
    id="depot.ministry",
    title=Text(zh="上级目录", en="The ministry's list"),
    kind="records",
    schema=Schema(
        fields=(
            Field("code", "text", Text(zh="编号", en="Code"), maximum=20),
            Field("name", "text", Text(zh="名称", en="Name"), maximum=40),
        ),
        key=("code",),
    ),
    system_of_record="external",
    read_permission=READ,
    write_permission=WRITE,
    label="name",
)

HIDDEN = Dataset(
    id="depot.secret",
    title=Text(zh="涉密物资", en="Secret stock"),
    kind="records",
    schema=Schema(fields=(Field("code", "text", Text(zh="编号", en="Code")),), key=("code",)),
    read_permission="depot.secret.read",
    write_permission="depot.secret.write",
)

STANDS = Dataset(
    id="depot.stands",
    title=Text(zh="泵位", en="Stands"),
    kind="records",
    schema=Schema(
        fields=(
            Field("code", "text", Text(zh="编号", en="Code"), maximum=20),
            Field("area", "text", Text(zh="所在区域", en="Area"), refers="area"),
        ),
        key=("code",),
    ),
    read_permission="depot.stands.read",
    write_permission="depot.stands.write",
    area="area",
    dated=True,
)

PERMISSIONS = (
    Permission(READ, Text(zh="查看物资", en="See the depot")),
    Permission(WRITE, Text(zh="维护物资", en="Keep the depot")),
    Permission(CLEAR, Text(zh="查看保管人", en="See keepers")),
    Permission("depot.stands.read", Text(zh="查看泵位", en="See stands")),
    Permission("depot.stands.write", Text(zh="维护泵位", en="Keep stands")),
    Permission("depot.secret.read", Text(zh="查看涉密物资", en="See the secret stock")),
    Permission("depot.secret.write", Text(zh="维护涉密物资", en="Keep the secret stock")),
)


@frozen(eq=False)
class DepotConfig:
    """Nothing to configure."""


@frozen(eq=False)
class DepotPlugin:
    """A depot of pumps."""

    config: DepotConfig
    api: ClassVar[int] = API
    Config: ClassVar[type[DepotConfig]] = DepotConfig

    @implements(Hooks.datasets)
    def datasets(self) -> Iterable[Dataset]:
        """What it keeps."""
        return (PUMPS, TARIFFS, MINISTRY, HIDDEN, STANDS)

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """What roles may be given."""
        return PERMISSIONS


ROLES = """
[roles.storekeeper]
title = { zh = "库管员", en = "Storekeeper" }
reach = "area"
permissions = ["depot.read", "depot.write", "depot.stands.read", "depot.stands.write"]

[roles.store_head]
title = { zh = "库管科长", en = "Head of stores" }
reach = "area"
permissions = ["depot.read", "depot.write", "depot.clear"]

[roles.store_reader]
title = { zh = "查阅员", en = "Reader of stores" }
reach = "area"
permissions = ["depot.read"]
"""
ACCOUNTS = (
    "store-zhiqiu,示范·库,Demo Ku,storekeeper,zhiqiu-office,990101001",
    "store-head,示范·科,Demo Ke,store_head,dispatch-centre,990101",
    "store-reader,示范·阅,Demo Yue,store_reader,dispatch-centre,990101",
)


def depot() -> LoadedPlugin:
    """The plugin, as if it had been found."""
    return LoadedPlugin("depot", DepotPlugin(DepotConfig()), "tests", "1", "tests")
