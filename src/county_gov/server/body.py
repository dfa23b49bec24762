"""Reading a request's body: within a size, within a time, and never unpacked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from county_gov.errors import DeliveryTooLarge
from county_gov.server.refusal import BodyStalled, MediaNotSupported

if TYPE_CHECKING:
    from aiohttp import web


async def read_body(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """The body's bytes.

    Args:
        request: The request; its body must not have been read.
        limit: Bytes that are taken at most.
        seconds: Within which the whole body must arrive.

    Raises:
        MediaNotSupported: if it is encoded: unpacking would let a small body become a huge one.
        DeliveryTooLarge: if it is, or says that it is, longer than ``limit``.
        BodyStalled: if it does not arrive in time, or breaks off.
    """
    encoding = request.headers.get("Content-Encoding")
    if encoding and encoding.strip().lower() != "identity":
        msg = f"Content-Encoding {encoding[:40]!r} is not taken; send the body as it is"
        raise MediaNotSupported(msg)
    length = request.content_length
    if length is not None and length > limit:
        raise DeliveryTooLarge(_too_large(length, limit))
    if not request.can_read_body:
        return b""
    if request.content.is_eof():
        return _checked(request.content.read_nowait(), limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except ConnectionError as error:
        raise BodyStalled("the connection ended before the body was complete") from error
    except TimeoutError as error:
        msg = f"the body did not arrive within {seconds:g} s; send it at once, or in smaller parts"
        raise BodyStalled(msg) from error


async def _read(request: web.Request, limit: int) -> bytes:
    content = request.content
    parts: list[bytes] = []
    size = 0
    while part := await content.readany():
        size += len(part)
        if size > limit:
            raise DeliveryTooLarge(_too_large(size, limit))
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise DeliveryTooLarge(_too_large(len(body), limit))
    return body


def _too_large(size: int, limit: int) -> str:
    return f"the body has {size} bytes or more; at most {limit} are taken at once: split it"
