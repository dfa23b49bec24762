"""Who looks: language, local time and the moment of drawing turn values into words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from attrs import frozen
from babel.core import Locale
from babel.numbers import format_decimal

from county_gov.contract.text import Text
from county_gov.server.render.address import Address

if TYPE_CHECKING:
    from county_gov.contract.page import Table

UNKNOWN = "—"
"""What stands where a value is not known; never a zero."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_FAR = timedelta(days=30)

Distance = Literal["now", "minutes", "hours", "days", "far"]

_UNITS: tuple[tuple[Distance, int], ...] = (("days", 86_400), ("hours", 3_600), ("minutes", 60))
"""Units of distance and their seconds."""


@frozen
class Moment:
    """An instant as a person reads it.

    Args:
        iso: RFC 3339 in local time, for machines.
        exact: Local date and time, without the year where it is this year's.
        full: Local date and time with seconds and offset.
        distance: In which unit the distance from now is told; "far" is not told.
        count: How many of that unit.
        future: Whether it lies ahead.
        milliseconds: Since 1970, for the scripts.
    """

    iso: str
    exact: str
    full: str
    distance: Distance
    count: int
    future: bool
    milliseconds: int


@frozen(eq=False)
class Viewer:
    """One reading of one page.

    Args:
        language: "zh" or "en".
        now: The moment of drawing, microseconds UTC.
        timezone: The county's local time.
        address: The page being read.
    """

    language: str
    now: int
    timezone: ZoneInfo
    address: Address

    @property
    def locale(self) -> Locale:
        """Babel's locale of the language."""
        return Locale("en") if self.language == "en" else Locale("zh", "CN", "Hans")

    def text(self, words: Text | str) -> str:
        """The words in the viewer's language; a bare string (a name, a code) stays as it is."""
        return words if isinstance(words, str) else words.in_language(self.language)

    def number(self, value: float | None, decimals: int = 0, least: int = 0) -> str:
        """A number with grouped digits; "—" where it is unknown.

        Args:
            value: The number.
            decimals: Digits after the point at most; zeros at their end are left out.
            least: So many stay in any case, so that the numbers of a column stand in line.
        """
        if value is None or not math.isfinite(value):
            return UNKNOWN
        pattern = "#,##0." + "0" * least + "#" * (decimals - least) if decimals > 0 else "#,##0"
        return str(format_decimal(Decimal(str(value)), format=pattern, locale=self.locale))

    def digits(self, values: Iterable[object], decimals: int) -> int:
        """How many digits after the point the numbers of a column need, at most ``decimals``."""
        shown = (
            f"{value:.{decimals}f}".partition(".")[2].rstrip("0")
            for value in values
            if isinstance(value, int | float) and math.isfinite(value)
        )
        return max(map(len, shown), default=0)

    def column_digits(self, table: Table) -> dict[str, int]:
        """The digits after the point that each column of numbers needs, by its key."""
        return {
            column.key: self.digits(
                (row.cells.get(column.key) for row in table.rows), column.decimals
            )
            for column in table.columns
            if column.kind == "number"
        }

    def local(self, at: int) -> datetime:
        """An instant (microseconds UTC) in the county's local time."""
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self.timezone)

    def moment(self, at: int) -> Moment:
        """An instant (microseconds UTC) in words."""
        local = self.local(at)
        distance, count = _distance(timedelta(microseconds=at - self.now))
        this_year = local.year == self.local(self.now).year
        return Moment(
            iso=local.isoformat(timespec="seconds"),
            exact=local.strftime("%m-%d %H:%M" if this_year else "%Y-%m-%d %H:%M"),
            full=f"{local:%Y-%m-%d %H:%M:%S} UTC{local.isoformat()[-6:]}",
            distance=distance,
            count=count,
            future=at > self.now,
            milliseconds=at // 1000,
        )

    def is_day(self, value: object) -> bool:
        """Whether a cell holds a day, which no line's end may break."""
        return isinstance(value, str) and _DAY.fullmatch(value) is not None

    def sort_href(self, table: str, key: str, current: str) -> str:
        """Address that sorts a table by a column, turning the order if it is sorted by it."""
        turned = f"-{key}" if current == key else key
        return str(self.address.having({f"sort.{table}": turned, f"page.{table}": ""}))

    def page_href(self, table: str, number: int) -> str:
        """Address of another page of a table."""
        return str(self.address.having({f"page.{table}": str(number) if number > 1 else ""}))

    def whole_href(self, series: str) -> str:
        """Address that shows all numbers of a chart's table."""
        return f"{self.address.having({'numbers': series})}#view-{series}"


def _distance(gap: timedelta) -> tuple[Distance, int]:
    """The unit in which a distance is told, and how many: whole ones passed, nearest ahead."""
    future, seconds = gap > timedelta(0), int(abs(gap).total_seconds())
    if abs(gap) >= _FAR:
        return "far", 0
    for unit, length in _UNITS:
        if seconds >= length:
            return unit, (seconds + length // 2 if future else seconds) // length
    return "now", 0
