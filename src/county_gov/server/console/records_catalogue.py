"""The catalogue of records: which data there are, and what their fields mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from county_gov.contract.dataset import VALID_FROM
from county_gov.contract.page import Column, Row, Table
from county_gov.contract.text import Text
from county_gov.server.console.frame import draw
from county_gov.server.console.records import TITLE, address, crumbs_of
from county_gov.server.records import DATASET, dataset_of
from county_gov.server.render.records import Link
from county_gov.server.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field
    from county_gov.records.reading import CatalogueEntry
    from county_gov.server.call import Call

GRADES = {
    "public": Text(zh="公开", en="Public"),
    "internal": Text(zh="内部", en="Internal"),
    "personal": Text(zh="个人信息", en="Personal"),
    "sensitive": Text(zh="敏感个人信息", en="Sensitive"),
}
KINDS = {
    "int64": Text(zh="整数", en="Whole number"),
    "float64": Text(zh="数字", en="Number"),
    "bool": Text(zh="是或否", en="Yes or no"),
    "text": Text(zh="文字", en="Text"),
    "instant": Text(zh="时间", en="Time"),
    "date": Text(zh="日期", en="Day"),
}
RECORD_SYSTEMS = {
    "ours": Text(zh="本系统", en="This system"),
    "external": Text(zh="外部系统（只导入）", en="Another system (imported)"),
}
CATALOGUE_COLUMNS = (
    Column("title", Text(zh="数据", en="Data"), sortable=False),
    Column("rows", Text(zh="条数", en="Rows"), "number", sortable=False),
    Column("fields", Text(zh="字段", en="Fields"), "number", sortable=False),
    Column("grade", Text(zh="最高级别", en="Highest grade"), sortable=False),
    Column("system", Text(zh="由谁认定", en="Decided by"), sortable=False),
    Column("version", Text(zh="版本", en="Version"), "number", sortable=False),
    Column("id", Text(zh="标识", en="Identifier"), sortable=False),
)
FIELD_COLUMNS = (
    Column("title", Text(zh="字段", en="Field"), sortable=False),
    Column("name", Text(zh="字段名", en="Name"), sortable=False),
    Column("kind", Text(zh="类型", en="Kind"), sortable=False),
    Column("bounds", Text(zh="范围", en="Bounds"), sortable=False),
    Column("grade", Text(zh="级别", en="Grade"), sortable=False),
    Column("meaning", Text(zh="含义", en="Meaning"), sortable=False),
)
NO_DATASETS = Text(
    zh="还没有可查看的数据。数据由插件提供：请在部署文件中启用相应插件，并给岗位授予查看权限。",
    en="There is nothing to see yet. Plugins declare data: enable one in the deployment file and "
    "give your role the permission to read it.",
)


async def show_catalogue(call: Call) -> web.StreamResponse:
    """The datasets that who looks may read."""
    found = await call.county.records.catalogue(call.actor)
    table = Table(
        id="datasets",
        title=Text(zh="全部数据", en="All data"),
        columns=CATALOGUE_COLUMNS,
        rows=tuple(_catalogue_row(one) for one in found),
        total=len(found),
        empty=NO_DATASETS,
    )
    rows = sum(one.rows for one in found)
    noun = "dataset" if len(found) == 1 else "datasets"
    headline = Text(
        zh=f"可查看 {len(found)} 类数据，共 {rows} 条",
        en=f"You can see {len(found)} {noun} with {rows} rows",
    )
    return await draw(
        call,
        "list.html",
        title=TITLE,
        headline=headline if found else None,
        views=(table,),
        filters=(),
    )


def _catalogue_row(entry: CatalogueEntry) -> Row:
    dataset = entry.dataset
    grades = [one.classification for one in dataset.schema.fields]
    title = dataset.title
    if not entry.enabled:
        title = Text(
            zh=f"{title.zh}（插件已停用，只读）", en=f"{title.in_language('en')} (disabled)"
        )
    return Row(
        {
            "title": dataset.id,
            "rows": entry.rows,
            "fields": len(dataset.schema.fields),
            "version": dataset.schema.version,
            "id": dataset.id,
        },
        texts={
            "title": title,
            "grade": GRADES[max(grades, key=list(GRADES).index)],
            "system": RECORD_SYSTEMS[dataset.system_of_record],
        },
        href=address(dataset.id),
    )


async def show_fields(call: Call) -> web.StreamResponse:
    """What the fields of a dataset mean."""
    dataset = dataset_of(call)
    table = Table(
        id="fields",
        title=Text(zh="字段", en="Fields"),
        columns=FIELD_COLUMNS,
        rows=tuple(_field_row(dataset, one) for one in dataset.record_schema.fields),
        total=len(dataset.record_schema.fields),
        empty=NO_DATASETS,
    )
    title = Text(
        zh=f"{dataset.title.zh}：字段说明", en=f"{dataset.title.in_language('en')}: fields"
    )
    return await draw(
        call,
        "records.html",
        title=title,
        crumbs=crumbs_of(dataset),
        links=_template_links(dataset),
        views=(table,),
        filters=(),
    )


def _template_links(dataset: Dataset) -> tuple[Link, ...]:
    return (
        Link(Text(zh="下载 CSV 模板", en="CSV template"), address(dataset.id, "template.csv")),
        Link(Text(zh="下载 Excel 模板", en="Excel template"), address(dataset.id, "template.xlsx")),
    )


def _field_row(dataset: Dataset, one: Field) -> Row:
    title = one.title
    if one.name in dataset.schema.key or one.name == VALID_FROM:
        title = Text(zh=f"{title.zh}（主键）", en=f"{title.in_language('en')} (key)")
    elif not one.required:
        title = Text(zh=f"{title.zh}（选填）", en=f"{title.in_language('en')} (optional)")
    bounds = _bounds(one)
    return Row(
        {"name": one.name, "meaning": None, "title": one.name, "bounds": None},
        texts={
            "title": title,
            "kind": KINDS[one.dtype],
            "grade": GRADES[one.classification],
            **({"bounds": bounds} if bounds else {}),
            **({"meaning": one.meaning} if one.meaning else {}),
        },
    )


def _bounds(one: Field) -> Text | None:
    """What values a field may have, in words."""
    if one.choices:
        return Text(
            zh="、".join(words.zh for _key, words in one.choices),
            en=", ".join(words.in_language("en") for _key, words in one.choices),
        )
    low = "" if one.minimum is None else f"{one.minimum:g}"
    high = "" if one.maximum is None else f"{one.maximum:g}"
    if one.dtype == "text":
        if not high:
            return None
        return Text(zh=f"最多 {high} 字", en=f"at most {high} characters")
    span = f"{low} – {high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""
    words = f"{span} {one.unit}".strip()
    return Text(zh=words) if words else None


ROUTES = (
    Route("GET", "/records", show_catalogue, SIGNED_IN, TITLE),
    Route(
        "GET",
        f"/records/{DATASET}/fields",
        show_fields,
        SIGNED_IN,
        Text(zh="字段说明", en="What a dataset's fields mean"),
        failures=(404,),
    ),
)
