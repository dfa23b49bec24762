"""Observations: the landing tables' list, settled blocks, revisions, the latest values."""

from __future__ import annotations

from sqlalchemy import Index

from county_gov.store.tables.columns import identity, number, number_key, octets, table

landings = table(
    "landings",
    identity("number"),
    number("opened_at"),
    number("closed_at", null=True),
    number("rows", default="0"),
    number("changes", default="0"),
    number("settled_day", null=True),
    number("settled_datastream", null=True),
    number("settled_at", null=True),
)
blocks = table(
    "blocks",
    number_key("day"),
    number_key("datastream"),
    number("rows"),
    number("last"),
    octets("body"),
)
heads = table("heads", number_key("datastream"), number("time"))
revisions = table(
    "revisions",
    identity(),
    number("datastream"),
    number("time"),
    number("value"),
    number("flag"),
    number("result_time", null=True),
    number("batch"),
    number("replaced_by"),
    number("replaced_at"),
    Index(None, "datastream", "time"),
)
latest = table(
    "latest",
    number_key("datastream"),
    number("time"),
    number("value"),
    number("flag"),
    number("received_at"),
)
