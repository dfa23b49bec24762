r"""Devices: each signs its requests with a key derived from the county's master secret.

A request carries three headers: ``X-Device`` (the device's code), ``X-Timestamp`` (integer
microseconds UTC) and ``X-Signature``, the hexadecimal HMAC-SHA256, under the device's key, of::

    method \n path with query \n device \n timestamp \n hexadecimal SHA-256 of the body

The path is taken as it was sent, percent-encoding and all. The timestamp must lie within five
minutes of the server's clock. A request that is recorded and sent again within that time is let
through; this is harmless, because intake is idempotent: the same readings again are duplicates,
and devices may do nothing else. No key is stored: key = HKDF-SHA256(master secret, code, epoch).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from county_gov.contract.access import Actor, Grant, Scope
from county_gov.contract.clock import DAY, MICROSECONDS
from county_gov.errors import AuthenticationFailed, DeploymentError, NotFound, Problem
from county_gov.store.access import DeviceRow, list_devices, put_device

if TYPE_CHECKING:
    from county_gov.store import Store, Transaction

DEVICE_HEADER = "X-Device"
TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"

WRITE = "core.observations.write"
WINDOW = 300 * MICROSECONDS
KEY_BYTES = 32
SHORTEST_MASTER = 32
SALT = b"county_gov device key, HKDF-SHA256, version 1"
TIMESTAMP_DIGITS = 17
SIGNATURE_DIGITS = 64
REREAD = 5 * MICROSECONDS
UNKNOWN = "the device is unknown or its signature is wrong"


def derive_key(master: bytes, code: str, epoch: int) -> bytes:
    """The key of a device in an epoch: 32 bytes, HKDF-SHA256 (RFC 5869)."""
    info = f"{code}\n{epoch}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=SALT, info=info).derive(master)


def sign(
    key: bytes, *, method: str, path: str, device: str, timestamp: str, body_sha256: str
) -> str:
    """The signature of a request, 64 hexadecimal digits.

    Args:
        key: The device's key.
        method: ``POST`` and so on.
        path: Path with query, as it is sent.
        device: The device's code.
        timestamp: Integer microseconds UTC, as it stands in the header.
        body_sha256: Hexadecimal SHA-256 of the body.
    """
    return _signature(key, (method, path, device, timestamp, body_sha256)).hex()


def _signature(key: bytes, signed: tuple[str, ...]) -> bytes:
    # hmac.digest would let the interpreter's lock go, and wait for a busy writer to get it back.
    return hmac.new(key, "\n".join(signed).encode("utf-8", "surrogatepass"), "sha256").digest()


class Devices:
    """Knows the devices, and checks what they sign.

    Args:
        store: Where they are kept.
        master: The master secret, at least 32 bytes.

    Raises:
        DeploymentError: if the master secret is too short.
    """

    def __init__(self, store: Store, master: bytes) -> None:
        if len(master) < SHORTEST_MASTER:
            message = f"expected at least {SHORTEST_MASTER} bytes, got {len(master)}"
            raise DeploymentError([Problem("secrets.device_master", message)])
        self._store = store
        self._master = master
        self._rows: Mapping[str, DeviceRow] = {}
        self._keys: dict[tuple[str, int], bytes] = {}
        self._actors: dict[str, Actor] = {}
        self._read_at: int | None = None
        self._generation = 0
        self._reading = asyncio.Lock()
        self._nobody = derive_key(master, "", 0)

    async def refresh(self) -> None:
        """Read the devices, unless it was done less than five seconds ago."""
        async with self._reading:
            read_at, generation = self._store.clock.now(), self._generation
            if self._is_fresh(read_at):
                return
            found = await self._store.read(list_devices)
            rows = {row.code: row for row in found if row.active}
            if rows != self._rows:
                self._keys.clear()
                self._actors = {code: _actor(row) for code, row in rows.items()}
                self._rows = rows
            self._read_at = read_at if generation == self._generation else None

    def _is_fresh(self, now: int) -> bool:
        return self._read_at is not None and 0 <= now - self._read_at < REREAD

    async def expect(self, *, device: str, timestamp: str, signature: str) -> None:
        """Refuse by its headers alone what no body could make right, before the body is read.

        Args:
            device: The request's ``X-Device``.
            timestamp: Its ``X-Timestamp``.
            signature: Its ``X-Signature``.

        Raises:
            AuthenticationFailed: if the device is unknown, or its clock is wrong, or the
                signature is none.
        """
        now = self._store.clock.now()
        if not self._is_fresh(now):
            await self.refresh()
        _check_timestamp(timestamp, now)
        if device not in self._rows or not _bytes_of(signature):
            raise AuthenticationFailed(UNKNOWN)

    async def authenticate(
        self,
        method: str,
        path: str,
        *,
        device: str,
        timestamp: str,
        body_sha256: str,
        signature: str,
    ) -> Actor:
        """As `verify`, with the store's clock, and devices read at most five seconds ago.

        Raises:
            AuthenticationFailed: if the request is not a device's.
        """
        now = self._store.clock.now()
        if not self._is_fresh(now):
            await self.refresh()
        return self.verify(
            method,
            path,
            device=device,
            timestamp=timestamp,
            body_sha256=body_sha256,
            signature=signature,
            now=now,
        )

    def verify(
        self,
        method: str,
        path: str,
        *,
        device: str,
        timestamp: str,
        body_sha256: str,
        signature: str,
        now: int,
    ) -> Actor:
        """The device that signed a request; takes as long for an unknown one.

        Args:
            method: The request's method.
            path: Its path with query, as it was sent.
            device: Its ``X-Device``.
            timestamp: Its ``X-Timestamp``.
            body_sha256: Hexadecimal SHA-256 of its body.
            signature: Its ``X-Signature``.
            now: The instant, microseconds UTC.

        Raises:
            AuthenticationFailed: if the request is not a device's.
        """
        _check_timestamp(timestamp, now)
        signed = (method, path, device, timestamp, body_sha256)
        given = _bytes_of(signature)
        row = self._rows.get(device)
        key = self._key(device, row.epoch) if row else self._nobody
        if hmac.compare_digest(given, _signature(key, signed)) and row:
            return self._actors[device]
        if row and row.epoch > 1 and now < row.previous_until:
            previous = _signature(self._key(device, row.epoch - 1), signed)
            if hmac.compare_digest(given, previous):
                return self._actors[device]
        raise AuthenticationFailed(UNKNOWN)

    def issue_device_key(
        self,
        tx: Transaction,
        code: str,
        *,
        actor: Actor,
        name: str = "",
        area: str | None = None,
        keep_previous: int = 7 * DAY,
    ) -> str:
        """Give a device its first key, or the next one; shown once, it is stored nowhere.

        Args:
            tx: The change within which the device is registered.
            code: The device's code.
            actor: Who does it, for the audit.
            name: What it is called; an empty name leaves the one it has.
            area: The area whose datastreams it may write, "" for all; None leaves what it has.
            keep_previous: Microseconds for which the key before stays valid. That of a closed
                device does not come back.

        Returns:
            The key, 64 hexadecimal digits of 32 bytes.
        """
        row = _row(tx, code)
        if row is None:
            row = DeviceRow(code, name or code, 1, 0, active=True, area=area or "")
        else:
            until = tx.at + keep_previous if row.active else 0
            kept = row.area if area is None else area
            row = DeviceRow(code, name or row.name, row.epoch + 1, until, active=True, area=kept)
        self._put(tx, row, "device.key", actor)
        return derive_key(self._master, code, row.epoch).hex()

    def close_device(self, tx: Transaction, code: str, *, actor: Actor) -> None:
        """Refuse all that a device signs from now on.

        Raises:
            NotFound: if there is no such device.
        """
        row = _row(tx, code)
        if row is None:
            raise NotFound(f"no device {code!r}; see the list of devices")
        closed = DeviceRow(code, row.name, row.epoch, 0, active=False, area=row.area)
        self._put(tx, closed, "device.close", actor)

    def _put(self, tx: Transaction, row: DeviceRow, action: str, actor: Actor) -> None:
        put_device(tx, row)
        tx.append_audit(actor, action, f"device:{row.code}")
        tx.after_commit(self._expire)

    def _expire(self) -> None:
        """Read the devices again before the next request counts."""
        self._generation += 1
        self._read_at = None

    def _key(self, code: str, epoch: int) -> bytes:
        key = self._keys.get((code, epoch))
        if key is None:
            key = self._keys[code, epoch] = derive_key(self._master, code, epoch)
        return key


def _actor(row: DeviceRow) -> Actor:
    """The actor of a device; with an area it writes only there."""
    scopes = {WRITE: Scope(frozenset({Grant(row.area)}))} if row.area else {}
    return Actor(kind="device", name=row.code, scopes=scopes)


def _row(tx: Transaction, code: str) -> DeviceRow | None:
    return next((row for row in list_devices(tx) if row.code == code), None)


def _check_timestamp(timestamp: str, now: int) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS):
        raise AuthenticationFailed(
            f"{TIMESTAMP_HEADER}: expected integer microseconds since 1970-01-01 UTC"
        )
    apart = abs(now - int(timestamp))
    if apart > WINDOW:
        raise AuthenticationFailed(
            f"{TIMESTAMP_HEADER}: {apart / MICROSECONDS:.0f} s from the server's clock, "
            f"at most {WINDOW // MICROSECONDS} s are allowed; set the device's clock"
        )


def _bytes_of(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature) if len(signature) == SIGNATURE_DIGITS else b""
    except ValueError:
        return b""
