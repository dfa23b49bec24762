"""The datasets' records: declarations, history, imports."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, number_key, octets, table, words

datasets = table(
    "datasets",
    key("id"),
    words("table_name"),
    number("version"),
    words("declaration"),
    words("upgrade", null=True),
    number("updated_at"),
    UniqueConstraint("table_name"),
)
record_history = table(
    "record_history",
    identity(),
    words("dataset"),
    words("record"),
    number("valid_from", null=True),
    number("version"),
    words("change"),
    words("before", null=True),
    number("schema_version"),
    words("actor"),
    number("account", null=True),
    number("at"),
    words("request", default=""),
    Index(None, "dataset", "record", "id"),
)
record_imports = table(
    "record_imports",
    identity(),
    words("dataset"),
    words("name"),
    words("actor"),
    number("account", null=True),
    number("created_at"),
    words("state"),
    words("plan", default="{}"),
    words("outcome", default="{}"),
    number("applied_at", null=True),
    CheckConstraint("state IN ('read', 'previewed', 'applying', 'applied')", name="state"),
    Index(None, "created_at"),
)
record_import_parts = table(
    "record_import_parts",
    number_key("import"),
    number_key("number"),
    words("kind"),
    number("rows"),
    octets("body"),
    CheckConstraint("kind IN ('rejected', 'write', 'written', 'unchanged')", name="kind"),
)
