"""A consistent copy of a database in a folder, made while writing goes on, and the way back.

The folder holds the copy and ``manifest.json``, which is written last: a folder without one is not
a backup. Where the copy is made by SQLite or by PostgreSQL's own programs says each module.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from attrs import frozen

from county_gov.contract.clock import SystemClock
from county_gov.errors import MigrationPending, StoreError
from county_gov.store import migration
from county_gov.store.inspection import count_rows
from county_gov.store.store import open_database

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store.database import Database

FORMAT = 1
"""Version of the manifest and of what lies beside it."""
MANIFEST = "manifest.json"


@frozen(eq=False)
class CopiedFile:
    """One file of a backup.

    Args:
        bytes: Its length.
        sha256: Of its content, in hexadecimal digits.
    """

    bytes: int
    sha256: str


@frozen(eq=False)
class Manifest:
    """What a backup is, and what it must contain.

    Args:
        format: Version of this manifest's format.
        program: Version of county-gov that made it.
        dialect: "sqlite" or "postgresql": it can only be restored into the same.
        revision: Revision of the tables; None where they were made without migrations.
        created_at: Instant, microseconds UTC.
        files: By name.
        rows: How many rows each table has.
    """

    format: int
    program: str
    dialect: str
    revision: str | None
    created_at: int
    files: Mapping[str, CopiedFile]
    rows: Mapping[str, int]


def backup(database: Database, folder: Path, *, clock: Clock | None = None) -> Manifest:
    """Copy a database into a folder, while others read and write it.

    Args:
        database: What to copy.
        folder: Where to; made if it is missing, and readable by its owner alone.
        clock: Gives the backup its instant; the machine's by default.

    Raises:
        StoreError: if the folder is not empty, or the copy fails.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        msg = f"{folder}: a backup goes into an empty folder; name a new one"
        raise StoreError(msg)
    copied = database.copy_into(folder)
    manifest = Manifest(
        format=FORMAT,
        program=version("county-gov"),
        dialect=database.dialect,
        revision=copied.revision,
        created_at=(clock or SystemClock()).now(),
        files={copied.name: _describe(folder / copied.name)},
        rows=copied.rows,
    )
    _write_durably(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def restore(folder: Path, url: str) -> Manifest:
    """Fill an empty place from a backup, and check that it holds what the manifest says.

    Args:
        folder: As `backup` left it.
        url: The database to fill: a file that does not exist, or a database without tables.

    Raises:
        StoreError: if the backup is damaged or of another kind, or the place is not empty.
        MigrationPending: if the backup was made by a newer program.
    """
    manifest = read_manifest(folder)
    database = open_database(url)
    try:
        _check_kind(manifest, database, folder)
        (name,) = manifest.files
        database.fill_from(folder / name)
        rows = database.read(count_rows)
        if rows != dict(manifest.rows):
            wrong = sorted(
                table
                for table in {*rows, *manifest.rows}
                if rows.get(table) != manifest.rows.get(table)
            )
            msg = f"{database.url}: after the restore these tables differ: {', '.join(wrong)}"
            raise StoreError(msg)
    finally:
        database.close()
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest and check its files against it.

    Raises:
        StoreError: if it is missing, of an unknown format, or a file is not as it says.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        msg = f"{path} is missing: this is no backup, or one that was not finished"
        raise StoreError(msg) from error
    except msgspec.DecodeError as error:
        msg = f"{path}: {error}"
        raise StoreError(msg) from error
    if manifest.format != FORMAT:
        msg = f"{path}: expected format {FORMAT}, got {manifest.format}; use the county-gov of then"
        raise StoreError(msg)
    if len(manifest.files) != 1 or any(Path(name).name != name for name in manifest.files):
        msg = f"{path}: expected one file by its plain name, got {sorted(manifest.files)}"
        raise StoreError(msg)
    for name, expected in manifest.files.items():
        _check_file(folder / name, expected)
    return manifest


def _check_file(path: Path, expected: CopiedFile) -> None:
    if not path.is_file():
        msg = f"{path} is missing from the backup"
        raise StoreError(msg)
    found = _describe(path)
    if (found.bytes, found.sha256) != (expected.bytes, expected.sha256):
        msg = (
            f"{path} is damaged: expected {expected.bytes} bytes with SHA-256 {expected.sha256}, "
            f"got {found.bytes} with {found.sha256}; take another backup"
        )
        raise StoreError(msg)


def _check_kind(manifest: Manifest, database: Database, folder: Path) -> None:
    if manifest.dialect != database.dialect:
        msg = (
            f"{folder} was made from {manifest.dialect} and cannot be restored into "
            f"{database.dialect}; give a {manifest.dialect} URL"
        )
        raise StoreError(msg)
    if manifest.revision is not None and not migration.known(manifest.revision):
        msg = (
            f"{folder} has tables of revision {manifest.revision!r}, which this program does not "
            f"know; install county-gov {manifest.program} or a newer one"
        )
        raise MigrationPending(msg)


def _describe(path: Path) -> CopiedFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return CopiedFile(path.stat().st_size, digest)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all, also after a power cut."""
    draft = path.with_name(path.name + ".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
