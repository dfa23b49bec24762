"""No password, token or key appears in a representation, a log, an error or the audit."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from county_gov.access import Devices
from county_gov.access.devices import sign
from county_gov.contract.access import SYSTEM
from county_gov.errors import AuthenticationFailed, RegisterError
from county_gov.store import tables
from county_gov.store.access import account_of, sessions_of
from tests.access.conftest import WORKER, Desk

if TYPE_CHECKING:
    from tests.store_fixtures import StandingClock

MASTER = b"a master secret of thirty-two or more bytes"
TRIED = "wrong-but-still-private"


async def test_nothing_is_told(
    desk: Desk,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Neither a good life nor a bad one of an account and a device tells a secret."""
    caplog.set_level(logging.DEBUG)
    said: list[object] = []
    with capture_logs() as logs:
        password = await desk.accounts.create(WORKER, actor=SYSTEM)
        signed_in = await desk.accounts.sign_in("worker", password)
        session = await desk.sessions.look_up(signed_in.token)
        for attempt in (
            desk.accounts.sign_in("worker", TRIED),
            desk.accounts.sign_in(TRIED, TRIED),
            desk.accounts.change_password(session.actor, TRIED, "a new one, long enough"),
            desk.accounts.change_password(session.actor, password, TRIED[:5]),
            desk.sessions.look_up(TRIED),
        ):
            with pytest.raises((AuthenticationFailed, RegisterError)) as refusal:
                await attempt
            said.append(refusal.value)
        devices = Devices(desk.store, MASTER)
        key = await desk.store.write(
            lambda tx: devices.issue_device_key(tx, "station", actor=SYSTEM)
        )
        request = {"device": "station", "timestamp": str(clock.now()), "body_sha256": "0" * 64}
        signature = sign(bytes.fromhex(key), method="POST", path="/", **request)
        await devices.authenticate("POST", "/", **request, signature=signature)
        with pytest.raises(AuthenticationFailed) as refusal:
            await devices.authenticate("PUT", "/", **request, signature=signature)
        said.append(refusal.value)
    row = desk.store.read_now(lambda snapshot: account_of(snapshot, login="worker"))
    assert row is not None
    said += [desk, desk.accounts, desk.sessions, desk.passwords, devices]
    said += [signed_in, session, row, *desk.sessions._cache.values(), devices._rows]
    said += desk.store.read_now(lambda snapshot: sessions_of(snapshot, row.number))
    said += desk.store.read_now(lambda snapshot: snapshot.rows(sa.select(tables.audit)))

    told = "\n".join(
        [*map(repr, said), *map(str, said), repr(logs), caplog.text, *capfd.readouterr()]
    )

    secrets = (password, signed_in.token, key, signature, TRIED, MASTER.decode(), row.password)
    assert [] == [secret for secret in secrets if secret in told]
    assert repr(next(iter(desk.sessions._cache))) not in told
