"""The small parts of the server, each for itself."""

from __future__ import annotations

import asyncio
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict

from county_gov import errors
from county_gov.contract.text import Text
from county_gov.server.api.documents import exact, rfc3339
from county_gov.server.console.listing import Listing, csv_of
from county_gov.server.identifiers import request_id, ulid
from county_gov.server.logs import LineWriter
from county_gov.server.metrics import RequestMetrics, gauge_lines
from county_gov.server.origin import check_origin
from county_gov.server.parameters import read_parameters
from county_gov.server.problems import failure_of
from county_gov.server.refusal import OriginRefused, RequestInvalid
from county_gov.server.routes import Parameter

PARAMETERS = (
    Parameter("limit", "whole", "", minimum=1, maximum=500),
    Parameter("start", "instant", ""),
    Parameter("open", "truth", ""),
    Parameter("sort", "text", "", choices=("a", "-a")),
)


@given(st.lists(st.tuples(st.sampled_from(["limit", "start", "open", "sort", "x"]), st.text())))
def test_any_query_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Whatever stands in an address, it is read within bounds or refused, never a failure."""
    try:
        values = read_parameters(MultiDict(pairs), PARAMETERS)
    except RequestInvalid as refused:
        assert refused.problems  # noqa: PT017 a query that is read is as good
    else:
        assert 1 <= values.number("limit", 1) <= 500
        assert values.text("sort", "a") in ("a", "-a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T20:00:00Z", 1_699_992_000_000_000),
        ("2023-11-15T04:00:00+08:00", 1_699_992_000_000_000),
        ("2023-11-15T04:00:00 08:00", 1_699_992_000_000_000),
        ("1699992000000000", 1_699_992_000_000_000),
    ],
)
def test_instants(text: str, expected: int) -> None:
    """RFC 3339 with an offset (whose plus may have become a space), or microseconds."""
    values = read_parameters(MultiDict({"start": text}), PARAMETERS)
    assert expected == values.number("start", 0)


@pytest.mark.parametrize("text", ["2023-11-14T20:00:00", "yesterday", "1e3", "", "9" * 30])
def test_what_is_no_instant(text: str) -> None:
    """A time without an offset is no instant."""
    with pytest.raises(RequestInvalid, match="start"):
        read_parameters(MultiDict({"start": text}), PARAMETERS)


@given(st.integers(-(10**15), 10**15), st.integers(0, 9))
def test_values_are_exact(scaled: int, decimals: int) -> None:
    """A stored value and its decimals give back the stored value."""
    value = exact(scaled, decimals)
    assert scaled == int(value.scaleb(decimals))


def test_instants_in_answers() -> None:
    """Seconds stand without a fraction, anything finer with six digits."""
    assert "1970-01-01T00:00:00Z" == rfc3339(0)
    assert "1969-12-31T23:59:59.999999Z" == rfc3339(-1)


@given(st.integers(0, 2**62))
def test_ulids(now: int) -> None:
    """A ULID has 26 digits of Crockford's alphabet; later ones sort later."""
    made = ulid(now)
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", made)
    assert made[:10] <= ulid(now + 1000)[:10] or now // 1000 + 1 >= 2**48


@pytest.mark.parametrize(
    "given_id", ["short", "a b c d e f", "x" * 65, 'quote"quote', "\u00e9" * 10]
)
def test_unsafe_request_ids_are_replaced(given_id: str) -> None:
    """What could forge a log line or a header is not taken over."""
    assert given_id != request_id(given_id, 0)


def headers(**named: str) -> CIMultiDictProxy[str]:
    """Request headers, with underscores for hyphens."""
    pairs = {name.replace("_", "-"): value for name, value in named.items()}
    return CIMultiDictProxy(CIMultiDict(pairs))


