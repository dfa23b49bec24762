"""Serving a county: listen, say where, and stop without losing anything acknowledged."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from county_gov.server.application import SERVICE, application
from county_gov.server.connection import Runner
from county_gov.server.logs import configure_logs

if TYPE_CHECKING:
    from county_gov.deployment import County

log = structlog.get_logger(__name__)

LINGER_SECONDS = 2.0
"""How long the rest of a refused body is read, so that its sender can read the refusal."""
KEEP_ALIVE_SECONDS = 75.0


def serve(
    county: County,
    *,
    announce: Callable[[str], None] | None = None,
    tell_passwords: Callable[[Mapping[str, str]], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way, write it, and return.

    Args:
        county: The county; started and stopped here, unless it runs already.
        announce: Called with the address once it listens.
        tell_passwords: Called before it listens with the passwords of accounts that the start has
            made, by login; they are in no log.

    Raises:
        DeploymentError: if the deployment cannot be served.
        OSError: if the address is taken.
    """
    configure_logs()
    app = application(county)
    for caution in county.store.database.cautions():
        log.warning(caution)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(county, app, announce, tell_passwords))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's loops where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(
    county: County,
    app: web.Application,
    announce: Callable[[str], None] | None,
    tell_passwords: Callable[[Mapping[str, str]], None] | None,
) -> None:
    server = county.settings.server
    runner = runner_of(app, drain_seconds=server.drain_seconds)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await runner.setup()
        if tell_passwords is not None:
            tell_passwords(county.new_passwords)
        site = web.TCPSite(runner, server.host, server.port, reuse_address=True)
        await site.start()
        address = address_of(runner)
        settle_memory()
        log.info("listening", address=address)
        if announce is not None:
            announce(address)
        await stop.wait()
        log.info("stopping", running=app[SERVICE].metrics.running)
        app[SERVICE].stopping.set()
    finally:
        await runner.cleanup()
    log.info("stopped")


def settle_memory() -> None:
    """Spare the garbage collector what stays for ever, and let it come seldom.

    A start leaves hundreds of thousands of objects that live as long as the process; by default
    the collector looks through all of them again and again while requests are answered. No thread
    runs while it looks: 50,000 young objects took it 50 to 70 ms, 2,000 take it 3 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 100)


def runner_of(app: web.Application, *, drain_seconds: float) -> web.AppRunner:
    """Aiohttp's runner as we want it: our logs and refusals, nothing unpacked, a bounded stop."""
    return Runner(
        app,
        app[SERVICE],
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
        shutdown_timeout=drain_seconds,
        handler_cancellation=False,
    )


def address_of(runner: web.AppRunner) -> str:
    """Where it listens, as an address for a browser."""
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
