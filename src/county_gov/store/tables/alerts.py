"""Alert episodes, their changes, and the states of judging."""

from __future__ import annotations

from sqlalchemy import Index

from county_gov.store.tables.columns import identity, key, number, number_key, real, table, words

episodes = table(
    "episodes",
    identity(),
    words("policy"),
    number("datastream"),
    words("area"),
    words("severity"),
    number("started_at"),
    number("ended_at", null=True),
    number("last_reading_at"),
    real("peak"),
    real("limit_value", null=True),
    words("rule_version"),
    words("citation"),
    number("corrected", default="0"),
    number("withdrawn", default="0"),
    number("case", null=True),
    number("created_at"),
    number("updated_at"),
    Index(None, "policy", "datastream", "started_at"),
    Index(None, "ended_at"),
)
episode_changes = table(
    "episode_changes",
    identity(),
    number("episode"),
    number("at"),
    words("change"),
    words("details", default="{}"),
    Index(None, "episode"),
)
judging_states = table(
    "judging_states",
    key("policy"),
    number_key("datastream"),
    number("judged_until"),
    words("state"),
    number("skipped_from", null=True),
    number("skipped_to", null=True),
    number("closes_at", null=True),
    Index(None, "policy", "closes_at"),
)
