"""Where webhooks may go."""

from __future__ import annotations

import pytest

from county_gov.errors import TargetRefused
from county_gov.outbound.target import check_address, checked_addresses, parse_target

PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
INWARD = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "198.18.0.1",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
]
NEVER = [
    "0.0.0.0",  # noqa: S104 (refused, not bound)
    "::",
    "224.0.0.1",
    "239.255.255.255",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "64:ff9b::e000:1",
    "2002:e000:1::",
    "4000::1",
]


def check(address: str, *, allowed: bool) -> None:
    """Check an address for a host that is allowed or not."""
    hosts = ("hook.example",) if allowed else ()
    target = parse_target("https://hook.example/x", allow_http=False, allowed_hosts=hosts)
    check_address(address, target)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_taken(address: str) -> None:
    """A public address needs no permission."""
    check(address, allowed=False)


@pytest.mark.parametrize("address", INWARD)
def test_inward_addresses_need_the_host_to_be_allowed(address: str) -> None:
    """Private, shared, loopback and link-local targets are refused unless the host is named."""
    with pytest.raises(TargetRefused, match="allowed_hosts"):
        check(address, allowed=False)
    check(address, allowed=True)


@pytest.mark.parametrize("address", [*NEVER, "", "nonsense", "127.1", "2130706433", "0x7f000001"])
def test_some_addresses_are_never_taken(address: str) -> None:
    """Multicast, unspecified, reserved and malformed ones are refused for every host."""
    for allowed in (False, True):
        with pytest.raises(TargetRefused):
            check(address, allowed=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook.example",
        "ftp://hook.example/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "http://hook.example/",
        "https://user:pw@hook.example/",
        "https://hook.example:99999/",
        "https://[::1/",
    ],
)
def test_urls_that_are_never_right(url: str) -> None:
    """Only https to a host, without a login, is taken as it is."""
    with pytest.raises(TargetRefused) as caught:
        parse_target(url, allow_http=False, allowed_hosts=("hook.example",))
    assert "pw" not in str(caught.value)


def test_http_can_be_allowed() -> None:
    """With allow_http, and only then, the scheme may be http."""
    target = parse_target("http://Hook.Example.:8080/x", allow_http=True, allowed_hosts=())
    assert ("hook.example", 8080, False) == (target.host, target.port, target.inside)


async def test_one_bad_address_refuses_the_host() -> None:
    """A name that points outside and inside is refused as a whole."""

    async def resolver(_host: str, _port: int) -> tuple[str, ...]:
        return ("8.8.8.8", "10.0.0.1")

    target = parse_target("https://hook.example/", allow_http=False, allowed_hosts=())
    with pytest.raises(TargetRefused, match=r"10\.0\.0\.1"):
        await checked_addresses(target, resolver)


async def test_a_host_without_address_is_an_error_of_the_network() -> None:
    """No address is not a refusal: it is tried again later."""

    async def resolver(_host: str, _port: int) -> tuple[str, ...]:
        return ()

    target = parse_target("https://hook.example/", allow_http=False, allowed_hosts=())
    with pytest.raises(OSError, match="no address"):
        await checked_addresses(target, resolver)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "localhost", "[::1]", "0"])
async def test_other_ways_to_write_loopback_are_seen_through(host: str) -> None:
    """The system's resolver is asked, so whatever it makes of a host is what is checked."""
    target = parse_target(f"https://{host}/", allow_http=False, allowed_hosts=())
    from county_gov.outbound.target import resolve

    with pytest.raises((TargetRefused, OSError)):
        await checked_addresses(target, resolve)
