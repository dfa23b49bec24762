"""Register files: CSV with a header, UTF-8 or GB18030, every mistake with its line and field."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches

from attrs import field, frozen

from county_gov.errors import Problem, RegisterError

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
CODE_RULE = "1 to 64 letters, digits, '.', '_', ':' or '-', beginning with a letter or digit"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EPOCH = date(1970, 1, 1).toordinal()
LONGEST_TEXT = 200
SHOWN = 60


@frozen(eq=False)
class Line:
    """One line of a register file, whose fields are read one by one.

    Args:
        file: Name of the file, for problems.
        number: Line in the file, counted from 1; the header is 1.
        values: Field's name to its text, without surrounding blanks.
        problems: Where problems are collected.
    """

    file: str
    number: int
    values: dict[str, str]
    problems: list[Problem] = field(repr=False)

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.number}"

    def refuse(self, name: str, expected: str) -> None:
        """Record that a field is not what was expected."""
        got = repr(shown(self.values.get(name, "")))
        self.problems.append(Problem(f"{self.place}: {name}", f"expected {expected}, got {got}"))

    def text(self, name: str, *, compulsory: bool = True) -> str:
        """A text of at most 200 printable characters; "" where it is missing or refused."""
        value = self.values.get(name, "")
        if compulsory and not value:
            self.refuse(name, "a text")
        if len(value) > LONGEST_TEXT or not value.isprintable():
            self.refuse(name, f"at most {LONGEST_TEXT} printable characters")
            return ""
        return value

    def code(self, name: str, *, compulsory: bool = True) -> str:
        """A code; "" where it is missing or refused."""
        value = self.values.get(name, "")
        if not value and not compulsory:
            return ""
        if not CODE.fullmatch(value):
            self.refuse(name, CODE_RULE)
            return ""
        return value

    def day(self, name: str) -> int | None:
        """A day as days since 1970-01-01; None where it is empty or refused."""
        value = self.values.get(name, "")
        if not value:
            return None
        try:
            if DAY.fullmatch(value):
                return date.fromisoformat(value).toordinal() - EPOCH
        except ValueError:
            pass
        self.refuse(name, "a day like 2026-01-31")
        return None

    def real(self, name: str, low: float, high: float) -> float | None:
        """A finite number within bounds; None where it is empty or refused."""
        value = self.values.get(name, "")
        if not value:
            return None
        try:
            number = float(Decimal(value))
        except (InvalidOperation, OverflowError, ValueError):
            number = math.nan
        if not low <= number <= high:
            self.refuse(name, f"a number from {low:g} to {high:g}")
            return None
        return number

    def whole(self, name: str, low: int, high: int) -> int:
        """A compulsory whole number within bounds; ``low`` where it is missing or refused."""
        value = self.values.get(name, "")
        if not re.fullmatch(r"[0-9]{1,18}", value) or not low <= int(value) <= high:
            self.refuse(name, f"a whole number from {low} to {high}")
            return low
        return int(value)

    def truth(self, name: str, *, default: bool) -> bool:
        """``1`` or ``0``; the default where it is empty."""
        value = self.values.get(name, "")
        if value not in {"", "0", "1"}:
            self.refuse(name, "1 for yes or 0 for no")
        return default if value not in {"0", "1"} else value == "1"


def read_lines(
    raw: bytes,
    file: str,
    *,
    compulsory: Collection[str],
    optional: Collection[str] = (),
    problems: list[Problem],
) -> Iterator[Line]:
    """Read a register file line by line; a line that cannot be split is recorded and left out.

    Args:
        raw: The file's bytes, UTF-8 (with or without a byte order mark) or GB18030.
        file: The file's name, for problems.
        compulsory: Fields that the header must name.
        optional: Fields that it may name.
        problems: Where problems are collected.
    """
    try:
        rows = csv.reader(io.StringIO(decoded(raw, file), newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        problems.extend(_check_header(header, file, compulsory, optional))
        if not set(compulsory) <= set(header):
            return
        for values in rows:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                message = (
                    f"expected {len(header)} fields as in the header, got {len(values)}; "
                    'put "…" around a field that holds a comma'
                )
                problems.append(Problem(f"{file}:{rows.line_num}", message))
                continue
            fields = {name: value.strip() for name, value in zip(header, values, strict=True)}
            yield Line(file, rows.line_num, fields, problems)
    except RegisterError as error:
        problems.extend(error.problems)
    except csv.Error as error:
        problems.append(Problem(file, f"is not CSV: {error}; save it as CSV with commas"))


def decoded(raw: bytes, file: str) -> str:
    """The text of a file in UTF-8 or GB18030.

    Raises:
        RegisterError: if it is neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    message = "expected text in UTF-8 or GB18030, got neither; save it as 'CSV UTF-8'"
    raise RegisterError([Problem(file, message)])


def _check_header(
    header: list[str], file: str, compulsory: Collection[str], optional: Collection[str]
) -> Iterator[Problem]:
    known = [*compulsory, *optional]
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield Problem(f"{file}:1: {name}", "the header names this field twice; remove one")
    for name in header:
        if name not in known:
            yield Problem(f"{file}:1: {shown(name)}", f"unknown field{suggestion(name, known)}")
    for name in compulsory:
        if name not in header:
            message = f"the header lacks this field; expected {', '.join(compulsory)}"
            yield Problem(f"{file}:1: {name}", message)


def suggestion(name: str, known: Collection[str]) -> str:
    """The words "; did you mean …?" where something known is spelt alike, else ""."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: str) -> str:
    """A value as problems show it: at most 60 characters."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"


def day_text(day: int) -> str:
    """A day as people write it, for example ``2026-01-31``."""
    return date.fromordinal(day + EPOCH).isoformat()
