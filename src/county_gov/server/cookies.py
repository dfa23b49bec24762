"""The cookies: the session's token, the language, and what was done just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

LANGUAGE = "county_language"
FLASH = "county_flash"
YEAR = 31_536_000
FLASH_SECONDS = 60


def session_cookie(*, secure: bool) -> str:
    """Name of the session's cookie; the prefix makes browsers refuse it over plain HTTP."""
    return "__Host-county_session" if secure else "county_session"


def set_session(response: web.StreamResponse, token: str, *, secure: bool, seconds: int) -> None:
    """Give the browser its session."""
    response.set_cookie(
        session_cookie(secure=secure),
        token,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def drop_session(response: web.StreamResponse, *, secure: bool) -> None:
    """Take the browser's session away."""
    response.set_cookie(
        session_cookie(secure=secure),
        "",
        max_age=0,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def set_language(response: web.StreamResponse, language: str, *, secure: bool) -> None:
    """Remember the chosen language."""
    response.set_cookie(
        LANGUAGE, language, max_age=YEAR, path="/", secure=secure, httponly=True, samesite="Lax"
    )


def set_flash(response: web.StreamResponse, code: str, *, secure: bool) -> None:
    """Say on the next page what was done; ``code`` is one that the pages know."""
    response.set_cookie(
        FLASH,
        code,
        max_age=FLASH_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def drop_flash(response: web.StreamResponse, *, secure: bool) -> None:
    """It has been said."""
    response.set_cookie(
        FLASH, "", max_age=0, path="/", secure=secure, httponly=True, samesite="Lax"
    )
