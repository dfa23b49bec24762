"""Requests that change something must come from our own pages.

Browsers send ``Sec-Fetch-Site`` with every request and ``Origin`` with every request that is not a
plain GET; a client that sends neither is not a browser and carries nobody's cookies by accident
(the reasoning of Go's ``http.CrossOriginProtection``). Cookies are ``SameSite=Lax`` besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from county_gov.server.refusal import OriginRefused

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(headers: CIMultiDictProxy[str], public_url: str) -> None:
    """Refuse a state-changing request of another site.

    Args:
        headers: The request's headers.
        public_url: How browsers reach the deployment; empty compares with the ``Host`` header.

    Raises:
        OriginRefused: if the request was made by another site's page.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        msg = f"a page of another site ({site[:20]}) sent this; use the console's own page"
        raise OriginRefused(msg)
    origin = headers.get("Origin")
    if origin is None:
        return
    given = urlsplit(origin)
    if public_url:
        own = urlsplit(public_url)
        same = (given.scheme, given.netloc) == (own.scheme, own.netloc)
    else:
        same = bool(given.netloc) and given.netloc == headers.get("Host", "")
    if not same:
        msg = f"Origin {origin[:80]!r} is not this server; use the console's own page"
        raise OriginRefused(msg)
