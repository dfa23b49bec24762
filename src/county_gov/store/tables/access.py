"""Who may do what: accounts, posts, sessions, devices, the audit log."""

from __future__ import annotations

from sqlalchemy import Column, Index, UniqueConstraint

from county_gov.store.tables.columns import Bytes, identity, key, number, table, words

accounts = table(
    "accounts",
    identity("number"),
    words("login"),
    words("name"),
    words("name_en", default=""),
    words("password"),
    number("active", default="1"),
    number("failures", default="0"),
    number("locked_until", default="0"),
    words("language", default="zh"),
    number("created_at"),
    UniqueConstraint("login"),
)
posts = table(
    "posts",
    identity(),
    number("account"),
    words("role"),
    words("unit"),
    words("area"),
    number("valid_from"),
    number("valid_to", null=True),
    Index(None, "account"),
    Index(None, "role"),
)
sessions = table(
    "sessions",
    Column("token", Bytes, primary_key=True),
    number("account"),
    number("created_at"),
    number("seen_at"),
    number("expires_at"),
    words("address", default=""),
    words("agent", default=""),
    Index(None, "account"),
)
devices = table(
    "devices",
    key("code"),
    words("name"),
    words("area", default=""),
    number("epoch"),
    number("previous_until", default="0"),
    number("active", default="1"),
    number("created_at"),
)
audit = table(
    "audit",
    identity(),
    number("at"),
    words("actor"),
    number("account", null=True),
    words("action"),
    words("object"),
    words("area", default=""),
    words("outcome"),
    words("request", default=""),
    words("details", default="{}"),
    Index(None, "at"),
    Index(None, "object"),
)
