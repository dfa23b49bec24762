"""Every table, in one place.

Conventions: instants are microseconds UTC, days are days since 1970-01-01, truth is 0 or 1, texts
in two languages stand in ``name`` and ``name_en``, structured values are JSON text. The tables in
which observations land are made at run time (see `observations`); they are not listed here.

There are no foreign keys. What belongs together (a case with its events and tasks) is written in
one transaction by one module; registers are joined by codes whose parents are dated, and are
checked as a whole when they are imported; observations are keyed by the numbers that intake has
looked up. A constraint would check each of these rows a second time, on one side of a date only.

A change here needs a migration (`county_gov.store.migrations`); a test compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Index, MetaData, Table, UniqueConstraint

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Real: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
Words = sa.Text()
Bytes = sa.LargeBinary()

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *items: sa.schema.SchemaItem, rowid: bool = True) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=rowid)


def _number(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, Number, nullable=null, server_default=default)


def _real(name: str, *, null: bool = False) -> Column[float]:
    return Column(name, Real, nullable=null)


def _words(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Words, nullable=null, server_default=default)


def _bytes(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, Bytes, nullable=null)


def _identity(name: str = "id") -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=True)


def _key(name: str) -> Column[str]:
    return Column(name, Words, primary_key=True)


def _number_key(name: str) -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=False)


register_versions = _table("register_versions", _key("name"), _number("version"))

areas = _table(
    "areas",
    _key("code"),
    _words("kind"),
    _words("name"),
    _words("name_en", default=""),
)
area_parents = _table(
    "area_parents",
    _key("code"),
    _number_key("valid_from"),
    _words("parent", null=True),
    _number("valid_to", null=True),
    Index(None, "parent"),
)
units = _table(
    "units",
    _key("code"),
    _words("name"),
    _words("name_en", default=""),
    _words("kind"),
    _words("area"),
)
things = _table(
    "things",
    _identity("number"),
    _words("code"),
    _words("name"),
    _words("name_en", default=""),
    _real("longitude", null=True),
    _real("latitude", null=True),
    _words("area"),
    _words("unit"),
    _number("active", default="1"),
    UniqueConstraint("code"),
)
datastreams = _table(
    "datastreams",
    _identity("number"),
    _words("code"),
    _number("thing"),
    _words("observed_property"),
    _words("name"),
    _words("name_en", default=""),
    _words("unit_symbol"),
    _number("period"),
    _number("decimals"),
    _real("minimum", null=True),
    _real("maximum", null=True),
    _number("active", default="1"),
    UniqueConstraint("code"),
    Index(None, "thing"),
)


journal = _table(
    "journal",
    _number_key("position"),
    _words("kind"),
    _words("ref"),
    _number("at"),
    _bytes("payload", null=True),
)
followers = _table(
    "followers",
    _key("name"),
    _number("position"),
    _words("owner", default=""),
    _number("lease_until", default="0"),
    _number("fence", default="0"),
)


batches = _table(
    "batches",
    _identity(),
    _words("key"),
    _words("source"),
    _words("wire_format"),
    _words("provenance"),
    _number("received_at"),
    _number("committed_at"),
    _number("accepted"),
    _number("duplicate"),
    _number("revised"),
    _number("quarantined"),
    UniqueConstraint("key"),
    Index(None, "source", "received_at"),
)
cursors = _table("cursors", _key("source"), _words("cursor"), _number("updated_at"))
quarantine = _table(
    "quarantine",
    _identity(),
    _number("batch"),
    _number("row", null=True),
    _words("code"),
    _words("message"),
    _words("field", default=""),
    _words("value", default=""),
    _words("datastream", default=""),
    _bytes("raw"),
    _words("wire_format"),
    _words("source"),
    _words("provenance"),
    _number("received_at"),
    _words("state", default="open"),
    _number("retried_batch", null=True),
    _words("resolved_by", default=""),
    _number("resolved_at", null=True),
    _bytes("digest"),
    CheckConstraint("state IN ('open', 'retried', 'dismissed')", name="state"),
    Index(None, "state", "id"),
    Index(
        None,
        "digest",
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
)
landings = _table(
    "landings",
    _identity("number"),
    _number("opened_at"),
    _number("closed_at", null=True),
    _number("rows", default="0"),
    _number("changes", default="0"),
    _number("settled_day", null=True),
    _number("settled_datastream", null=True),
    _number("settled_at", null=True),
)
blocks = _table(
    "blocks",
    _number_key("day"),
    _number_key("datastream"),
    _number("rows"),
    _number("last"),
    _bytes("body"),
)
heads = _table("heads", _number_key("datastream"), _number("time"))
revisions = _table(
    "revisions",
    _identity(),
    _number("datastream"),
    _number("time"),
    _number("value"),
    _number("flag"),
    _number("result_time", null=True),
    _number("batch"),
    _number("replaced_by"),
    _number("replaced_at"),
    Index(None, "datastream", "time"),
)
latest = _table(
    "latest",
    _number_key("datastream"),
    _number("time"),
    _number("value"),
    _number("flag"),
    _number("received_at"),
)


episodes = _table(
    "episodes",
    _identity(),
    _words("policy"),
    _number("datastream"),
    _words("area"),
    _words("severity"),
    _number("started_at"),
    _number("ended_at", null=True),
    _number("last_reading_at"),
    _real("peak"),
    _real("limit_value", null=True),
    _words("rule_version"),
    _words("citation"),
    _number("corrected", default="0"),
    _number("withdrawn", default="0"),
    _number("case", null=True),
    _number("created_at"),
    _number("updated_at"),
    Index(None, "policy", "datastream", "started_at"),
    Index(None, "ended_at"),
)
episode_changes = _table(
    "episode_changes",
    _identity(),
    _number("episode"),
    _number("at"),
    _words("change"),
    _words("details", default="{}"),
    Index(None, "episode"),
)
judging_states = _table(
    "judging_states",
    _key("policy"),
    _number_key("datastream"),
    _number("judged_until"),
    _words("state"),
    _number("skipped_from", null=True),
    _number("skipped_to", null=True),
)


cases = _table(
    "cases",
    _identity(),
    _words("number"),
    _words("workflow"),
    _number("workflow_version"),
    _words("state"),
    _number("version"),
    _words("area"),
    _words("title"),
    _words("subject"),
    _words("data"),
    _number("opened_at"),
    _number("moved_at"),
    _number("closed_at", null=True),
    _number("drill", default="0"),
    UniqueConstraint("number"),
    Index(None, "workflow", "state"),
    Index(None, "area"),
    Index(None, "subject"),
)
case_serials = _table("case_serials", _key("workflow"), _number_key("year"), _number("last"))
case_events = _table(
    "case_events",
    _identity(),
    _number("case"),
    _number("sequence"),
    _words("event"),
    _words("from_state"),
    _words("to_state"),
    _words("actor"),
    _number("account", null=True),
    _number("at"),
    _words("data"),
    UniqueConstraint("case", "sequence"),
)
case_units = _table(
    "case_units",
    _number_key("case"),
    _key("unit"),
    _number("since", default="1"),
    Index(None, "unit"),
)
case_persons = _table(
    "case_persons",
    _number_key("case"),
    _number_key("account"),
    _number("since", default="1"),
    Index(None, "account"),
)
tasks = _table(
    "tasks",
    _identity(),
    _number("case"),
    _words("state"),
    _words("title"),
    _words("title_en", default=""),
    _words("role"),
    _number("account", null=True),
    _words("unit", null=True),
    _words("area"),
    _number("created_at"),
    _number("ended_at", null=True),
    _words("ended_by", default=""),
    _words("outcome", default=""),
    Index(None, "case"),
    Index(None, "ended_at", "role"),
)
task_occurrences = _table(
    "task_occurrences",
    _number_key("task"),
    _number("number"),
    _number("missed", default="0"),
    _words("note", default=""),
)
task_timers = _table(
    "task_timers",
    _number_key("case"),
    _words("workflow"),
    _words("state"),
    _number("first_at"),
    _number("every"),
    _number("occurrence"),
    _number("due_at"),
    Index(None, "workflow", "due_at"),
)
idempotency_keys = _table(
    "idempotency_keys",
    _key("scope"),
    _key("key"),
    _words("fingerprint"),
    _words("result"),
    _number("at"),
)


parameter_serials = _table(
    "parameter_serials", _key("parameter"), _number("proposed"), _number("approved")
)
parameter_proposals = _table(
    "parameter_proposals",
    _identity(),
    _words("parameter"),
    _number("number"),
    _words("area"),
    _words("value"),
    _words("unit"),
    _number("effective_from"),
    _words("document"),
    _words("document_number"),
    _words("article"),
    _words("reason"),
    _words("state", default="open"),
    _words("proposed_by"),
    _number("proposed_account"),
    _number("proposed_at"),
    _words("decided_by", default=""),
    _number("decided_account", null=True),
    _number("decided_at", null=True),
    _words("decided_reason", default=""),
    _number("approval", null=True),
    UniqueConstraint("parameter", "number"),
    Index(None, "state"),
    CheckConstraint("state IN ('open', 'approved', 'rejected', 'withdrawn')", name="state"),
)


outbox = _table(
    "outbox",
    _identity(),
    _words("key"),
    _words("notifier"),
    _words("recipient"),
    _words("subject"),
    _words("body"),
    _number("case", null=True),
    _number("created_at"),
    _number("next_attempt_at"),
    _number("attempts", default="0"),
    _words("state", default="pending"),
    _words("detail", default=""),
    _number("ended_at", null=True),
    _number("drill", default="0"),
    UniqueConstraint("key"),
    Index(None, "state", "next_attempt_at"),
    CheckConstraint("state IN ('pending', 'sent', 'dead', 'withheld')", name="state"),
)
job_positions = _table("job_positions", _key("job"), _number("until"))
job_runs = _table(
    "job_runs",
    _identity(),
    _words("job"),
    _number("at"),
    _words("request", default=""),
    _words("asked_by", default=""),
    _words("state"),
    _number("attempt", default="0"),
    _number("passed", default="0"),
    _number("due_at"),
    _words("owner", default=""),
    _number("fence", default="0"),
    _number("started_at", null=True),
    _number("ended_at", null=True),
    _words("words", default=""),
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
plugin_notes = _table("plugin_notes", _key("plugin"), _key("key"), _words("value"))


datasets = _table(
    "datasets",
    _key("id"),
    _words("table_name"),
    _number("version"),
    _words("declaration"),
    _words("upgrade", null=True),
    _number("updated_at"),
    UniqueConstraint("table_name"),
)
record_history = _table(
    "record_history",
    _identity(),
    _words("dataset"),
    _words("record"),
    _number("valid_from", null=True),
    _number("version"),
    _words("change"),
    _words("before", null=True),
    _number("schema_version"),
    _words("actor"),
    _number("account", null=True),
    _number("at"),
    _words("request", default=""),
    Index(None, "dataset", "record", "id"),
)
record_imports = _table(
    "record_imports",
    _identity(),
    _words("dataset"),
    _words("name"),
    _bytes("digest"),
    _number("parts"),
    _words("actor"),
    _number("account", null=True),
    _number("created_at"),
    _words("state"),
    _words("fingerprint", default=""),
    _words("outcome", default="{}"),
    _number("applied_at", null=True),
    CheckConstraint("state IN ('read', 'previewed', 'applying', 'applied')", name="state"),
    Index(None, "dataset", "digest"),
    Index(None, "created_at"),
)
record_import_parts = _table(
    "record_import_parts", _number_key("import"), _number_key("number"), _bytes("body")
)


accounts = _table(
    "accounts",
    _identity("number"),
    _words("login"),
    _words("name"),
    _words("name_en", default=""),
    _words("password"),
    _number("active", default="1"),
    _number("failures", default="0"),
    _number("locked_until", default="0"),
    _words("language", default="zh"),
    _number("created_at"),
    UniqueConstraint("login"),
)
posts = _table(
    "posts",
    _identity(),
    _number("account"),
    _words("role"),
    _words("unit"),
    _words("area"),
    _number("valid_from"),
    _number("valid_to", null=True),
    Index(None, "account"),
    Index(None, "role"),
)
sessions = _table(
    "sessions",
    Column("token", Bytes, primary_key=True),
    _number("account"),
    _number("created_at"),
    _number("seen_at"),
    _number("expires_at"),
    _words("address", default=""),
    _words("agent", default=""),
    Index(None, "account"),
)
devices = _table(
    "devices",
    _key("code"),
    _words("name"),
    _words("area", default=""),
    _number("epoch"),
    _number("previous_until", default="0"),
    _number("active", default="1"),
    _number("created_at"),
)
audit = _table(
    "audit",
    _identity(),
    _number("at"),
    _words("actor"),
    _number("account", null=True),
    _words("action"),
    _words("object"),
    _words("area", default=""),
    _words("outcome"),
    _words("request", default=""),
    _words("details", default="{}"),
    Index(None, "at"),
    Index(None, "object"),
)
