"""Wire formats: which content types are read, and how a delivery becomes rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from attrs import frozen

from county_gov.contract.source import Decoded, Delivery
from county_gov.errors import DeliveryTooLarge, MalformedDelivery, UnsupportedWireFormat
from county_gov.intake.delimited import read_csv
from county_gov.intake.json_columns import read_columns
from county_gov.intake.json_rows import count_bytes, read_json, read_ndjson, read_row
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.readable import ROW_FORMAT, Readable
from county_gov.tabular.charset import UTF8, UTF8_MARK, known_charset, refuse_other_marks

JSON = "application/json"
NDJSON = "application/x-ndjson"
COLUMNS = "application/vnd.county-gov.columns+json"
CSV = "text/csv"
COMMAS_PER_ROW = 8
"""A row has at most five fields; more commas than this a row mean more rows than are taken."""

Reader = Callable[[bytes, "str | None"], Readable]


@frozen
class ContentType:
    """A media type and its charset, where one is named."""

    media_type: str
    charset: str | None

    @classmethod
    def parse(cls, text: str) -> ContentType:
        """Take a Content-Type apart, for example ``text/csv; charset=gb18030``.

        Raises:
            UnsupportedWireFormat: if the charset is not known.
        """
        media_type, *parameters = text.split(";")
        charset = None
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                charset = known_charset(value.strip().strip('"'))
        return cls(media_type.strip().lower(), charset)


def _json(reader: Callable[[bytes], Readable]) -> Reader:
    def read(raw: bytes, charset: str | None) -> Readable:
        if charset not in {None, UTF8}:
            msg = "JSON is always UTF-8; leave out the charset"
            raise UnsupportedWireFormat(msg)
        refuse_other_marks(raw)
        return reader(raw.removeprefix(UTF8_MARK))

    return read


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        JSON: _json(read_json),
        NDJSON: _json(read_ndjson),
        COLUMNS: _json(read_columns),
        CSV: read_csv,
        ROW_FORMAT: _json(read_row),
        "application/ndjson": _json(read_ndjson),
        "application/jsonl": _json(read_ndjson),
    }
)
"""What reads each media type."""


def read(raw: bytes, wire_format: str, limits: IntakeLimits) -> Readable:
    """Read a delivery in one of the built-in wire formats.

    Raises:
        UnsupportedWireFormat: if the content type is not one of `READERS`.
        DeliveryTooLarge: if it has more bytes or rows than are taken at once.
        MalformedDelivery: if its bytes are not what the wire format says, or hold no row.
    """
    content_type = ContentType.parse(wire_format)
    reader = READERS.get(content_type.media_type)
    if reader is None:
        known = f"{JSON}, {NDJSON}, {COLUMNS}, {CSV}"
        msg = f"content type {content_type.media_type[:80]!r} is not read; send one of {known}"
        raise UnsupportedWireFormat(msg)
    _check_size(raw, content_type.media_type, limits)
    readable = reader(raw, content_type.charset)
    rows = readable.batch.rows + len(readable.refused)
    if rows > limits.max_rows:
        msg = f"{rows} rows; at most {limits.max_rows} are taken at once: send several deliveries"
        raise DeliveryTooLarge(msg)
    if rows == 0:
        msg = "the delivery holds no rows"
        raise MalformedDelivery(msg)
    return readable


def decode(delivery: Delivery, limits: IntakeLimits | None = None) -> Decoded:
    """Decode a delivery in one of the built-in wire formats, as a source's ``decode`` does.

    Raises:
        IntakeError: as `read`.
    """
    return read(delivery.raw, delivery.wire_format, limits or IntakeLimits()).decoded


def _check_size(raw: bytes, media_type: str, limits: IntakeLimits) -> None:
    """Refuse too many bytes, and too many rows before they are made into objects."""
    if len(raw) > limits.max_bytes:
        msg = f"{len(raw)} bytes; at most {limits.max_bytes} are taken at once"
        raise DeliveryTooLarge(msg)
    most = limits.max_rows * COMMAS_PER_ROW
    by_line = READERS[media_type] is read_csv or media_type.endswith(("ndjson", "jsonl"))
    if len(raw) > most and count_bytes(raw, ord("\n") if by_line else ord(",")) > most:
        msg = f"more than {limits.max_rows} rows; send several deliveries"
        raise DeliveryTooLarge(msg)
