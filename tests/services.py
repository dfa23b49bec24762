"""Fixtures for the real servers and programs that tests marked ``service`` need.

A missing program skips the test with its reason. Where ``COUNTY_GOV_REQUIRE_SERVICES=1`` is set, as
in continuous integration, it fails instead, so that nothing goes untested unnoticed.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["chromium", "missing", "postgresql", "postgresql_database"]

REQUIRE_SERVICES = "COUNTY_GOV_REQUIRE_SERVICES"
POSTGRESQL_USER = "county"
START_SECONDS = 60
UNPRIVILEGED_USERS = ("postgres", "nobody")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Run a private PostgreSQL for the session and give the URL of its superuser.

    The cluster lives in a temporary folder and listens on a free port of the loopback interface.
    PostgreSQL refuses to run as root; then it runs as ``postgres`` or ``nobody``.

    Returns:
        A SQLAlchemy URL, ``postgresql+psycopg://user:password@127.0.0.1:port/postgres``.
    """
    binaries = _postgresql_binaries()
    if binaries is None:
        missing("PostgreSQL's initdb and pg_ctl: in PATH or /usr/lib/postgresql/*/bin")
    with _cluster(binaries) as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql: str) -> Iterator[str]:
    """Create an empty database for one test, give its SQLAlchemy URL, and drop it afterwards."""
    server = make_url(postgresql)
    name = f"test_{secrets.token_hex(8)}"
    _administer(postgresql, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield server.set(database=name).render_as_string(hide_password=False)
    _administer(postgresql, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Give the path of the system's Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing(f"Chromium: one of {', '.join(names)} in PATH")
    return Path(found)


def missing(what: str) -> NoReturn:
    """Skip a test that needs something, or fail it where nothing may be missing."""
    reason = f"this test needs {what}"
    if os.environ.get(REQUIRE_SERVICES) == "1":
        pytest.fail(f"{reason}, and {REQUIRE_SERVICES}=1 forbids to skip it", pytrace=False)
    pytest.skip(reason)


def _postgresql_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server programs."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file():
            return folder
    return None


@contextmanager
def _cluster(binaries: Path) -> Iterator[str]:
    password = secrets.token_hex(16)
    port = _free_port()
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="county-gov-pg-")))
        identity = _identity(folder)
        data = folder / "data"
        secret = folder / "password"
        secret.write_text(password, encoding="utf-8")
        _own(secret, identity)
        _run(
            [
                binaries / "initdb",
                f"--pgdata={data}",
                f"--username={POSTGRESQL_USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            folder,
            identity,
        )
        # A test's cluster need not survive a power cut: fsync is off, for speed.
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        control: list[Path | str] = [
            binaries / "pg_ctl",
            f"--pgdata={data}",
            "--wait",
            f"--timeout={START_SECONDS}",
        ]
        log = f"--log={folder / 'server.log'}"
        _run([*control, log, f"--options={options}", "start"], folder, identity)
        undo.callback(_run, [*control, "--mode=immediate", "stop"], folder, identity)
        yield f"postgresql+psycopg://{POSTGRESQL_USER}:{password}@127.0.0.1:{port}/postgres"


def _identity(folder: Path) -> Mapping[str, Any]:
    """Return who runs PostgreSQL, as arguments of ``subprocess.run``, and give them the folder."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in UNPRIVILEGED_USERS:
        if name in known:
            identity = {"user": known[name].pw_uid, "group": known[name].pw_gid, "extra_groups": []}
            _own(folder, identity)
            return identity
    missing(f"one of the users {', '.join(UNPRIVILEGED_USERS)}, to run PostgreSQL without root")


def _own(path: Path, identity: Mapping[str, Any]) -> None:
    if identity:
        os.chown(path, identity["user"], identity["group"])


def _run(command: list[Path | str], folder: Path, identity: Mapping[str, Any]) -> None:
    """Run a PostgreSQL program; its output goes to a file that the server may keep open."""
    output = folder / "output.log"
    with output.open("ab") as stream:
        result = subprocess.run(
            command,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            timeout=2 * START_SECONDS,
            **identity,
        )
    if result.returncode:
        logs = [path for path in (output, folder / "server.log") if path.is_file()]
        text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
        pytest.fail(f"{command[0]}: exit status {result.returncode}\n{text}", pytrace=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _administer(url: str, statement: sql.Composed) -> None:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)
