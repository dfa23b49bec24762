"""The deployment file ``county.toml``: every setting, with its meaning, bounds and default."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import Attribute, evolve, field, frozen, validators

from county_gov.contract.access import Reach
from county_gov.contract.plugin import API
from county_gov.contract.text import Text
from county_gov.errors import DeploymentError, Problem, StoreError
from county_gov.outbound import read_allowed
from county_gov.registry.configuration import Secret, structure
from county_gov.registry.discovery import PluginRequest
from county_gov.registry.limits import MIB, ProcessLimits

PORTS = 65_535


def _between(low: float, high: float) -> Callable[[Any, Attribute[Any], Any], Any]:
    return validators.and_(validators.ge(low), validators.le(high))


def _known_timezone(_instance: object, _attribute: Attribute[str], value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        msg = f"expected a time zone such as Asia/Shanghai, got {value!r}"
        raise ValueError(msg) from error


def _networks(_instance: object, _attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    for one in value:
        try:
            ip_network(one)
        except ValueError as error:
            msg = f"expected an address or network such as 10.0.0.0/8, got {one!r}"
            raise ValueError(msg) from error


def _allowed_hosts(_instance: object, _attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    read_allowed(value)


def _county_code(_instance: object, _attribute: Attribute[str], value: str) -> None:
    if not (value.isascii() and value.isdigit() and len(value) == 6):  # noqa: PLR2004 GB/T 2260
        msg = f"expected a county code of six digits (GB/T 2260), got {value!r}"
        raise ValueError(msg)


def _store_address(_instance: object, _attribute: Attribute[str], value: str) -> None:
    from county_gov.store.address import read_address

    try:
        read_address(value)
    except StoreError as error:
        raise ValueError(str(error)) from error


def _this_api(_instance: object, _attribute: Attribute[int], value: int) -> None:
    if value != API:
        msg = f"this county_gov implements api = {API}, got {value}"
        raise ValueError(msg)


@frozen
class CountySettings:
    """``[county]``: which county it is.

    Args:
        name: Its name.
        code: Its six-digit code.
        api: Version of the plugin contract that the deployment was written for.
        timezone: Local time at the edge.
        language: Language of the interface before somebody chooses.
        drill: Whether everything is an exercise: marked 演练, and nothing is sent outside.
        attributions: Sources and licences of the data, which the foot of every page states.
    """

    name: Text
    code: str = field(validator=_county_code)
    api: int = field(validator=_this_api)
    timezone: str = field(default="Asia/Shanghai", validator=_known_timezone)
    language: str = field(default="zh", validator=validators.in_(("zh", "en")))
    drill: bool = False
    attributions: tuple[Text, ...] = ()


@frozen
class StoreSettings:
    """``[store]``: where everything is kept.

    Args:
        url: ``sqlite:///path`` (relative to the file; ``?`` and ``%`` in a name are written
            ``%3F`` and ``%25``) or ``postgresql+psycopg://user@host/database``.
        password: The database's password, where it needs one.
        migrate: Whether a start migrates the database by itself (demonstrations only).
    """

    url: str = field(validator=_store_address)
    password: Secret | None = None
    migrate: bool = False


@frozen
class ServerSettings:
    """``[server]``: how it is reached.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        public_url: How browsers reach it, for the Origin check; empty means host and port.
        secure_cookies: Whether cookies are sent over HTTPS only; off only on a loopback address.
        requests_per_second: Sustained rate per account or address, before 429.
        device_requests_per_second: Sustained rate per device, before 429.
        body_seconds: How long a request's body may take to arrive.
        drain_seconds: How long a stop waits for requests under way.
        trusted_proxies: Addresses or networks whose X-Forwarded-For is believed.
    """

    host: str = "127.0.0.1"
    port: int = field(default=8080, validator=_between(0, PORTS))
    public_url: str = ""
    secure_cookies: bool = True
    requests_per_second: float = field(default=50.0, validator=_between(0.1, 1e6))
    device_requests_per_second: float = field(default=2000.0, validator=_between(0.1, 1e6))
    body_seconds: float = field(default=30.0, validator=_between(0.1, 600))
    drain_seconds: float = field(default=10.0, validator=_between(0, 300))
    trusted_proxies: tuple[str, ...] = field(default=(), validator=_networks)


@frozen
class IntakeSettings:
    """``[intake]``: what is taken in.

    Args:
        maximum_rows: Rows per delivery.
        maximum_bytes: Bytes per delivery.
        future_minutes: How far a reading may lie in the future of its arrival.
        batches_days: Days for which each batch is kept by itself; older ones are added up by
            source and day.
    """

    maximum_rows: int = field(default=100_000, validator=_between(1, 1_000_000))
    maximum_bytes: int = field(default=16_777_216, validator=_between(1024, 268_435_456))
    future_minutes: int = field(default=60, validator=_between(0, 1440))
    batches_days: int = field(default=400, validator=_between(30, 36_500))


@frozen
class SecretSettings:
    """``[secrets]``: keys, each ``{ env = "NAME" }`` or ``{ file = "path" }``.

    Args:
        device_master: Device keys are derived from it; at least 32 characters.
    """

    device_master: Secret | None = None


@frozen
class RegisterSettings:
    """``[registers]``: files that are imported at each start, if given.

    Args:
        areas, units, things, datastreams, accounts: CSV files.
        map: GeoJSON of the areas.
        map_licence: Licence number or note that is printed beside the map.
    """

    areas: Path | None = None
    units: Path | None = None
    things: Path | None = None
    datastreams: Path | None = None
    accounts: Path | None = None
    map: Path | None = None
    map_licence: Text | None = None


@frozen
class WebhookSettings:
    """``[notify.webhook]``: the signed webhook.

    Args:
        url: Where notices are sent.
        secret: Signs each notice (Standard Webhooks).
        allowed_hosts: Hosts that may be private or loopback addresses.
        allow_http: Whether plain HTTP is allowed.
    """

    url: str
    secret: Secret
    allowed_hosts: tuple[str, ...] = ()
    allow_http: bool = False


@frozen
class AccessSettings:
    """``[access]``: how people come in.

    Args:
        password_memory_kib: Memory that hashing a password takes (Argon2id, RFC 9106), KiB.
        password_passes: Passes over that memory.
        session_idle_minutes: A session ends after so long without a request.
        session_hours: A session ends after so long in any case.
    """

    password_memory_kib: int = field(default=65_536, validator=_between(8_192, 4_194_304))
    password_passes: int = field(default=3, validator=_between(1, 20))
    session_idle_minutes: int = field(default=30, validator=_between(1, 1440))
    session_hours: int = field(default=12, validator=_between(1, 72))


@frozen
class NotifySettings:
    """``[notify]``: how notices leave.

    Args:
        channels: Ids of the notifiers that every notice goes to.
        attempts: After so many failures a notice goes to the dead letters.
        webhook: The signed webhook ``core.webhook``.
    """

    channels: tuple[str, ...] = ("core.log",)
    attempts: int = field(default=8, validator=_between(1, 100))
    webhook: WebhookSettings | None = None


@frozen
class RoleSettings:
    """``[roles.<id>]``: what the holders of a post with this role may do.

    Args:
        title: What the role is called.
        permissions: Ids of permissions.
        reach: How far they reach: the post's "area"; what its "unit" takes part in; or what the
            "person" takes part in.
    """

    title: Text
    permissions: tuple[str, ...]
    reach: Reach = "area"


@frozen
class PluginLimits:
    """``[plugin.limits]``: what a plugin may use.

    Args:
        seconds: How long a call of one of its sync functions may take.
        start_seconds: How long its process may take to start.
        memory_mib: Address space of its process, MiB.
        result_mib: Longest message to or from its process, MiB.
        cpu_seconds: Processor time after which its process is ended, and started anew.
        open_files: Descriptors that its process may have open.
    """

    seconds: float = field(default=10.0, validator=_between(0.1, 300))
    start_seconds: float = field(default=30.0, validator=_between(1, 300))
    memory_mib: int = field(default=1024, validator=_between(256, 65_536))
    result_mib: int = field(default=64, validator=_between(1, 1024))
    cpu_seconds: int = field(default=3600, validator=_between(10, 1_000_000))
    open_files: int = field(default=64, validator=_between(32, 65_536))

    def of_process(self) -> ProcessLimits:
        """The same as the registry wants them."""
        return ProcessLimits(
            seconds=self.seconds,
            start_seconds=self.start_seconds,
            memory_bytes=self.memory_mib * MIB,
            message_bytes=self.result_mib * MIB,
            cpu_seconds=self.cpu_seconds,
            open_files=self.open_files,
        )


@frozen
class PluginSettings:
    """``[[plugin]]``: a plugin that is enabled; the order of the list is the order of calls.

    Args:
        use: Name of the plugin.
        config: The plugin's own settings.
        enabled: Whether it is loaded. One that is not is not even imported; its data stay, and
            can be read by who has its permissions.
        hosts: Where the plugin may send requests: host names (with ``http://`` in front for plain
            HTTP), and private addresses or networks.
        isolation: Where the plugin runs: in the county's own process ("none"), or in one of its
            own that can be ended and has no secrets but its own ("process").
        limits: What it may use.
    """

    use: str
    config: dict[str, object] = field(factory=dict)
    enabled: bool = True
    hosts: tuple[str, ...] = field(default=(), validator=_allowed_hosts)
    isolation: Literal["none", "process"] = "none"
    limits: PluginLimits = field(factory=PluginLimits)


@frozen
class Settings:
    """The whole of ``county.toml``."""

    county: CountySettings
    store: StoreSettings
    server: ServerSettings = field(factory=ServerSettings)
    access: AccessSettings = field(factory=AccessSettings)
    intake: IntakeSettings = field(factory=IntakeSettings)
    secrets: SecretSettings = field(factory=SecretSettings)
    registers: RegisterSettings = field(factory=RegisterSettings)
    notify: NotifySettings = field(factory=NotifySettings)
    roles: dict[str, RoleSettings] = field(factory=dict)
    plugin: tuple[PluginSettings, ...] = ()
    folder: Path = field(default=Path(), init=False)
    name: str = field(default="county.toml", init=False)

    def with_server(self, *, host: str = "", port: int | None = None) -> Settings:
        """The same settings with another address to listen on."""
        server = evolve(
            self.server,
            host=host or self.server.host,
            port=self.server.port if port is None else port,
        )
        return self._changed(evolve(self, server=server))

    def with_store_url(self, url: str) -> Settings:
        """The same settings with another database."""
        return self._changed(evolve(self, store=evolve(self.store, url=url)))

    def _changed(self, changed: Settings) -> Settings:
        object.__setattr__(changed, "folder", self.folder)
        object.__setattr__(changed, "name", self.name)
        return changed

    def store_url(self) -> str:
        """The store's URL with an absolute path, and with the password where there is one."""
        from county_gov.store.address import complete_address

        password = self.store.password
        revealed = None if password is None else password.reveal()
        return complete_address(self.store.url, folder=self.folder, password=revealed)

    def disabled_plugins(self) -> tuple[str, ...]:
        """Names of the plugins that are listed and not loaded."""
        return tuple(one.use for one in self.plugin if not one.enabled)

    def plugin_requests(self) -> tuple[PluginRequest, ...]:
        """The enabled plugins as the registry wants them."""
        return tuple(
            PluginRequest(
                one.use,
                one.config,
                f"{self.name}: plugin[{number}]",
                self.folder,
                limits=one.limits.of_process() if one.isolation == "process" else None,
            )
            for number, one in enumerate(self.plugin)
            if one.enabled
        )


def read_settings(path: Path | str) -> Settings:
    """Read and check a deployment file.

    Raises:
        DeploymentError: with every mistake at once.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = Problem(str(path), f"cannot be read ({reason}); name an existing UTF-8 file")
        raise DeploymentError([problem]) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeploymentError([Problem(path.name, f"is not TOML: {error}")]) from error
    return settings_from(data, folder=path.parent, name=path.name)


def settings_from(
    data: Mapping[str, object], *, folder: Path, name: str = "county.toml"
) -> Settings:
    """Settings from plain data, as read from TOML.

    Raises:
        DeploymentError: with every mistake at once.
    """
    settings, problems = structure(data, Settings, place=f"{name}: ", folder=folder)
    if settings is None:
        raise DeploymentError([_without_leading_dot(problem) for problem in problems])
    object.__setattr__(settings, "folder", folder)
    object.__setattr__(settings, "name", name)
    return settings


def _without_leading_dot(problem: Problem) -> Problem:
    return Problem(problem.place.replace(": .", ": ", 1), problem.message)
