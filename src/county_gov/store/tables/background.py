"""What runs by itself: the outbox, jobs, the notes of plugins."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from county_gov.store.tables.columns import identity, key, number, table, words

outbox = table(
    "outbox",
    identity(),
    words("key"),
    words("notifier"),
    words("recipient"),
    words("subject"),
    words("body"),
    number("case", null=True),
    number("created_at"),
    number("next_attempt_at"),
    number("attempts", default="0"),
    words("state", default="pending"),
    words("detail", default=""),
    number("ended_at", null=True),
    number("drill", default="0"),
    UniqueConstraint("key"),
    Index(None, "state", "next_attempt_at"),
    CheckConstraint("state IN ('pending', 'sent', 'dead', 'withheld')", name="state"),
)
job_positions = table("job_positions", key("job"), number("until"))
job_runs = table(
    "job_runs",
    identity(),
    words("job"),
    number("at"),
    words("request", default=""),
    words("asked_by", default=""),
    words("state"),
    number("attempt", default="0"),
    number("passed", default="0"),
    number("due_at"),
    words("owner", default=""),
    number("fence", default="0"),
    number("started_at", null=True),
    number("ended_at", null=True),
    words("words", default=""),
    CheckConstraint("state IN ('waiting', 'running', 'done', 'failed', 'missed')", name="state"),
    UniqueConstraint("job", "at", "request"),
    Index(None, "state", "due_at"),
    Index(None, "at"),
    Index(
        None,
        "request",
        unique=True,
        sqlite_where=sa.text("request <> ''"),
        postgresql_where=sa.text("request <> ''"),
    ),
)
plugin_notes = table("plugin_notes", key("plugin"), key("key"), words("value"))
