"""Where a request comes from, for rate limits and the audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, parsed.

    Raises:
        ValueError: if a text is neither.
    """
    return tuple(ip_network(text) for text in texts)


def client_address(remote: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address of who asks: the last hop that is no trusted proxy.

    What hops before it say of themselves is never believed: anybody can send the header.

    Args:
        remote: The address that the connection comes from.
        forwarded: The request's ``X-Forwarded-For`` headers, in order.
        trusted: The proxies that are believed.
    """
    address = _parsed(remote)
    if address is None or not _is_trusted(address, trusted):
        return remote
    hops = [hop.strip() for header in forwarded for hop in header.split(",")]
    for hop in reversed(hops):
        before = _parsed(hop)
        if before is None:
            break
        address = before
        if not _is_trusted(address, trusted):
            break
    return str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
