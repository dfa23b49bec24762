"""Jobs, recurring tasks, and the events that plugins have missed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _recurring_tasks()
    _jobs()
    _events()
    _corrections()
    _folds()
    _titles()


def _number(
    name: str, *, null: bool = False, default: str | None = None, identity: bool = False
) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=null, server_default=default, autoincrement=identity)


def _words(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _recurring_tasks() -> None:
    op.create_table(
        "task_occurrences",
        _number("task"),
        _number("number"),
        _number("missed", default="0"),
        _words("note", default=""),
        sa.PrimaryKeyConstraint("task", name="pk_task_occurrences"),
        sqlite_strict=True,
    )
    op.create_table(
        "task_timers",
        _number("case"),
        _words("workflow"),
        _words("state"),
        _number("first_at"),
        _number("every"),
        _number("occurrence"),
        _number("due_at"),
        sa.PrimaryKeyConstraint("case", name="pk_task_timers"),
        sqlite_strict=True,
    )
    op.create_index("ix_task_timers_workflow_due_at", "task_timers", ["workflow", "due_at"])


def _jobs() -> None:
    op.create_table(
        "job_positions",
        _words("job"),
        _number("until"),
        sa.PrimaryKeyConstraint("job", name="pk_job_positions"),
        sqlite_strict=True,
    )
    op.create_table(
        "job_runs",
        _number("id", identity=True),
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
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'missed')",
            name="ck_job_runs_state",
        ),
        sa.UniqueConstraint("job", "at", "request", name="uq_job_runs_job_at_request"),
        sa.PrimaryKeyConstraint("id", name="pk_job_runs"),
        sqlite_strict=True,
    )
    op.create_index("ix_job_runs_at", "job_runs", ["at"])
    op.create_index(
        "ix_job_runs_request",
        "job_runs",
        ["request"],
        unique=True,
        sqlite_where=sa.text("request <> ''"),
        postgresql_where=sa.text("request <> ''"),
    )
    op.create_index("ix_job_runs_state_due_at", "job_runs", ["state", "due_at"])


def _corrections() -> None:
    """With which text a quarantined row was taken in, where it was not its own."""
    op.add_column("quarantine", sa.Column("corrected", sa.LargeBinary(), nullable=True))


def _folds() -> None:
    op.create_table(
        "batch_folds",
        _words("source"),
        _number("day"),
        _number("first"),
        _number("last"),
        _number("batches"),
        _number("accepted"),
        _number("duplicate"),
        _number("revised"),
        sa.PrimaryKeyConstraint("source", "day", name="pk_batch_folds"),
        sqlite_strict=True,
    )


def _titles() -> None:
    """Titles of cases in English as well, where the county itself has written them."""
    op.add_column("cases", _words("title_en", default=""))


def _events() -> None:
    op.create_table(
        "event_delays",
        _words("plugin"),
        _number("position"),
        _number("since"),
        _number("attempts"),
        _number("tried_at"),
        _number("next_at"),
        _words("reason"),
        sa.PrimaryKeyConstraint("plugin", name="pk_event_delays"),
        sqlite_strict=True,
    )
    op.create_table(
        "missed_events",
        _number("id", identity=True),
        _words("plugin"),
        _number("position"),
        _words("kind"),
        _words("ref"),
        _number("at"),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        _number("attempts"),
        _words("reason"),
        _words("state", default="missed"),
        _number("missed_at"),
        _number("due_at", default="0"),
        _words("request", default=""),
        _words("asked_by", default=""),
        _number("ended_at", null=True),
        sa.CheckConstraint(
            "state IN ('missed', 'asked', 'delivered')", name="ck_missed_events_state"
        ),
        sa.UniqueConstraint("plugin", "position", name="uq_missed_events_plugin_position"),
        sa.PrimaryKeyConstraint("id", name="pk_missed_events"),
        sqlite_strict=True,
    )
    op.create_index("ix_missed_events_state_plugin", "missed_events", ["state", "plugin"])
