"""The service fixtures give what they promise."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests import services

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.service
def test_postgresql_gives_each_test_an_empty_utf8_database(postgresql_database: str) -> None:
    """A test's database is its own, in UTF-8, and not older than PostgreSQL 12."""
    engine = create_engine(postgresql_database, poolclass=NullPool)
    with engine.connect() as connection:
        encoding = connection.scalar(text("SHOW server_encoding"))
        version = connection.scalar(text("SHOW server_version_num"))
        tables = connection.scalar(
            text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        )
    assert "UTF8" == encoding
    assert int(version) >= 120_000
    assert 0 == tables


@pytest.mark.service
def test_chromium_prints_its_version(chromium: Path) -> None:
    """The path is a browser that runs."""
    result = subprocess.run(
        [chromium, "--version"], capture_output=True, check=True, text=True, timeout=60
    )
    assert "Chrom" in result.stdout


def test_a_missing_service_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a developer's machine a missing program skips, and says what is missing."""
    monkeypatch.delenv(services.REQUIRE_SERVICES, raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs a lighthouse"):
        services.missing("a lighthouse")


def test_a_missing_service_fails_the_test_where_services_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In continuous integration a missing program is a failure."""
    monkeypatch.setenv(services.REQUIRE_SERVICES, "1")
    with pytest.raises(pytest.fail.Exception, match="needs a lighthouse"):
        services.missing("a lighthouse")
