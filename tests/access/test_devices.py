"""Device keys: known answers, every changed part refused, rotation, and speed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.access import Devices
from county_gov.access.devices import SALT, WINDOW, _signature, derive_key, sign
from county_gov.contract.access import SYSTEM, Actor
from county_gov.errors import AuthenticationFailed, DeploymentError, NotFound

if TYPE_CHECKING:
    from county_gov.store import Store
    from tests.store_fixtures import StandingClock

MASTER = bytes(range(32))
BODY = hashlib.sha256(b"[]").hexdigest()
PATH = "/api/v1/observations?source=%E7%AB%99"
DAY = 86_400 * 1_000_000

RFC_5869 = [  # input keying material, salt, info, length, output keying material
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
        "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]
RFC_4231 = [  # key, data, HMAC-SHA-256; those whose data is text without line breaks
    (
        "0b" * 20,
        "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe".hex(),
        "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "aa" * 131,
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "aa" * 131,
        "This is a test using a larger than block-size key and a larger than block-size data. "
        "The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


def plain_hkdf(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 written from RFC 5869, sections 2.2 and 2.3."""
    key = hmac.digest(salt or bytes(32), material, "sha256")
    block, output = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        output += block
    return output[:length]


@pytest.mark.parametrize(("material", "salt", "info", "length", "expected"), RFC_5869)
def test_hkdf_vectors(material: str, salt: str, info: str, length: int, expected: str) -> None:
    """The library in use and the plain one give the answers of RFC 5869, appendix A.1 to A.3."""
    parts = bytes.fromhex(material), bytes.fromhex(salt), bytes.fromhex(info)
    library = HKDF(algorithm=SHA256(), length=length, salt=parts[1] or None, info=parts[2])

    assert bytes.fromhex(expected) == library.derive(parts[0])
    assert bytes.fromhex(expected) == plain_hkdf(*parts, length)


@given(st.text("abc.-_1", min_size=1), st.integers(1, 10**6))
def test_device_key(code: str, epoch: int) -> None:
    """A device's key is HKDF-SHA256 of the master secret for code and epoch."""
    info = f"{code}\n{epoch}".encode()

    assert plain_hkdf(MASTER, SALT, info, 32) == derive_key(MASTER, code, epoch)


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_hmac_vectors(key: str, data: str, expected: str) -> None:
    """A signature is the HMAC-SHA-256 of RFC 4231."""
    assert expected == _signature(bytes.fromhex(key), (data,)).hex()


def test_signed_text() -> None:
    """What is signed is the documented text, so that a device in any language can sign it."""
    key = derive_key(MASTER, "station", 1)
    text = f"POST\n{PATH}\nstation\n1700000000000000\n{BODY}"

    assert hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == sign(
        key,
        method="POST",
        path=PATH,
        device="station",
        timestamp="1700000000000000",
        body_sha256=BODY,
    )


class Station:
    """A device that signs its requests."""

    def __init__(self, devices: Devices, code: str, key: str) -> None:
        self.devices, self.code, self.key = devices, code, bytes.fromhex(key)

    async def ask(self, now: int, **changed: str) -> Actor:
        """Send a request, parts of which were changed after signing."""
        parts = {"method": "POST", "path": PATH, "device": self.code, "timestamp": str(now)}
        signature = sign(self.key, **parts, body_sha256=BODY)
        sent = {**parts, "body_sha256": BODY, "signature": signature, **changed}
        return await self.devices.authenticate(sent.pop("method"), sent.pop("path"), **sent)


async def station_on(store: Store, code: str = "station") -> tuple[Devices, Station]:
    """Devices with one station."""
    devices = Devices(store, MASTER)
    key = await store.write(lambda tx: devices.issue_device_key(tx, code, actor=SYSTEM))
    return devices, Station(devices, code, key)


async def refused(station: Station, now: int, **changed: str) -> str:
    """The words with which a request is refused."""
    with pytest.raises(AuthenticationFailed) as refusal:
        await station.ask(now, **changed)
    return str(refusal.value)


