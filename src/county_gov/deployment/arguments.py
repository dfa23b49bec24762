"""Checks of what plugins pass to their contexts: what cannot be taken is the plugin's mistake."""

from __future__ import annotations

from numbers import Integral

from county_gov.errors import ContractError

EARLIEST, LATEST = -(2**63), 2**63 - 1
"""What both databases and the columns of readings can hold."""


def require_text(place: str, text: object, shortest: int, longest: int) -> None:
    """Refuse what is no text, or none that both databases take.

    Args:
        place: What it is, for the message.
        text: What was passed.
        shortest: Characters at least.
        longest: Characters at most.

    Raises:
        ContractError: saying what was expected.
    """
    expected = f"{place}: expected a text of {shortest} to {longest} characters"
    if not isinstance(text, str):
        raise ContractError(f"{expected}, got {type(text).__name__}")
    if not shortest <= len(text) <= longest:
        raise ContractError(f"{expected}, got {len(text)}")
    if not storable(text):
        raise ContractError(f"{place}: NUL and lone surrogates cannot be stored: leave them out")


def require_line(place: str, text: str, longest: int) -> None:
    """Refuse what is not one line of text; else as `require_text`.

    Raises:
        ContractError: saying what was expected.
    """
    require_text(place, text, 1, longest)
    if len(f"{text}.".splitlines()) > 1:
        raise ContractError(f"{place}: expected one line, got {text[:40]!r}: leave line breaks out")


def require_kind(place: str, text: object) -> None:
    """Refuse what is no text; one that nothing can be called by is simply not found.

    Raises:
        ContractError: saying what was expected.
    """
    if not isinstance(text, str):
        raise ContractError(f"{place}: expected a text, got {type(text).__name__}")


def whole(place: str, number: object, least: int = EARLIEST, most: int = LATEST) -> int:
    """A whole number as such, also where numpy gave it.

    Args:
        place: What it is, for the message.
        number: What was passed.
        least: The smallest that is taken.
        most: The largest that is taken.

    Raises:
        ContractError: saying what was expected.
    """
    expected = f"{place}: expected {least} to {most}"
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise ContractError(f"{expected}, a whole number, got {type(number).__name__}")
    found = int(number)
    if not least <= found <= most:
        shown = found if EARLIEST <= found <= LATEST else "one of more than 64 bits"
        raise ContractError(f"{expected}, got {shown}")
    return found


def storable(text: str) -> bool:
    """Whether both databases take a text: it holds neither NUL nor lone surrogates."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)
