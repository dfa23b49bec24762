"""The signed webhook, against a receiver in this process."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from aiohttp import web
from attrs import define, evolve, field

from county_gov.contract.notifier import Message, Notifier, Receipt
from county_gov.errors import DeploymentError
from county_gov.notify import WebhookSettings, webhook_notifier
from county_gov.notify.webhook import read_secret, sign, webhook_id
from tests.notify.test_outbox import FakeContext
from tests.store_fixtures import StandingClock

if TYPE_CHECKING:
    from county_gov.contract.context import Context
    from county_gov.outbound.target import Resolve

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
MESSAGE = Message("case:1:2:0:core.webhook:3", "chen", "题", "文", case="1", created_at=0)
CONTEXT = cast("Context", FakeContext(StandingClock()))


def pointing_to(*addresses: str) -> Resolve:
    """Give a resolver that knows one host."""

    async def resolver(_host: str, _port: int) -> tuple[str, ...]:
        return addresses

    return resolver


@define
class Receiver:
    """A receiver that answers as it is told and keeps what it got."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(factory=dict)
    got: list[tuple[web.Request, bytes]] = field(factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Keep the request and answer."""
        self.got.append((request, await request.read()))
        return web.Response(status=self.status, headers=self.headers)

    def notifier(self, **changes: object) -> Notifier:
        """Give a webhook that posts here."""
        settings = WebhookSettings(
            url=f"http://hook.example:{self.port}/in",
            secret=SECRET,
            allowed_hosts=("hook.example",),
            allow_http=True,
            seconds=30,
        )
        return webhook_notifier(
            evolve(settings, **changes),  # type: ignore[arg-type]
            resolver=pointing_to("127.0.0.1"),
        )


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on loopback."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{tail:.*}", receiver.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def test_the_receiver_can_verify_a_notice() -> None:
    """Id, timestamp and signature are those of Standard Webhooks, and fit the body."""
    async with receiving() as receiver:
        receipts = await receiver.notifier().send(CONTEXT, (MESSAGE,))
        ((request, body),) = receiver.got
    assert (Receipt(MESSAGE.key, "sent", "HTTP 204"),) == receipts
    ident, timestamp = request.headers["Webhook-Id"], request.headers["Webhook-Timestamp"]
    expected = hmac.new(KEY, f"{ident}.{timestamp}.".encode() + body, sha256).digest()
    assert "v1," + base64.b64encode(expected).decode() == request.headers["Webhook-Signature"]
    assert str(CONTEXT.clock.now() // 1_000_000) == timestamp
    assert f"hook.example:{receiver.port}" == request.headers["Host"]
    payload = msgspec.json.decode(body)
    assert ("county_gov.notice", "1970-01-01T00:00:00Z") == (payload["type"], payload["timestamp"])
    assert {
        "key": MESSAGE.key,
        "recipient": "chen",
        "subject": "题",
        "body": "文",
        "case": "1",
        "drill": False,
    } == payload["data"]


async def test_the_id_stays_the_same_for_every_attempt() -> None:
    """A receiver can drop repetitions by the id."""
    async with receiving() as receiver:
        for attempt in (1, 2):
            await receiver.notifier().send(CONTEXT, (evolve(MESSAGE, attempt=attempt),))
        first, second = (request.headers["Webhook-Id"] for request, _ in receiver.got)
    assert first == second == webhook_id(MESSAGE.key)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "sent"),
        (202, "sent"),
        (301, "refused"),
        (307, "refused"),
        (400, "refused"),
        (404, "refused"),
        (408, "later"),
        (410, "refused"),
        (429, "later"),
        (500, "later"),
        (503, "later"),
    ],
)
async def test_what_the_answer_means(status: int, result: str) -> None:
    """The receiver's trouble is tried again; a wrong request is not; redirects are not followed."""
    async with receiving() as receiver:
        receiver.status = status
        receiver.headers = {"Location": f"http://hook.example:{receiver.port}/other"}
        (receipt,) = await receiver.notifier().send(CONTEXT, (MESSAGE,))
        assert 1 == len(receiver.got)
    assert (result, True) == (receipt.result, str(status) in receipt.detail)


async def test_a_private_target_gets_nothing() -> None:
    """Without the permission nothing is sent, and the letter is refused with the way out."""
    async with receiving() as receiver:
        (receipt,) = await receiver.notifier(allowed_hosts=()).send(CONTEXT, (MESSAGE,))
        assert [] == receiver.got
    assert ("refused", True) == (receipt.result, "allowed_hosts" in receipt.detail)


async def test_the_checked_address_is_the_one_connected_to() -> None:
    """A second look-up that would give another address never happens."""
    looked_up = []
    async with receiving() as receiver:

        async def rebinding(host: str, _port: int) -> tuple[str, ...]:
            looked_up.append(host)
            return ("127.0.0.1",) if len(looked_up) == 1 else ("127.0.0.9",)

        settings = WebhookSettings(
            url=f"http://hook.example:{receiver.port}/",
            secret=SECRET,
            allowed_hosts=("hook.example",),
            allow_http=True,
        )
        notifier = webhook_notifier(settings, resolver=rebinding)
        messages = tuple(evolve(MESSAGE, key=f"k{number}") for number in range(30))
        receipts = await notifier.send(CONTEXT, messages)
        assert 30 == len(receiver.got)
    assert ({"sent"}, ["hook.example"]) == ({one.result for one in receipts}, looked_up)


async def test_a_receiver_that_is_not_there_is_tried_later() -> None:
    """A refused connection, an unknown name and a stalled answer are all "later"."""
    async with receiving() as receiver:
        gone = receiver.notifier()
    (receipt,) = await gone.send(CONTEXT, (MESSAGE,))
    assert "later" == receipt.result

    async def unknown(_host: str, _port: int) -> tuple[str, ...]:
        raise OSError("no such host")

    settings = WebhookSettings(url="https://hook.example/", secret=SECRET)
    (receipt,) = await webhook_notifier(settings, resolver=unknown).send(CONTEXT, (MESSAGE,))
    assert ("later", True) == (receipt.result, "no such host" in receipt.detail)


async def test_a_stalled_receiver_is_given_up_in_time() -> None:
    """A receiver that takes the request and says nothing costs no more than the time limit."""
    import asyncio

    release = asyncio.Event()

    async def stall(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    receiver = Receiver(port=server.sockets[0].getsockname()[1])
    (receipt,) = await receiver.notifier(seconds=0.2).send(CONTEXT, (MESSAGE,))
    release.set()
    server.close()
    await server.wait_closed()
    assert "later" == receipt.result


async def test_an_endless_answer_is_not_read() -> None:
    """The status decides; a body of any length is left where it is."""
    import asyncio

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    receiver = Receiver(port=server.sockets[0].getsockname()[1])
    async with asyncio.timeout(60):
        (receipt,) = await receiver.notifier().send(CONTEXT, (MESSAGE,))
    server.close()
    await server.wait_closed()
    assert "sent" == receipt.result


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        base64.b64encode(KEY).decode(),
        "whsec_***",
        "whsec_" + base64.b64encode(KEY[:23]).decode(),
        "whsec_" + base64.b64encode(KEY * 3).decode(),
        "whsec_é",
    ],
)
def test_a_weak_secret_refuses_the_start_and_is_not_shown(secret: str) -> None:
    """URL and secret are checked together, and no message repeats the secret."""
    with pytest.raises(DeploymentError) as caught:
        webhook_notifier(WebhookSettings(url="http://x/", secret=secret))
    assert ["core.webhook.url", "core.webhook.secret"] == [
        one.place for one in caught.value.problems
    ]
    assert len(secret) < 7 or secret not in str(caught.value)
    assert len(secret) < 7 or secret not in repr(WebhookSettings(url="", secret=secret))


def test_the_signature_is_that_of_the_specification() -> None:
    """A known answer: the example of Standard Webhooks' own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = sign(read_secret(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == signature


def test_without_aiohttp_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    missing: Callable[[str], None] = lambda _name: None  # noqa: E731 (a stand-in of one line)
    monkeypatch.setattr("county_gov.notify.webhook.find_spec", missing)
    with pytest.raises(DeploymentError, match=r"county-gov\[server\]"):
        webhook_notifier(WebhookSettings(url="https://hook.example/", secret=SECRET))