async def test_signed_request(any_store: Store, clock: StandingClock) -> None:
    """A signed request is the device's."""
    _, station = await station_on(any_store)

    actor = await station.ask(clock.now())

    assert ("device", "station", None) == (actor.kind, actor.name, actor.account)
    assert not actor.may("cases.read")


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"path": PATH + "&x=1"},
        {"path": "/api/v1/observations"},
        {"device": "other"},
        {"device": "\ud800"},
        {"body_sha256": hashlib.sha256(b"[1]").hexdigest()},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "z" * 64},
        {"signature": "密" * 64},
        {"signature": "00 " * 21 + "0"},
    ],
)
async def test_changed_request(store: Store, clock: StandingClock, changed: dict[str, str]) -> None:
    """A request changed in any part is refused in the words for an unknown device."""
    _, station = await station_on(store)

    assert "the device is unknown or its signature is wrong" == await refused(
        station, clock.now(), **changed
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bit=st.integers(0, 255))
def test_no_bit_of_a_signature_may_differ(store: Store, bit: int) -> None:
    """A signature with one bit changed is refused."""
    devices = Devices(store, MASTER)
    store.submit(lambda tx: devices.issue_device_key(tx, f"d{bit}", actor=SYSTEM)).result()
    asyncio.run(devices.refresh())
    parts = {"device": f"d{bit}", "timestamp": "1000", "body_sha256": BODY}
    epoch = devices._rows[f"d{bit}"].epoch
    right = sign(derive_key(MASTER, f"d{bit}", epoch), method="POST", path="/", **parts)
    wrong = f"{int(right, 16) ^ (1 << bit):064x}"

    assert f"d{bit}" == devices.verify("POST", "/", **parts, signature=right, now=0).name
    with pytest.raises(AuthenticationFailed):
        devices.verify("POST", "/", **parts, signature=wrong, now=0)


async def test_window(store: Store, clock: StandingClock) -> None:
    """A timestamp within five minutes of the server's clock counts, both ways."""
    _, station = await station_on(store)
    now = clock.now()

    for moved in (-WINDOW, 0, WINDOW):
        await station.ask(now + moved)
    for moved in (-WINDOW - 1, WINDOW + 1, -(10**15)):
        assert "set the device's clock" in await refused(station, now + moved)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "１７", " 1", "1" * 40, "0x1", "1_0"])
async def test_bad_timestamps(store: Store, clock: StandingClock, timestamp: str) -> None:
    """A timestamp that is no plain integer is refused as such."""
    _, station = await station_on(store)

    assert "X-Timestamp: expected integer microseconds" in await refused(
        station, clock.now(), timestamp=timestamp
    )


async def test_rotation(any_store: Store, clock: StandingClock) -> None:
    """After rotation both keys count for a week, then only the new one; never a third."""
    devices, oldest = await station_on(any_store)
    await oldest.ask(clock.now())

    async def rotated() -> Station:
        key = await any_store.write(
            lambda tx: devices.issue_device_key(tx, "station", actor=SYSTEM)
        )
        return Station(devices, "station", key)

    old = await rotated()
    for station in (oldest, old):
        await station.ask(clock.now())
    new = await rotated()

    await refused(oldest, clock.now())
    clock.advance(seconds=7 * 86_400 - 1)
    for station in (old, new):
        await station.ask(clock.now())
    clock.advance(seconds=1)
    await refused(old, clock.now())
    await new.ask(clock.now())


async def test_closing(store: Store, clock: StandingClock) -> None:
    """A closed device is refused at once, and a new key does not revive the old one."""
    devices, station = await station_on(store)
    await station.ask(clock.now())

    await store.write(lambda tx: devices.close_device(tx, "station", actor=SYSTEM))
    await refused(station, clock.now())
    key = await store.write(lambda tx: devices.issue_device_key(tx, "station", actor=SYSTEM))

    await refused(station, clock.now())
    await Station(devices, "station", key).ask(clock.now())
    with pytest.raises(NotFound, match="no device 'other'"):
        await store.write(lambda tx: devices.close_device(tx, "other", actor=SYSTEM))


async def test_other_process(store: Store, clock: StandingClock) -> None:
    """What another process does to a device counts after five seconds at most."""
    _, station = await station_on(store)
    elsewhere = Devices(store, MASTER)
    await station.ask(clock.now())
    await store.write(lambda tx: elsewhere.close_device(tx, "station", actor=SYSTEM))

    clock.advance(seconds=4.9)
    await station.ask(clock.now())
    clock.advance(seconds=0.1)

    await refused(station, clock.now())


def test_short_master(store: Store) -> None:
    """A master secret of fewer than 32 bytes is refused, without repeating it."""
    with pytest.raises(DeploymentError, match=r"secrets\.device_master: expected at least 32") as e:
        Devices(store, b"too short")

    assert "too short" not in str(e.value)


async def test_verification_is_quick(store: Store, clock: StandingClock) -> None:
    """Verifying a request costs less than 30 microseconds of processor time."""
    devices, station = await station_on(store)
    await devices.refresh()
    now = clock.now()
    parts = {"device": "station", "timestamp": str(now), "body_sha256": BODY}
    signature = sign(station.key, method="POST", path=PATH, **parts)

    def seconds() -> float:
        start = time.thread_time()
        for _ in range(500):
            devices.verify("POST", PATH, **parts, signature=signature, now=now)
        return (time.thread_time() - start) / 500

    assert min(seconds() for _ in range(7)) < 30e-6
