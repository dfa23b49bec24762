"""Cases with their events and tasks, and the keys that make steps repeatable."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, number_key, table, words

cases = table(
    "cases",
    identity(),
    words("number"),
    words("workflow"),
    number("workflow_version"),
    words("state"),
    number("version"),
    words("area"),
    words("title"),
    words("subject"),
    words("data"),
    number("opened_at"),
    number("moved_at"),
    number("closed_at", null=True),
    number("drill", default="0"),
    words("title_en", default=""),
    UniqueConstraint("number"),
    Index(None, "workflow", "state"),
    Index(None, "area"),
    Index(None, "subject"),
)
case_serials = table("case_serials", key("workflow"), number_key("year"), number("last"))
case_events = table(
    "case_events",
    identity(),
    number("case"),
    number("sequence"),
    words("event"),
    words("from_state"),
    words("to_state"),
    words("actor"),
    number("account", null=True),
    number("at"),
    words("data"),
    UniqueConstraint("case", "sequence"),
)
case_units = table(
    "case_units",
    number_key("case"),
    key("unit"),
    number("since", default="1"),
    Index(None, "unit"),
)
case_persons = table(
    "case_persons",
    number_key("case"),
    number_key("account"),
    number("since", default="1"),
    Index(None, "account"),
)
tasks = table(
    "tasks",
    identity(),
    number("case"),
    words("state"),
    words("title"),
    words("title_en", default=""),
    words("role"),
    number("account", null=True),
    words("unit", null=True),
    words("area"),
    number("created_at"),
    number("ended_at", null=True),
    words("ended_by", default=""),
    words("outcome", default=""),
    Index(None, "case"),
    Index(None, "ended_at", "role"),
)
task_occurrences = table(
    "task_occurrences",
    number_key("task"),
    number("number"),
    number("missed", default="0"),
    words("note", default=""),
)
task_timers = table(
    "task_timers",
    number_key("case"),
    words("workflow"),
    words("state"),
    number("first_at"),
    number("every"),
    number("occurrence"),
    number("due_at"),
    Index(None, "workflow", "due_at"),
)
idempotency_keys = table(
    "idempotency_keys",
    key("scope"),
    key("key"),
    words("fingerprint"),
    words("result"),
    number("at"),
)
