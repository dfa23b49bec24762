"""How much text the cells of a workbook come to: they name texts that are stored once.

A text of a megabyte that a hundred thousand cells name takes some kilobytes in the file, and a
hundred gigabytes once each cell has it. Whatever is written in a way that is not understood here
counts as the longest text.
"""

from __future__ import annotations

import re

from attrs import define, field

_TEXT = re.compile(rb"<(?:[\w.-]+:)?si[\s>/]")
_CELL = re.compile(rb"<(?:[\w.-]+:)?c[\s>/]")
_ATTRIBUTES = rb'(?:\s+(?:r|s)="[^"]*")*'
_NAMING = re.compile(
    rb"<c" + _ATTRIBUTES + rb'\s+t="s"' + _ATTRIBUTES + rb"\s*>\s*<v>([0-9]{1,9})</v>\s*</c>"
)
_HOLDING = re.compile(
    rb"<c" + _ATTRIBUTES + rb'(?:\s+t="(?:n|b|d|e|str|inlineStr)")?' + _ATTRIBUTES + rb"\s*/?>"
)


@define(eq=False)
class SharedTexts:
    """The texts of a workbook's parts, by their length in bytes."""

    lengths: list[int] = field(factory=list)
    longest: int = 0
    _parts: int = 0

    def add(self, body: bytes) -> None:
        """Take the texts of a part, if it has any."""
        starts = [match.start() for match in _TEXT.finditer(body)]
        if not starts:
            return
        ends = [*starts[1:], len(body)]
        self.lengths = [end - start for start, end in zip(starts, ends, strict=True)]
        self.longest = max(self.longest, *self.lengths)
        self._parts += 1

    def may_exceed(self, sheet: bytes, limit: int) -> bool:
        """Whether a sheet's cells could come to more bytes of text than a limit."""
        return self.longest * len(_CELL.findall(sheet)) > limit

    def bytes_in(self, sheet: bytes) -> int:
        """At most how many bytes of text a sheet's cells come to."""
        named = [int(match[1]) for match in _NAMING.finditer(sheet)]
        holding = len(_HOLDING.findall(sheet))
        unclear = max(len(_CELL.findall(sheet)) - len(named) - holding, 0)
        if self._parts != 1:
            return (len(named) + unclear) * self.longest
        known = len(self.lengths)
        texts = sum(self.lengths[one] if one < known else self.longest for one in named)
        return texts + unclear * self.longest