def test_the_public_url_is_our_origin() -> None:
    """Behind a proxy the public URL counts, not the Host header."""
    check_origin(headers(Origin="https://county.example"), "https://county.example/")
    for other in ("http://county.example", "https://county.example:8443", "https://evil.example"):
        with pytest.raises(OriginRefused):
            check_origin(headers(Origin=other, Host="evil.example"), "https://county.example/")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedDelivery("x"), 400),
        (errors.AuthenticationFailed("x"), 401),
        (errors.AccessDenied("x"), 403),
        (errors.EventNotAllowed("x", code="permission"), 403),
        (errors.CaseNotFound("x"), 404),
        (errors.NotFound("x"), 404),
        (errors.CaseConflict("x", current=3), 409),
        (errors.EventNotAllowed("x", code="state"), 409),
        (errors.EventNotAllowed("x", code="guard", zh="不行", en="no"), 409),
        (errors.DeliveryTooLarge("x"), 413),
        (errors.UnsupportedWireFormat("x"), 415),
        (errors.EventDataInvalid([errors.Problem("a", "b")]), 422),
        (errors.EventNotAllowed("x", code="idempotency"), 422),
        (errors.RecordInvalid([errors.Problem("a", "b")]), 422),
        (errors.RecordConflict("x", current=3), 409),
        (errors.RecordConflict("x", code="idempotency"), 422),
        (errors.StoreBusy("x", retry_after=2.5), 429),
        (errors.StoreClosed("x"), 503),
        (errors.StoreFull("x"), 503),
        (errors.StoreError("secret"), 503),
        (errors.LeaseLost("secret"), 503),
        (ValueError("secret"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    """One table maps errors to statuses; what is not in it is told without details."""
    failure = failure_of(error)
    assert status == failure.status
    assert (status in (429, 503)) == ("Retry-After" in failure.headers)
    assert b"secret" not in failure.document("id", "en")
    assert failure.expected != ("secret" in str(error))


def test_problems_are_told_in_the_language_that_was_asked_for() -> None:
    """What a person causes is in their language; what has no Chinese follows in brackets."""
    invalid = failure_of(
        errors.RecordInvalid([errors.Problem("name", "is required"), errors.Problem("", "odd")])
    )
    chinese, english = (json.loads(invalid.document("id", one)) for one in ("zh", "en"))
    assert "name: 必填; 填写有误：odd" == chinese["detail"]
    assert {"place": "name", "message": "必填"} == chinese["problems"][0]
    assert "name: is required; odd" == english["detail"]

    missing = failure_of(errors.NotFound("there is no case 9"))
    assert missing.said("zh").endswith("请从导航重新进入。（there is no case 9）")
    assert "there is no case 9" == missing.said("en")

    refused = failure_of(errors.CommandRefused(Text(zh="已接班", en="Taken over already")))
    assert ("已接班", "Taken over already") == (refused.said("zh"), refused.said("en"))


def test_retry_after_is_rounded_up() -> None:
    """A fraction of a second is never rounded to at once."""
    assert "3" == failure_of(errors.StoreBusy("x", retry_after=2.5)).headers["Retry-After"]


@given(st.lists(st.lists(st.text(), min_size=1), max_size=5))
def test_exports_hold_no_formulas(rows: list[list[str]]) -> None:
    """No cell of an export begins with what a spreadsheet takes for a formula."""
    import csv

    text = csv_of(rows).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_lists_ask_for_what_exists() -> None:
    """A page or order that does not exist is the first page, by default order."""
    query = MultiDict({"page.cases": "3", "sort.cases": "-number"})
    listing = Listing.read(query, "cases", ("number",), "-moved")
    assert (3, "-number", 100) == (listing.page, listing.sort, listing.offset)
    for page in ("0", "-1", "x", "9" * 30, ""):
        query = MultiDict({"page.cases": page, "sort.cases": "password"})
        listing = Listing.read(query, "cases", ("number",), "-moved")
        assert (1, "-moved") == (listing.page, listing.sort)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1_234_567_890, "1234567890"), (1234567.0, "1234567"), (0.1, "0.1"), (5e-324, "5e-324")],
)
def test_a_gauge_is_written_in_full(value: float, expected: str) -> None:
    """No digit is lost: a position of seven digits moves with each step."""
    assert f'g{{a="b"}} {expected}' == [*gauge_lines([("g", "G.", 'a="b"', value)])][-1]
    assert f"g {expected}" == [*gauge_lines([("g", "G.", "", value)])][-1]


def test_metrics_count_every_request_once() -> None:
    """Buckets are cumulative, and the last holds them all."""
    metrics = RequestMetrics()
    for seconds in (0.0005, 0.3, 99.0):
        metrics.record('GET /"x"', 200, seconds)
    lines = list(metrics.lines())
    assert 'county_gov_http_requests_total{route="GET /\\"x\\"",status="200"} 3' in lines
    assert 'county_gov_http_request_seconds_bucket{route="GET /\\"x\\"",le="0.001"} 1' in lines
    assert 'county_gov_http_request_seconds_bucket{route="GET /\\"x\\"",le="+Inf"} 3' in lines


async def test_ordinary_lines_are_written_together() -> None:
    """Many lines take one write; a grave one is written at once and in order."""
    file = io.BytesIO()
    writer = LineWriter(file)
    writer.info(b"one")
    writer.info(b"two")
    assert b"" == file.getvalue()
    writer.error(b"three")
    assert b"one\ntwo\nthree\n" == file.getvalue()
    writer.info(b"four")
    await asyncio.to_thread(writer.info, b"five")
    writer.flush()
    assert file.getvalue().endswith(b"four\nfive\n")
