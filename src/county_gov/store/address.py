"""Where a store is: the setting ``store.url``, and what may stand in it."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from county_gov.errors import StoreError

SQLITE = "sqlite"
POSTGRESQL = "postgresql+psycopg"
SCHEMES = {
    "sqlite": SQLITE,
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    "postgresql+psycopg": POSTGRESQL,
}
"""How an address may begin, and with which dialect and driver it is opened."""
EXPECTED = "sqlite:///var/county.db or postgresql+psycopg://user@host/database"
IN_MEMORY = ":memory:"


def read_address(url: str) -> sa.URL:
    """Read an address as somebody has typed it.

    Raises:
        StoreError: that names the setting, what is wrong, and what was expected; a password is
            not repeated.
    """
    scheme, mark, _rest = url.partition("://")
    if not mark or scheme not in SCHEMES:
        msg = f"store.url begins with {scheme.partition(':')[0][:40]!r}: expected {EXPECTED}"
        raise StoreError(msg)
    if scheme == SQLITE and not url.startswith("sqlite:///"):
        msg = f"store.url {url!r} names no file; three slashes come before its path: {EXPECTED}"
        raise StoreError(msg)
    try:
        address = sa.make_url(url).set(drivername=SCHEMES[scheme])
    except (sa.exc.ArgumentError, ValueError) as error:
        msg = (
            f"store.url is no address: expected {EXPECTED}; the port is a number, and a password "
            "with other characters than letters and digits belongs into store.password"
        )
        raise StoreError(msg) from error
    fault = _fault_of_file(address) if scheme == SQLITE else _fault_of_server(address)
    if fault:
        msg = f"store.url {address.render_as_string(hide_password=True)!r} {fault}"
        raise StoreError(msg)
    return address


def _fault_of_file(address: sa.URL) -> str:
    path = address.database or ""
    if address.query:
        return "has parameters, and SQLite takes none; a '?' in a name is written %3F"
    if path == IN_MEMORY or path.startswith("file:"):
        return f"is no file, and everything is kept in one: expected {EXPECTED}"
    if "\0" in path:
        return "has a character that no file's name may have"
    if path.rpartition("/")[2] in {"", ".", ".."}:
        return f"names a folder; name a file in it, as in {EXPECTED}"
    return ""


def _fault_of_server(address: sa.URL) -> str:
    if not address.database:
        return f"names no database: expected {EXPECTED}"
    return ""


def complete_address(url: str, *, folder: Path, password: str | None = None) -> str:
    """An address with a path that does not depend on where a program stands, and its password.

    Args:
        url: As it stands in the settings.
        folder: The folder to which a file's path is relative.
        password: The database's, where it stands apart.

    Raises:
        StoreError: as `read_address`.
    """
    address = read_address(url)
    if address.drivername == SQLITE:
        path = (folder / (address.database or "")).absolute()
        return address.set(database=str(path)).render_as_string(hide_password=False)
    if password is not None:
        address = address.set(password=password)
    return address.render_as_string(hide_password=False)
