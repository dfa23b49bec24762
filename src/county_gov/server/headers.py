"""Headers that every answer carries, so that a mistake on a page harms nobody."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

SECURITY: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
)

STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
"""A year, as ASVS 5.0 3.4.1 asks; only where the deployment is reached over HTTPS."""

NO_STORE = "no-store"
FOR_EVER = "public, max-age=31536000, immutable"


def security_headers(*, secure: bool) -> Mapping[str, str]:
    """The headers of every answer.

    Args:
        secure: Whether browsers reach the deployment over HTTPS.
    """
    if not secure:
        return SECURITY
    return MappingProxyType({**SECURITY, "Strict-Transport-Security": STRICT_TRANSPORT})
