"""Lists: page and order from the address, and the whole list as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web
from attrs import frozen

from county_gov.tabular.formulas import neutralise

if TYPE_CHECKING:
    from multidict import MultiMapping

    from county_gov.contract.page import Table
    from county_gov.server.call import Call

PAGE = 50
LAST_PAGE = 100_000
EXPORTED = 10_000
"""Rows of one export at most."""
LONGEST_TYPED = 200
"""Characters of a text to filter by."""
_PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@frozen
class Listing:
    """Which part of a list is asked for, and in what order."""

    id: str
    page: int
    sort: str
    size: int = PAGE

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.size

    @classmethod
    def read(
        cls,
        query: MultiMapping[str],
        table: str,
        sorts: Collection[str],
        default: str,
        size: int = PAGE,
    ) -> Listing:
        """What the address asks for; what it cannot ask for is the first page, by default order."""
        number = query.get(f"page.{table}", "1")
        sort = query.get(f"sort.{table}", default)
        return cls(
            table,
            min(int(number), LAST_PAGE) if _PAGE_NUMBER.fullmatch(number) else 1,
            sort if sort.removeprefix("-") in sorts else default,
            size,
        )


def typed(query: MultiMapping[str], name: str, longest: int = LONGEST_TYPED) -> str:
    """What an address filters by, as every database takes it: no NUL, no half of a character.

    What a database cannot hold then matches nothing, as any other text that stands nowhere.
    """
    text = query.get(name, "")[:longest].encode("utf-8", "replace").decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def csv_of(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as CSV in UTF-8 with a byte order mark, so that office programs read it rightly.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([neutralise(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue().encode("utf-8-sig", "replace")


def csv_answer(name: str, rows: Iterable[Sequence[object]]) -> web.Response:
    """A file to keep."""
    return web.Response(
        body=csv_of(rows),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.csv"',
        },
    )


def table_rows(call: Call, table: Table) -> Iterable[Sequence[object]]:
    """A table's head and rows as cells, instants in the county's local time."""
    timezone = ZoneInfo(call.county.settings.county.timezone)
    yield [
        call.words(column.title) + (f" ({column.unit})" if column.unit else "")
        for column in table.columns
    ]
    for row in table.rows:
        cells: list[object] = []
        for column in table.columns:
            words, value = row.texts.get(column.key), row.cells.get(column.key)
            if words is not None:
                cells.append(call.words(words))
            elif column.kind == "instant" and isinstance(value, int):
                moment = (_EPOCH + timedelta(microseconds=value)).astimezone(timezone)
                cells.append(moment.isoformat(timespec="seconds"))
            else:
                cells.append(value)
        yield cells
