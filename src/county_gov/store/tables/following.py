"""The journal of what happened, how far each follower has read it, what plugins have missed."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from county_gov.store.tables.columns import (
    identity,
    key,
    number,
    number_key,
    octets,
    table,
    words,
)

journal = table(
    "journal",
    number_key("position"),
    words("kind"),
    words("ref"),
    number("at"),
    octets("payload", null=True),
)
followers = table(
    "followers",
    key("name"),
    number("position"),
    words("owner", default=""),
    number("lease_until", default="0"),
    number("fence", default="0"),
)
event_delays = table(
    "event_delays",
    key("plugin"),
    number("position"),
    number("since"),
    number("attempts"),
    number("tried_at"),
    number("next_at"),
    words("reason"),
)
missed_events = table(
    "missed_events",
    identity(),
    words("plugin"),
    number("position"),
    words("kind"),
    words("ref"),
    number("at"),
    octets("payload", null=True),
    number("attempts"),
    words("reason"),
    words("state", default="missed"),
    number("missed_at"),
    number("due_at", default="0"),
    words("request", default=""),
    words("asked_by", default=""),
    number("ended_at", null=True),
    CheckConstraint("state IN ('missed', 'asked', 'delivered')", name="state"),
    UniqueConstraint("plugin", "position"),
    Index(None, "state", "plugin"),
)
