"""The channel ``core.webhook``: a signed HTTP POST for each notice.

Signed as in Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over
``id.timestamp.body``; the receiver drops an id that it has seen, and timestamps that are too old.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import field, frozen

from county_gov.contract.clock import MICROSECONDS
from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.contract.text import Text
from county_gov.errors import DeploymentError, Problem, TargetRefused
from county_gov.outbound.target import (
    Resolve,
    Target,
    check_address,
    checked_addresses,
    parse_target,
    resolve,
)

if TYPE_CHECKING:
    import aiohttp

    from county_gov.contract.context import Context

SECRET_PREFIX = "whsec_"  # noqa: S105 (how Standard Webhooks writes any secret)
SHORTEST_SECRET = 24
LONGEST_SECRET = 64
AGAIN = frozenset((408, 409, 425, 429))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TITLE = Text(zh="签名回调", en="Signed webhook")


@frozen
class WebhookSettings:
    """Where notices are posted, and how.

    Args:
        url: Where to.
        secret: ``whsec_`` and 24 to 64 random bytes in Base64; the receiver has the same.
        allowed_hosts: Hosts whose addresses may be private, loopback or link-local.
        allow_http: Whether the URL may be ``http://``.
        seconds: How long one POST may take.
        at_once: POSTs at the same time.
    """

    url: str
    secret: str = field(repr=False)
    allowed_hosts: tuple[str, ...] = ()
    allow_http: bool = False
    seconds: float = 10.0
    at_once: int = 10


def webhook_notifier(settings: WebhookSettings, *, resolver: Resolve = resolve) -> Notifier:
    """A channel that posts each notice to one URL.

    Raises:
        DeploymentError: if aiohttp is missing, or URL or secret cannot be used; all at once.
    """
    problems = []
    if find_spec("aiohttp") is None:
        problems.append(Problem("core.webhook", "needs aiohttp: install county-gov[server]"))
    try:
        target = parse_target(
            settings.url, allow_http=settings.allow_http, allowed_hosts=settings.allowed_hosts
        )
    except TargetRefused as error:
        problems.append(Problem("core.webhook.url", str(error)))
        target = None
    try:
        key = read_secret(settings.secret)
    except ValueError as error:
        problems.append(Problem("core.webhook.secret", str(error)))
        key = b""
    if problems or target is None:
        raise DeploymentError(problems)
    webhook = _Webhook(settings=settings, target=target, key=key, resolver=resolver)
    return Notifier(id="core.webhook", title=TITLE, send=webhook.send, outside=True)


def read_secret(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises:
        ValueError: if it is not ``whsec_`` and 24 to 64 bytes in Base64; never names the secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise ValueError("expected whsec_ and 24 to 64 random bytes in Base64")
    return key


def sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``Webhook-Signature``.

    Args:
        key: The secret's bytes.
        webhook_id: As in ``Webhook-Id``.
        timestamp: Seconds since 1970, as in ``Webhook-Timestamp``.
        body: As posted.
    """
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def webhook_id(key: str) -> str:
    """The id of a notice: the same for every attempt, safe in a header."""
    return "msg_" + sha256(key.encode()).hexdigest()[:32]


@frozen(eq=False)
class _Webhook:
    settings: WebhookSettings
    target: Target
    key: bytes = field(repr=False)
    resolver: Resolve

    async def send(self, ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
        """Post the messages, some at once; each gets the receipt that its answer means."""
        import aiohttp

        try:
            addresses = await asyncio.wait_for(
                checked_addresses(self.target, self.resolver), self.settings.seconds
            )
        except TargetRefused as error:
            return tuple(Receipt(one.key, "refused", str(error)) for one in messages)
        except (OSError, TimeoutError) as error:
            detail = f"{self.target.host} cannot be resolved: {error}"
            return tuple(Receipt(one.key, "later", detail) for one in messages)
        gate = asyncio.Semaphore(self.settings.at_once)
        connector = aiohttp.TCPConnector(
            resolver=_pinned(addresses, self.target), use_dns_cache=False, force_close=True
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self.settings.seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            posts = (self._post(session, gate, ctx.clock.now(), one) for one in messages)
            return tuple(await asyncio.gather(*posts))

    async def _post(
        self, session: aiohttp.ClientSession, gate: asyncio.Semaphore, now: int, message: Message
    ) -> Receipt:
        import aiohttp

        body = _body(message)
        ident, timestamp = webhook_id(message.key), now // MICROSECONDS
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "county-gov",
            "Webhook-Id": ident,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": sign(self.key, ident, timestamp, body),
        }
        try:
            async with (
                gate,
                session.post(
                    self.target.url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return _receipt(message, response.status)
        except TargetRefused as error:
            return Receipt(message.key, "refused", str(error))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Receipt(message.key, "later", f"{type(error).__name__}: {error}")


def _receipt(message: Message, status: int) -> Receipt:
    """What an answer means; its body says nothing more and is not read."""
    detail = f"HTTP {status}"
    if 200 <= status < 300:  # noqa: PLR2004 (RFC 9110, section 15)
        return Receipt(message.key, "sent", detail)
    if status in AGAIN or status >= 500:  # noqa: PLR2004 (RFC 9110, section 15)
        return Receipt(message.key, "later", detail)
    if 300 <= status < 400:  # noqa: PLR2004 (RFC 9110, section 15)
        detail += ": redirects are not followed; configure the final URL"
    return Receipt(message.key, "refused", detail)


def _body(message: Message) -> bytes:
    created = EPOCH + timedelta(microseconds=message.created_at)
    return msgspec.json.encode(
        {
            "type": "county_gov.notice",
            "timestamp": created.isoformat().replace("+00:00", "Z"),
            "data": {
                "key": message.key,
                "recipient": message.recipient,
                "subject": message.subject,
                "body": message.body,
                "case": message.case,
                "drill": message.drill,
            },
        }
    )


def _pinned(addresses: tuple[str, ...], target: Target) -> Any:  # noqa: ANN401 (aiohttp is an extra)
    """A resolver that knows only the addresses that were checked: no second look-up can differ."""
    import socket

    from aiohttp.abc import AbstractResolver, ResolveResult

    class Pinned(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found: list[ResolveResult] = []
            for address in addresses:
                check_address(address, target)
                version = socket.AF_INET6 if ":" in address else socket.AF_INET
                found.append(
                    ResolveResult(
                        hostname=host,
                        host=address,
                        port=port,
                        family=version,
                        proto=0,
                        flags=socket.AI_NUMERICHOST,
                    )
                )
            return found

        async def close(self) -> None:
            """Nothing is held open."""

    return Pinned()
