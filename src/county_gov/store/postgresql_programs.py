"""PostgreSQL's own programs, ``pg_dump`` and ``pg_restore``: where they are, and running them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from county_gov.errors import StoreError

if TYPE_CHECKING:
    import sqlalchemy as sa

DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps each major version's programs under ``<version>/bin``."""


def find_program(name: str) -> Path:
    """A program in PATH, or Debian's newest.

    Raises:
        StoreError: if it is not installed.
    """
    found = shutil.which(name)
    if found:
        return Path(found)
    versions = [path for path in DEBIAN.glob(f"*/bin/{name}") if path.is_file()]
    if not versions:
        msg = f"{name} was not found; install PostgreSQL's client programs, or put them in PATH"
        raise StoreError(msg)
    return max(versions, key=lambda path: float(path.parent.parent.name))


def program_url(address: sa.URL) -> str:
    """The address as these programs read it, without the password: others see their arguments."""
    return address.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def run_program(name: str, *arguments: str, address: sa.URL) -> None:
    """Run a program; the password goes through its environment.

    Raises:
        StoreError: if it is missing or fails; says what it said.
    """
    environment = dict(os.environ)
    if address.password is not None:
        environment["PGPASSWORD"] = str(address.password)
    ended = subprocess.run(  # noqa: S603 - the program is PostgreSQL's, the arguments are ours
        [find_program(name), *arguments],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ended.returncode != 0:
        said = ended.stderr.strip() or f"exit status {ended.returncode}"
        msg = f"{name} failed: {said}"
        raise StoreError(msg)
