"""Addresses inside the console: links that sort, filter and page keep the rest of the query."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode

from attrs import frozen

_HARMLESS = re.compile(r"(?:/(?![/\\])|\?|#|https?://)[^\x00-\x20\\]*\Z")


def harmless(href: str) -> str:
    """The address if it is one that a link may carry, else an empty string.

    Allowed are paths of this server, queries, anchors and http(s) addresses; what a browser would
    run (``javascript:``) or read as another host (``//host``) is not.
    """
    return href if _HARMLESS.match(href) else ""


@frozen
class Address:
    """A path of this server with its query.

    >>> str(Address.parse("/alerts?state=open").having({"page.alerts": "2"}))
    '/alerts?state=open&page.alerts=2'
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, target: str) -> Address:
        """Read a request target; a leading ``//`` is folded, so that it never names a host."""
        path, _, query = target.partition("#")[0].partition("?")
        clean = "/" + quote(path.lstrip("/\\"), safe="/%:@!$&'()*+,;=~-._")
        return cls(path=clean, query=tuple(parse_qsl(query)))

    def get(self, name: str) -> str:
        """The last value given under a name, or an empty string."""
        return dict(self.query).get(name, "")

    def having(self, changes: dict[str, str]) -> Address:
        """The same address with these parameters; an empty value takes a parameter away."""
        kept = [(name, value) for name, value in self.query if name not in changes]
        added = [(name, value) for name, value in changes.items() if value]
        return Address(path=self.path, query=(*kept, *added))

    def without(self, *names: str) -> Address:
        """The same address without these parameters."""
        return self.having(dict.fromkeys(names, ""))

    def __str__(self) -> str:
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path
