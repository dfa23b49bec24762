"""Records as columns of a file: headers that people read, and cells that they fill in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING

from attrs import field, frozen

from county_gov.contract.dataset import Dataset
from county_gov.contract.schema import Field, Value
from county_gov.contract.text import Text
from county_gov.contract.values import EPOCH_DAY, ValueRefused
from county_gov.errors import Problem, RecordInvalid
from county_gov.records.stored import exact
from county_gov.tabular.formulas import restore

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.tabular.table import Cell
    from county_gov.tabular.writing import Out

ERRORS = Text(zh="错误", en="Errors")
"""Header of the column in which rejected rows say what is wrong; it is passed over when read."""
NOTE = Text(zh="#说明：", en="#Note: ")
"""Begins the first cell of a template's row of remarks, which is passed over when read."""
YES, NO = Text(zh="是", en="yes"), Text(zh="否", en="no")
TRUTHS = {
    "是": True, "yes": True, "y": True, "true": True, "1": True, "√": True, "对": True,
    "否": False, "no": False, "n": False, "false": False, "0": False, "×": False, "错": False,
}  # fmt: skip
MOST_DIGITS = 40
"""Longer numbers are not worked out: they fit nowhere."""
NEAR = 0.5
"""How alike headers must be to be suggested: of two Chinese characters one."""
ROUNDED = 1e15
"""From here on a spreadsheet program has rounded a number."""
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEADERS_SHOWN = 20


def header_of(dataset: Dataset, one: Field, language: str) -> str:
    """The header of a field: its title with its unit, or its name where two have the same title."""
    titles = [each.title.in_language(language) for each in dataset.record_schema.fields]
    title = one.title.in_language(language)
    if titles.count(title) > 1:
        return one.name
    if not one.unit:
        return title
    return f"{title}（{one.unit}）" if language.startswith("zh") else f"{title} ({one.unit})"


