"""Schemathesis against a real server: what the document allows or forbids is answered so."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.server.conftest import HOUR_START, STREAM, Site

CHECKS = ",".join(  # noqa: FLY002 one check a line
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
)


@pytest.mark.service
async def test_the_interface_keeps_its_word(site: Site, tmp_path: Path) -> None:
    """No 5xx, no status, media type or body that the document does not name."""
    await site.send([{"datastream": STREAM, "time": HOUR_START, "value": 200}])
    await site.send([{"datastream": "nowhere", "time": HOUR_START, "value": 1}])
    await site.county.caught_up()
    token = await site.token("operator")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{site.url}api/openapi.json",
        "--header",
        f"Cookie: county_session={token}",
        "--checks",
        CHECKS,
        "--max-examples",
        "30",
        "--seed",
        "1",
        "--exclude-path",
        "/readyz",
        "--exclude-path",
        "/api/v1/session",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert 0 == process.returncode, said.decode()[-6000:]
