"""Quarantined bytes as a person can read them, with everything invisible made visible."""

from __future__ import annotations

import unicodedata

SHOWN = 4_000
"""Characters shown of one delivery's bytes."""

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def readable(raw: bytes) -> str:
    r"""Bytes as text: UTF-8, else GB18030, else each byte as ``\xNN``.

    Control characters, direction marks and the like are written as ``⟨U+202E⟩``, so that what is
    shown is what is there.
    """
    return "".join(_visible(one) for one in decoded(raw[: SHOWN * 4])[:SHOWN])


def decoded(raw: bytes) -> str:
    """The bytes as text, before anything is made visible."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", errors="backslashreplace")


def editable(raw: bytes) -> bool:
    """Whether the bytes are text that a form field gives back unchanged."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(text) <= SHOWN and all(_visible(one) == one for one in text)


def _visible(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"
