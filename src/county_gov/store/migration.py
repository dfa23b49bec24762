"""Bringing a database's tables up to this program's: as a plan, as SQL, or for real."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from county_gov.errors import MigrationPending, StoreError
from county_gov.store import inspection
from county_gov.store.transaction import Snapshot

if TYPE_CHECKING:
    from county_gov.store.database import Database

FOLDER = Path(__file__).parent / "migrations"


def newest() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory(str(FOLDER)).get_current_head()
    if revision is None:
        msg = f"{FOLDER}: no migration is installed; install county-gov again"
        raise StoreError(msg)
    return revision


def known(revision: str) -> bool:
    """Whether this program knows a revision: it is its own, or an older one."""
    return any(step.revision == revision for step in ScriptDirectory(str(FOLDER)).walk_revisions())


def current(database: Database) -> str | None:
    """The revision of a database; None when it has no tables yet."""
    return database.read(inspection.revision)


def pending(database: Database) -> tuple[Script, ...]:
    """The steps that a database lacks, oldest first.

    Raises:
        MigrationPending: if the database is newer than this program.
    """
    return _steps_after(database.read(_revision), database)


def _steps_after(revision: str | None, database: Database) -> tuple[Script, ...]:
    scripts = ScriptDirectory(str(FOLDER))
    try:
        steps = tuple(scripts.iterate_revisions("head", revision or "base"))
    except (CommandError, RevisionError) as error:
        msg = (
            f"{database.url}: its revision {revision!r} is not known to this program, whose newest "
            f"is {newest()!r}; install the county-gov that made it, or a newer one"
        )
        raise MigrationPending(msg) from error
    return tuple(reversed(steps))


def _revision(snapshot: Snapshot) -> str | None:
    """The revision of the tables; None where there are none at all.

    Raises:
        StoreError: if there are tables, and no migration of this program has made them.
    """
    revision = inspection.revision(snapshot)
    names = () if revision else inspection.table_names(snapshot)
    if names:
        msg = (
            f"{snapshot.database.url} is another program's database: it has tables "
            f"({', '.join(names[:3])}), and county-gov's migrations have made none of them; name "
            "a database of its own in store.url"
        )
        raise StoreError(msg)
    return revision


def require_current(database: Database) -> None:
    """Refuse a database that is older or newer than this program.

    Raises:
        MigrationPending: says which of the two, and what to do.
        StoreError: if it is another program's.
    """
    revision = database.read(_revision)
    steps = _steps_after(revision, database)
    if steps:
        found = f"is at revision {revision!r}" if revision else "has no tables yet"
        msg = (
            f"{database.url} {found}, and this program needs {newest()!r}; "
            "make a backup, then run county-gov migrate"
        )
        raise MigrationPending(msg)


def plan(database: Database) -> str:
    """What `upgrade` would do, one line per step."""
    steps = pending(database)
    if not steps:
        return f"{database.url} is at revision {current(database)}: nothing to do\n"
    lines = [f"{database.url}: {len(steps)} step{'s' if len(steps) != 1 else ''} to do"]
    lines += [f"  {step.revision}  {step.doc}" for step in steps]
    return "\n".join(lines) + "\n"


def sql(database: Database) -> str:
    """The SQL of `upgrade`, for those who run such things by hand; empty when nothing is to do."""
    revision = database.read(_revision)
    if not _steps_after(revision, database):
        return ""
    text = StringIO()
    config = _config(dialect=database.dialect)
    config.output_buffer = text
    command.upgrade(config, f"{revision}:head" if revision else "head", sql=True)
    return text.getvalue()


def upgrade(database: Database) -> tuple[str, ...]:
    """Do all pending steps in one transaction: all of them or none.

    Returns:
        The revisions that were added, oldest first.

    Raises:
        MigrationPending: if the database is newer than this program.
        StoreError: if another process is writing, or the database refuses.
    """
    connection = database.connect_writer()
    try:
        database.begin(connection)
        # This read also tells SQLAlchemy of the transaction: Alembic then commits none of its own.
        revision = _revision(Snapshot(connection, database))
        steps = _steps_after(revision, database)
        if steps:
            command.upgrade(_config(connection=connection), "head")
        database.commit(connection)
    except BaseException as error:
        if database.in_transaction(connection):
            database.rollback(connection)
        explained = database.explain_error(error)
        if explained is None:
            raise
        raise explained from error
    finally:
        database.disconnect_writer(connection)
    return tuple(step.revision for step in steps)


def _config(**attributes: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes.update(attributes)
    return config
