"""Decoding: the wire formats give the same rows, and one bad row costs no other."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.batch import NO_TIME
from county_gov.contract.source import Decoded, Delivery
from county_gov.errors import DeliveryTooLarge, IntakeError, MalformedDelivery
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import ROW_FORMAT, Readable
from county_gov.intake.wire_format import COLUMNS, CSV, JSON, NDJSON, READERS, decode, read
from tests.intake.bad_inputs import DATASTREAM, GOOD, TIME

LIMITS = IntakeLimits()
LATER = "2023-11-14T21:30:00+00:00"


def rows_of(readable: Readable | Decoded) -> list[dict[str, Any]]:
    """The rows of a batch as objects, absent optional values left out."""
    batch = readable.batch
    rows = [{name: column[index] for name, column in batch.items()} for index in range(batch.rows)]
    for row in rows:
        if row.get("result_time") == NO_TIME:
            del row["result_time"]
        if row.get("flag") == "":
            del row["flag"]
    return rows


def encode(rows: list[dict[str, Any]], wire_format: str, *, ascii_only: bool = False) -> bytes:
    """Rows in a wire format."""
    if wire_format == JSON:
        return json.dumps(rows, ensure_ascii=ascii_only).encode()
    if wire_format == NDJSON:
        return "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode()
    names = ["datastream", "time", "value"]
    names += [name for name in ("result_time", "flag") if any(name in row for row in rows)]
    if wire_format == COLUMNS:
        columns = {name: [row.get(name) for row in rows] for name in names}
        return json.dumps(columns, ensure_ascii=ascii_only).encode()
    lines = [",".join(str(row.get(name, "")) for name in names) for row in rows]
    return "\r\n".join([",".join(names), *lines, ""]).encode()


codes = st.text("abcXYZ.:_-站点{[", min_size=1, max_size=8)
times = (st.integers(-(2**53), -1) | st.integers(2**43, 2**53)) | st.sampled_from(
    [TIME, LATER, "2023-11-14T21:30:00.25Z"]
)
good_rows = st.fixed_dictionaries(
    {
        "datastream": codes,
        "time": times,
        "value": st.floats(-1e300, 1e300) | st.integers(-(2**62), 2**62),
    },
    optional={"result_time": times, "flag": st.sampled_from(["faulty", "a:b"])},
)


@given(st.lists(good_rows, min_size=1, max_size=30), st.booleans())
def test_all_formats_read_the_same_rows(rows: list[dict[str, Any]], ascii_only: bool) -> None:
    """JSON rows, NDJSON, columns and CSV of the same rows decode to the same batch."""
    read_rows = []
    for wire_format in (JSON, NDJSON, COLUMNS, f"{CSV}; charset=utf-8"):
        media_type = wire_format.partition(";")[0]
        raw = encode(rows, media_type, ascii_only=ascii_only)
        decoded = decode(Delivery(raw, wire_format, "test", 0))
        assert () == decoded.rejected
        assert list(range(len(rows))) == decoded.rows.tolist()
        read_rows.append(rows_of(decoded))
    assert [read_rows[0]] * 4 == read_rows
    assert [float(row["value"]) for row in rows] == [row["value"] for row in read_rows[0]]
    assert [row["datastream"] for row in rows] == [row["datastream"] for row in read_rows[0]]


@given(
    st.lists(st.tuples(good_rows, st.sampled_from(["", "key", "type", "twice"])), min_size=1),
    st.booleans(),
)
def test_bad_rows_cost_no_good_row(marked: list[tuple[dict[str, Any], str]], lines: bool) -> None:
    """Good rows are read alike whether bad ones stand among them or not; each bad one is named."""
    texts, expected = [], []
    for row, fault in marked:
        text = json.dumps(row)
        if fault == "key":
            text = json.dumps({**row, "extra": 1})
        elif fault == "type":
            text = json.dumps({**row, "value": True})
        elif fault == "twice":
            text = text[:-1] + ', "value": 0}'
        else:
            expected.append(row)
        texts.append(text)
    if lines:
        readable = read("\n".join(texts).encode(), NDJSON, LIMITS)
    else:
        readable = read(f"[{','.join(texts)}]".encode(), JSON, LIMITS)
    alone = rows_of(read(encode(expected, JSON), JSON, LIMITS)) if expected else []
    assert alone == rows_of(readable)
    bad = [number for number, (_, fault) in enumerate(marked) if fault]
    assert bad == [one.reason.row for one in readable.refused]
    assert [texts[number].encode() for number in bad] == [one.raw for one in readable.refused]


def mutate(raw: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    """Bytes with pieces put in at places."""
    for place, piece in edits:
        at = place % (len(raw) + 1)
        raw = raw[:at] + piece + raw[at + len(piece) % 3 :]
    return raw


pieces = st.binary(max_size=4) | st.sampled_from(
    [b'"', b"\\", b":", b"{", b"}", b"[", b"]", b",", b"\n", b"\xff", b"\\u0000", b"NaN", b"1e999"]
)


@pytest.mark.parametrize("wire_format", sorted(READERS))
@given(
    raw=st.binary(max_size=200)
    | st.builds(
        mutate,
        st.sampled_from(
            [
                encode([GOOD, {**GOOD, "flag": "faulty"}], name)
                for name in (JSON, NDJSON, COLUMNS, CSV)
            ]
        ),
        st.lists(st.tuples(st.integers(0, 400), pieces), max_size=4),
    )
)
def test_nothing_comes_out_but_rows_or_an_intake_error(wire_format: str, raw: bytes) -> None:
    """Whatever the bytes are, a decoder gives rows and rejected rows, or raises IntakeError."""
    try:
        readable = read(raw, wire_format, LIMITS)
    except IntakeError:
        return
    decoded = readable.decoded
    assert decoded.batch.rows + len(decoded.rejected) > 0
    assert np.isfinite(decoded.batch["value"]).all()
    numbers = [*decoded.rows.tolist(), *(reason.row for reason, _ in decoded.rejected)]
    assert list(range(len(numbers))) == sorted(numbers)
    assert decoded.batch.rows == len(readable.raw_of(decoded.rows.tolist()))


@pytest.mark.parametrize("wire_format", [JSON, NDJSON, COLUMNS, CSV])
def test_the_raw_text_of_a_row_can_be_decoded_by_itself(wire_format: str) -> None:
    """The raw text that a quarantine keeps of a row gives the same row again."""
    rows = [GOOD, {**GOOD, "value": 1.25, "flag": "suspect"}, {**GOOD, "time": TIME}]
    readable = read(encode(rows, wire_format), wire_format, LIMITS)
    again = [
        row
        for raw in readable.raw_of([2, 0, 1])
        for row in rows_of(read(raw, readable.row_format, LIMITS))
    ]
    first, second, third = rows_of(readable)
    assert [third, first, second] == again


def test_columns_keep_the_spelling_of_a_row() -> None:
    """The raw text of a row of columns spells its numbers as they came."""
    raw = b'{"value":[1.50,2e1],"datastream":["a","b"],"time":[-1,-2]}'
    readable = read(raw, COLUMNS, LIMITS)
    assert ROW_FORMAT == readable.row_format
    assert [b'{"value":2e1,"datastream":"b","time":-2}'] == readable.raw_of([1])


@pytest.mark.parametrize(
    "body",
    [json.dumps(GOOD), json.dumps({"observations": [GOOD]}), f" \n[{json.dumps(GOOD)}] "],
)
def test_one_object_and_an_envelope_are_read_like_an_array(body: str) -> None:
    """A single row, rows in an envelope and an array give the same."""
    assert rows_of(read(json.dumps([GOOD]).encode(), JSON, LIMITS)) == rows_of(
        read(body.encode(), JSON, LIMITS)
    )


def test_a_byte_order_mark_is_skipped() -> None:
    """UTF-8 with a byte order mark is UTF-8."""
    for wire_format in (JSON, NDJSON, COLUMNS, CSV):
        raw = encode([GOOD], wire_format)
        assert rows_of(read(raw, wire_format, LIMITS)) == rows_of(
            read(b"\xef\xbb\xbf" + raw, wire_format, LIMITS)
        )


def test_quoted_cells_and_spaces_are_read() -> None:
    """Quotation marks, spaces and a space between date and time are CSV of the same row."""
    plain = read(encode([GOOD], CSV), CSV, LIMITS)
    time = str(GOOD["time"]).replace("T", " ")
    raw = f'value, "datastream" ,time\n 35.2 ,"{DATASTREAM}", {time}\n'.encode()
    with pytest.raises(MalformedDelivery, match="datastream"):
        read(raw, CSV, LIMITS)
    raw = f'value,"datastream",time\n 35.2 ,"{DATASTREAM}", {time}\n'.encode()
    (first,), (second,) = rows_of(plain), rows_of(read(raw, CSV, LIMITS))
    assert first == second


def test_an_unclosed_quotation_mark_spoils_one_line() -> None:
    """A line is a row: the lines behind a bad one are read."""
    raw = f'datastream,time,value\n"{DATASTREAM},{TIME},1\n{DATASTREAM},{TIME},2\n'.encode()
    readable = read(raw, CSV, LIMITS)
    assert [2.0] == readable.batch["value"].tolist()
    assert ["malformed_row"] == [one.reason.code for one in readable.refused]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("datastream,timestamp,value\n", "did you mean 'time'"),
        ("datastream,ts,value\n", "did you mean 'time'"),
        ("Datastream,time,value\n", "did you mean 'datastream'"),
    ],
)
def test_a_misspelt_column_gets_a_hint(text: str, hint: str) -> None:
    """An unknown column is refused with the name that was probably meant."""
    with pytest.raises(MalformedDelivery, match=hint):
        read(text.encode(), CSV, LIMITS)


def test_the_place_of_a_fault_is_named() -> None:
    """A document that is not JSON is refused with the byte at which it ends to be."""
    with pytest.raises(MalformedDelivery, match="NaN and Infinity are not JSON") as caught:
        read(b'[{"datastream":"a","time":1,"value":NaN}]', JSON, LIMITS)
    assert "byte 36" == caught.value.place


def test_rows_and_bytes_are_limited() -> None:
    """A delivery of more rows or bytes than the limits is refused, whatever its format."""
    limits = IntakeLimits(max_rows=2, max_bytes=400)
    for wire_format in (JSON, NDJSON, COLUMNS, CSV):
        assert 2 == read(encode([GOOD] * 2, wire_format), wire_format, limits).batch.rows
        with pytest.raises(DeliveryTooLarge, match="rows"):
            read(encode([GOOD] * 3, wire_format), wire_format, limits)
    with pytest.raises(DeliveryTooLarge, match="401 bytes"):
        read(b" " * 401, JSON, limits)
