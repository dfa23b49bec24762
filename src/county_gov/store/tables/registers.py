"""The registers: areas, units, things and their datastreams."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, number_key, real, table, words

register_versions = table("register_versions", key("name"), number("version"))
areas = table(
    "areas",
    key("code"),
    words("kind"),
    words("name"),
    words("name_en", default=""),
)
area_parents = table(
    "area_parents",
    key("code"),
    number_key("valid_from"),
    words("parent", null=True),
    number("valid_to", null=True),
    Index(None, "parent"),
)
units = table(
    "units",
    key("code"),
    words("name"),
    words("name_en", default=""),
    words("kind"),
    words("area"),
)
things = table(
    "things",
    identity("number"),
    words("code"),
    words("name"),
    words("name_en", default=""),
    real("longitude", null=True),
    real("latitude", null=True),
    words("area"),
    words("unit"),
    number("active", default="1"),
    UniqueConstraint("code"),
)
datastreams = table(
    "datastreams",
    identity("number"),
    words("code"),
    number("thing"),
    words("observed_property"),
    words("name"),
    words("name_en", default=""),
    words("unit_symbol"),
    number("period"),
    number("decimals"),
    real("minimum", null=True),
    real("maximum", null=True),
    number("active", default="1"),
    UniqueConstraint("code"),
    Index(None, "thing"),
)
