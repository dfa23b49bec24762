"""What a spreadsheet program would take as a formula, made harmless and taken back."""

from __future__ import annotations

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""What makes a spreadsheet program read a cell as a formula (OWASP, CSV Injection)."""
QUOTE = "'"


def neutralise(text: str) -> str:
    """A text that a spreadsheet program shows as it is: a quote before what begins a formula.

    A text that has quotes there already gets one more, so that `restore` gives back each text.

    >>> neutralise("=1+1")
    "'=1+1"
    """
    return f"{QUOTE}{text}" if text.lstrip(QUOTE).startswith(FORMULA_STARTS) else text


def restore(text: str) -> str:
    """The text that `neutralise` was given.

    >>> restore("'=1+1")
    '=1+1'
    """
    if text.startswith(QUOTE) and text.lstrip(QUOTE).startswith(FORMULA_STARTS):
        return text[1:]
    return text
