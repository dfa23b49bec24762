"""Reading a form that brings a file: within a size, within a time, one file only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, BodyPartReader
from aiohttp.http_exceptions import HttpProcessingError
from attrs import frozen

from county_gov.errors import DeliveryTooLarge, IntakeError, MalformedDelivery
from county_gov.server.refusal import BodyStalled, MediaNotSupported

if TYPE_CHECKING:
    from aiohttp import MultipartReader

    from county_gov.server.call import Call

FORM = "multipart/form-data"
LONGEST_NAME = 200
"""Characters of a file's name that are kept."""
MOST_PARTS = 20
EXTRA = 65_536
"""Bytes of the form beside the file."""


BROKEN = (
    ValueError,
    LookupError,
    RuntimeError,
    AssertionError,
    HttpProcessingError,
    BadContentDispositionHeader,
    BadContentDispositionParam,
)
"""What aiohttp raises over a stranger's form; it asserts what a form may break, and warns of it."""


@frozen(eq=False)
class File:
    """A file that a person has sent; empty where none was chosen."""

    name: str
    body: bytes


async def read_file(call: Call, field: str, *, limit: int) -> File:
    """The file of a form.

    Args:
        call: The request.
        field: Name of the form's field.
        limit: Bytes that the file may have.

    Raises:
        MediaNotSupported: if the body is no such form, or is encoded.
        MalformedDelivery: if it cannot be read, or brings no file.
        DeliveryTooLarge: if the file is longer than ``limit``.
        BodyStalled: if it does not arrive in time, or breaks off.
    """
    request = call.request
    if request.content_type != FORM:
        raise MediaNotSupported(f"expected Content-Type: {FORM}")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise MediaNotSupported("send the form as it is, without Content-Encoding")
    if (request.content_length or 0) > limit + EXTRA:
        raise _too_large(limit)
    seconds = call.county.settings.server.body_seconds
    try:
        async with asyncio.timeout(seconds):
            return await _read(await request.multipart(), field, limit)
    except IntakeError:
        raise
    except ConnectionError as error:
        raise BodyStalled("the connection ended before the file was complete") from error
    except TimeoutError as error:
        raise BodyStalled(f"the file did not arrive within {seconds:g} s") from error
    except BROKEN as error:
        raise MalformedDelivery(f"expected a form with a file: {error}", place="body") from error


async def _read(form: MultipartReader, field: str, limit: int) -> File:
    found: File | None = None
    other = 0
    for _number in range(MOST_PARTS):
        part = await form.next()
        if part is None:
            break
        if not isinstance(part, BodyPartReader):
            raise MalformedDelivery("a form within the form is not taken", place="body")
        wanted = part.name == field and found is None
        body = await _part(part, limit if wanted else EXTRA - other, limit)
        if wanted:
            found = File(_plain(part.filename or ""), body)
        else:
            other += len(body)
    if found is None:
        raise MalformedDelivery(f"the form has no field {field!r}", place="body")
    return found


async def _part(part: BodyPartReader, most: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await part.read_chunk():
        size += len(chunk)
        if size > most:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> DeliveryTooLarge:
    return DeliveryTooLarge(f"the file has more than {limit} bytes: split it")


def _plain(name: str) -> str:
    """The last part of a file's name, without what cannot be shown."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(one if one.isprintable() else "_" for one in last)
    return shown.encode("utf-8", "replace").decode()[-LONGEST_NAME:]