@frozen(eq=False)
class Columns:
    """Which field each column of a file holds; None for columns that are passed over."""

    fields: tuple[Field | None, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in the order of the columns."""
        return tuple(one.name for one in self.fields if one is not None)


def read_header(dataset: Dataset, header: Sequence[str]) -> Columns:
    """The fields that headers name, in Chinese, in English or by the field's name.

    Raises:
        RecordInvalid: naming each header that is unknown, there twice, or missing.
    """
    known = _known_headers(dataset)
    fields: list[Field | None] = []
    problems: list[Problem] = []
    for number, words in enumerate(header, 1):
        one = known.get(_plain(words))
        if one is None and _plain(words) not in {_plain(ERRORS.zh), _plain(ERRORS.en)}:
            near = get_close_matches(words, _titles(dataset), 1, NEAR)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_titles(dataset))}"
            place = words[:60] or f"column {number}"
            problems.append(Problem(place, f"is not a column of {dataset.id}; {hint}"))
        fields.append(one)
    names = {one.name: list[str]() for one in fields if one is not None}
    for number, one in enumerate(fields, 1):
        if one is not None:
            names[one.name].append(str(number))
    problems += [
        Problem(name, f"the columns {', '.join(found)} hold the same field: keep one of them")
        for name, found in names.items()
        if len(found) > 1
    ]
    problems += [
        Problem(name, "is part of the key, and the file has no column for it")
        for name in dataset.record_schema.key
        if name not in names
    ]
    if problems:
        hidden = len(problems) - _HEADERS_SHOWN
        if hidden > 0:
            problems[_HEADERS_SHOWN:] = [Problem("", f"{hidden} more such problems")]
        raise RecordInvalid(problems)
    return Columns(tuple(fields))


def _titles(dataset: Dataset) -> list[str]:
    return [one.title.zh for one in dataset.record_schema.fields]


def _known_headers(dataset: Dataset) -> Mapping[str, Field]:
    """Fields by every header that means them; one that means two is left out."""
    known: dict[str, Field] = {}
    twice: set[str] = set()
    fields = dataset.record_schema.fields
    for one in fields:
        titles = {one.title.zh, one.title.in_language("en")}
        with_unit = {f"{title}({one.unit})" for title in titles if one.unit}
        for words in {_plain(each) for each in titles | with_unit}:
            if words in known:
                twice.add(words)
            known[words] = one
    for words in twice:
        del known[words]
    return known | {one.name: one for one in fields}


def _plain(words: str) -> str:
    """A header without what does not matter: width, case and blanks."""
    return "".join(unicodedata.normalize("NFKC", restore(words)).casefold().split())


@frozen(eq=False)
class CellReader:
    """Reads cells as values for `check_value`.

    Args:
        timezone: The county's: of times without an offset.
    """

    timezone: ZoneInfo
    _choices: dict[str, Mapping[str, str]] = field(factory=dict, init=False)

    def read(self, one: Field, cell: Cell) -> object:
        """What a cell says; what it does not understand stays a text, to be refused.

        Raises:
            ValueRefused: if a spreadsheet program has spoilt the value.
        """
        if isinstance(cell, str):
            cell = restore(cell.strip())
        if cell is None or cell == "":
            return None
        if one.choices:
            cell = self._codes(one).get(_plain(_words(cell)), cell)
        if one.dtype == "text":
            return _as_text(cell)
        if one.dtype == "bool":
            return _as_truth(cell)
        if one.dtype == "date":
            return _as_day(cell)
        if one.dtype == "instant":
            return self._as_instant(cell)
        return _as_number(one, cell)

    def _codes(self, one: Field) -> Mapping[str, str]:
        """The codes of a field's choices by what people write for them."""
        if one.name not in self._choices:
            codes: dict[str, str] = {}
            for code, words in one.choices:
                for each in (words.zh, words.in_language("en")):
                    codes.setdefault(_plain(each), code)
            codes |= {_plain(code): code for code, _ in one.choices}
            self._choices[one.name] = codes
        return self._choices[one.name]

    def _as_instant(self, cell: Cell) -> object:
        if isinstance(cell, float):
            raise ValueRefused(_not_a_day(cell))
        if isinstance(cell, str):
            match = _DAY.match(cell)
            text = cell if match is None else _iso_day(match) + cell[match.end() :]
            try:
                cell = datetime.fromisoformat(re.sub(r"(?<=\d) +(\d):", r" 0\1:", text))
            except ValueError:
                return cell
        if isinstance(cell, datetime):
            return (cell if cell.tzinfo else cell.replace(tzinfo=self.timezone)).isoformat()
        if isinstance(cell, date):
            return datetime.combine(cell, time(), self.timezone).isoformat()
        return str(cell)


def _words(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _as_text(cell: Cell) -> object:
    if isinstance(cell, float) and abs(cell) >= ROUNDED:
        msg = "the spreadsheet has rounded this long number: format the column as text, enter again"
        raise ValueRefused(msg)
    if isinstance(cell, date | datetime | time):
        return cell.isoformat()
    return cell if isinstance(cell, bool) else _words(cell)


def _as_truth(cell: Cell) -> object:
    return cell if isinstance(cell, bool) else TRUTHS.get(_plain(_words(cell)), _words(cell))


def _as_day(cell: Cell) -> object:
    if isinstance(cell, float):
        raise ValueRefused(_not_a_day(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    match = _DAY.fullmatch(cell) if isinstance(cell, str) else None
    return str(cell) if match is None else _iso_day(match)


def _not_a_day(cell: float) -> str:
    """What is said of a number where a day belongs: which day it means depends on the program."""
    return f"is the number {cell:g}: format the cell as a date in the spreadsheet, enter it again"


def _iso_day(match: re.Match[str]) -> str:
    year, month, day = map(int, match.groups())
    return f"{year:04}-{month:02}-{day:02}"


def _as_number(one: Field, cell: Cell) -> object:
    if isinstance(cell, bool):
        return cell
    try:
        number = Decimal(repr(cell) if isinstance(cell, float) else str(cell))
    except InvalidOperation:
        return str(cell)
    real = one.dtype == "float64" and one.decimals is None
    if not number.is_finite() or (number.adjusted() > MOST_DIGITS and not real):
        return str(cell)
    if one.decimals is not None:
        return number
    whole = not real and number == number.to_integral_value()
    return int(number) if whole else float(number)


def cell_of(one: Field, kept: Value, language: str, timezone: ZoneInfo) -> Out:
    """A kept value as a cell that people read and `CellReader` understands."""
    if kept is None or isinstance(kept, str):
        return _choice(one, kept, language) if kept and one.choices else kept
    if one.dtype == "bool":
        return (YES if kept else NO).in_language(language)
    if one.choices:
        return _choice(one, str(kept), language)
    if one.dtype == "instant":
        moment = _EPOCH + timedelta(microseconds=int(kept))
        return moment.astimezone(timezone).isoformat(sep=" ")
    if one.dtype == "date":
        return date.fromordinal(int(kept) + EPOCH_DAY)
    return exact(one, kept) if one.decimals is not None else kept


def _choice(one: Field, code: str, language: str) -> str:
    """The words of a choice, or its code where the words could mean another one."""
    words = next((words.in_language(language) for key, words in one.choices if key == code), code)
    meant = {
        key
        for key, other in one.choices
        if _plain(words) in map(_plain, (key, other.zh, other.in_language("en")))
    }
    return words if meant == {code} else code


def note_of(one: Field, language: str) -> str:
    """What somebody who fills a column in has to know, in a line or more."""
    zh = language.startswith("zh")
    lines = [one.meaning.in_language(language)] if one.meaning is not None else []
    lines.append(_KINDS[one.dtype].in_language(language))
    lines.append(
        ("必填" if zh else "required") if one.required else ("可不填" if zh else "optional")
    )
    if one.unit:
        lines.append(f"单位：{one.unit}" if zh else f"unit: {one.unit}")
    if one.decimals is not None:
        lines.append(f"最多 {one.decimals} 位小数" if zh else f"at most {one.decimals} decimals")
    lines += _bounds(one, zh=zh)
    if one.choices:
        words = "、".join(_choice(one, code, language) for code, _ in one.choices)
        lines.append(f"可选：{words}" if zh else f"one of: {words}")
    if one.refers:
        register = _REGISTERS.get(one.refers)
        target = one.refers if register is None else register.in_language(language)
        lines.append(f"填写{target}的编码" if zh else f"the code of: {target}")
    return "\n".join(lines)


def _bounds(one: Field, *, zh: bool) -> list[str]:
    low, high = one.minimum, one.maximum
    if low is None and high is None:
        return []
    low_words = "" if low is None else f"{low:g}"
    high_words = "" if high is None else f"{high:g}"
    what = ("字数" if zh else "characters") if one.dtype == "text" else ("范围" if zh else "range")
    return [f"{what}：{low_words}–{high_words}" if zh else f"{what}: {low_words}–{high_words}"]


_KINDS = {
    "text": Text(zh="文字", en="text"),
    "int64": Text(zh="数字", en="number"),
    "float64": Text(zh="数字", en="number"),
    "bool": Text(zh="是或否", en="yes or no"),
    "date": Text(zh="日期，如 2026-06-01", en="day, such as 2026-06-01"),
    "instant": Text(zh="时间，如 2026-06-01 08:00", en="time, such as 2026-06-01 08:00"),
}
_REGISTERS = {
    "area": Text(zh="区域", en="an area"),
    "unit": Text(zh="单位", en="an organisation unit"),
    "thing": Text(zh="设施", en="a thing"),
    "person": Text(zh="账号", en="an account (its number)"),
}
