"""Where a request may go: addresses are checked after the name was resolved, then used as they are.

Refused unless it is allowed by name: private, shared, loopback and link-local addresses.
Refused always: multicast, unspecified and reserved ones. An IPv4 address that is carried inside an
IPv6 one (mapped, compatible, 6to4, Teredo, NAT64) is judged as what it is.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve, frozen

from county_gov.errors import TargetRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""Gives the addresses of a host; asks the system's resolver unless a test brings its own."""

NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*")
NUMERIC = re.compile(r"[0-9.x/]+")
COMPATIBLE = ipaddress.ip_network("::/96")
LOW_32 = 0xFFFF_FFFF


@frozen
class Target:
    """A URL, taken apart.

    Args:
        url: As given.
        host: Lower case, without brackets.
        port: Given, or the scheme's.
        inside: Whether the host may be private, loopback or link-local.
        networks: Private networks that it may lie in all the same.
        what: What is sent there, for messages.
        setting: Where a private address can be allowed, for messages.
    """

    url: str
    host: str
    port: int
    inside: bool
    networks: tuple[Network, ...] = ()
    what: str = "webhook"
    setting: str = "add the host to allowed_hosts"


@frozen
class Allowed:
    """The hosts that somebody may send requests to.

    Args:
        hosts: Names and addresses, lower case.
        plain: Those of them that may be asked over plain HTTP.
        networks: Addresses and networks that may be private.
    """

    hosts: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def target(self, url: str) -> Target:
        """A URL, taken apart, if its host is allowed.

        Raises:
            TargetRefused: if it is not, or the URL can never be right.
        """
        target = parse_target(url, allow_http=True, allowed_hosts=(), what="request")
        literal = _literal(target.host)
        within = literal is not None and any(literal in network for network in self.networks)
        if target.host not in self.hosts and not within:
            known = ", ".join(sorted(self.hosts)) or "none"
            raise TargetRefused(
                f"request to {target.host}: the host is not allowed (allowed: {known}); "
                "add it to the plugin's hosts in the deployment file"
            )
        plain = url.lower().startswith("http://")
        if plain and target.host not in self.plain and not within:
            raise TargetRefused(
                f"request to {target.host}: expected https; "
                f"write http://{target.host} in the plugin's hosts to allow http"
            )
        setting = "add the address or its network to the plugin's hosts"
        return evolve(target, networks=self.networks, setting=setting)


def read_allowed(entries: Iterable[str]) -> Allowed:
    """Allowed hosts as the deployment file lists them.

    An entry is a host name, an address, a network such as ``10.1.0.0/16``, or a host name with
    ``http://`` in front, which allows plain HTTP. A private address counts only where the entry is
    the address itself or its network.

    Raises:
        ValueError: naming the entry that is none of these.
    """
    hosts: set[str] = set()
    plain: set[str] = set()
    networks: list[Network] = []
    for entry in entries:
        host = entry.removeprefix("http://").rstrip(".").lower()
        try:
            networks.append(ipaddress.ip_network(host.strip("[]")))
        except ValueError:
            if not HOST.fullmatch(host) or NUMERIC.fullmatch(host):
                msg = f"expected a host such as api.example.gov.cn or 10.1.0.0/16, got {entry!r}"
                raise ValueError(msg) from None
        else:
            host = host.strip("[]")
        if "/" not in host:
            hosts.add(host)
            if entry.startswith("http://"):
                plain.add(host)
    return Allowed(frozenset(hosts), frozenset(plain), tuple(networks))


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def parse_target(
    url: str, *, allow_http: bool, allowed_hosts: tuple[str, ...], what: str = "webhook"
) -> Target:
    """Take a URL apart and refuse what can never be right.

    Raises:
        TargetRefused: if it is not http(s), carries a login, or is http where that is not allowed.
    """
    shown = repr(url[:100])
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError as error:
        raise TargetRefused(f"{what} {shown}: {error}") from None
    if parts.scheme not in ("https", "http") or not host:
        raise TargetRefused(f"{what} {shown}: expected https://host/…")
    if parts.scheme == "http" and not allow_http:
        raise TargetRefused(f"{what} {shown}: expected https; set allow_http to allow http")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused(f"{what} to {host}: its URL carries a login; take it out")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    allowed = {one.rstrip(".").lower() for one in allowed_hosts}
    return Target(url=url, host=host, port=port, inside=host in allowed, what=what)


def check_address(address: str, target: Target) -> None:
    """Refuse an address that nothing must be sent to.

    Raises:
        TargetRefused: naming the address and the way to allow it.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise TargetRefused(f"{target.what} to {target.host}: {address!r} is no address") from None
    mapped = getattr(parsed, "ipv4_mapped", None)
    for one in (mapped,) if mapped is not None else (parsed, *_carried(parsed)):
        never = one.is_multicast or one.is_unspecified or _is_reserved(one)
        inward = not one.is_global and not never
        inside = target.inside or any(one in network for network in target.networks)
        if never or (inward and not inside):
            way_out = "" if never else f"; {target.setting} if that is meant"
            raise TargetRefused(
                f"{target.what} to {target.host}: {address} is not a public address{way_out}"
            )


def _is_reserved(one: Address) -> bool:
    """Reserved for the future; IPv6's loopback and carried addresses are judged by themselves."""
    if isinstance(one, ipaddress.IPv4Address):
        return one.is_reserved
    return one.is_reserved and not (one.is_loopback or any(True for _ in _carried(one)))


def _carried(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses inside an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in NAT64):
        yield ipaddress.IPv4Address(int(address) & LOW_32)
    if address in COMPATIBLE and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & LOW_32)


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """All addresses of a host from the system's resolver.

    Raises:
        OSError: if the name cannot be resolved.
    """
    import asyncio

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(target: Target, resolver: Resolve) -> tuple[str, ...]:
    """The addresses of a target, each of them checked.

    One bad address refuses the target: a name that points both outside and inside is no mistake
    that could be sent around.

    Raises:
        TargetRefused: if an address is not allowed.
        OSError: if the name cannot be resolved.
    """
    addresses = await resolver(target.host, target.port)
    if not addresses:
        raise OSError(f"{target.host} has no address")
    for address in addresses:
        check_address(address, target)
    return addresses
