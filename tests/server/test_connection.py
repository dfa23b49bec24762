"""Bytes that are no request: refused in our form, not quoted, and logged without a traceback."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog.testing
from yarl import URL

from tests.server.conftest import Site

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
UNREADABLE = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret\r\n\r\n", "first line"),
    "no request line": (b"secret secret secret secret\r\n\r\n", "first line"),
    "a header without a colon": (HEAD + b"secret\r\n\r\n", ""),
    "a NUL in a header": (HEAD + b"X-Secret: sec\0ret\r\n\r\n", ""),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nsecret", ""),
    "a length and chunks": (
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nsecret",
        "",
    ),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\nsecret", ""),
    "a long address": (b"GET /" + b"secret" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "too long"),
    "a long header": (HEAD + b"X-Long: " + b"secret" * 3000 + b"\r\n\r\n", "too long"),
}


async def exchange(site: Site, sent: bytes) -> tuple[str, dict[str, str], bytes]:
    """Send bytes; gives the first line, headers and body of the answer, up to its end."""
    url = URL(site.url)
    assert url.host is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        async with asyncio.timeout(30):
            writer.write(sent)
            await writer.drain()
            answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {one.partition(": ")[0].lower(): one.partition(": ")[2] for one in lines}
    return first, headers, body


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_request_is_refused_as_any_other(site: Site, name: str) -> None:
    """Problem+json with an id, our headers, and nothing of what was sent, there or in the log."""
    sent, words = UNREADABLE[name]
    with structlog.testing.capture_logs() as logs:
        first, headers, body = await exchange(site, sent)
    problem = json.loads(body)
    (entry,) = [one for one in logs if one.get("route") == "unreadable"]

    assert "HTTP/1.1 400" in first or "HTTP/1.0 400" in first
    assert "application/problem+json" in headers["content-type"]
    assert "no-store" == headers["cache-control"]
    assert {"x-request-id", "x-content-type-options", "content-security-policy"} <= set(headers)
    assert ("urn:county-gov:problem:unreadable-request", 400) == (
        problem["type"],
        problem["status"],
    )
    assert words in problem["detail"]
    assert ("info", 400) == (entry["log_level"], entry["status"])
    assert problem["instance"].endswith(entry["request"])
    assert "exc_info" not in entry
    assert "secret" not in (body.decode() + repr(logs)).lower()


async def test_unreadable_requests_are_counted(site: Site) -> None:
    """They stand beside the routes."""
    await exchange(site, b"nonsense\r\n\r\n")
    async with site.visitor().get("/metrics") as answer:
        text = await answer.text()

    assert 'county_gov_http_requests_total{route="unreadable",status="400"} 1' in text


async def test_who_expects_to_be_told_is_told_and_other_expectations_are_ignored(
    site: Site,
) -> None:
    """The gate answers both, as it would without."""
    for expected in ("100-continue", "a miracle"):
        sent = HEAD + f"Connection: close\r\nExpect: {expected}\r\n\r\n".encode()
        first, headers, body = await exchange(site, sent)
        if expected == "100-continue":
            assert "HTTP/1.1 100 Continue" == first
            assert b"HTTP/1.1 200 OK" in body
        else:
            assert ("HTTP/1.1 200 OK", "application/json") == (first, headers["content-type"])
