"""The journal of what happened, and how far each follower has read it."""

from __future__ import annotations

from county_gov.store.tables.columns import key, number, number_key, octets, table, words

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
