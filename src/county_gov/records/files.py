"""Records out as files: exports, templates, and rejected rows handed back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.contract.access import Actor
from county_gov.contract.problem_words import problem_words
from county_gov.errors import DeliveryTooLarge, Problem
from county_gov.records.columns import ERRORS, NOTE, cell_of, header_of, note_of
from county_gov.records.reading import RecordReading
from county_gov.records.viewing import masked_values
from county_gov.store import records_queries as queries
from county_gov.tabular.writing import Sheet, write_table

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.records import Filter
    from county_gov.contract.text import Text
    from county_gov.records.authority import Reader
    from county_gov.records.planned import PlanHead
    from county_gov.records.planning import Draft
    from county_gov.tabular.table import Cell, TableFormat

MOST_EXPORTED = 100_000
"""As many rows as can be imported again."""


class RecordFiles(RecordReading):
    """What is read of records, and how it leaves as files."""

    async def export(  # noqa: PLR0913 (what can be asked, each by name)
        self,
        reader: Reader,
        dataset: str,
        kind: TableFormat = "csv",
        *,
        where: Sequence[Filter] = (),
        search: str = "",
        within: str = "",
        on: str = "",
        sort: str = "",
        language: str = "zh",
        request: str = "",
    ) -> bytes:
        """Rows within the scope as a file that can be imported again; masked as in lists.

        Args:
            reader: Who reads.
            dataset: Its id.
            kind: "csv" or "xlsx".
            where: As in `find`, like search, on and sort.
            search: Text that the key or one of the texts must hold.
            within: Code of the area in or below which the rows lie.
            on: For a dated dataset, the local day; "all" gives the rows of all days.
            sort: A field's name, with "-" in front for descending.
            language: Of headers and choices: "zh" or "en".
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such dataset for who reads.
            RecordInvalid: naming what of the question is wrong.
            DeliveryTooLarge: if there are more rows than one file may have.
        """
        view = self._view(reader, dataset)
        query = self._query(view, where=where, search=search, on=on, sort=sort)
        query = evolve(query, within=within, limit=MOST_EXPORTED + 1)
        rows = await self._store.read(lambda s: queries.select_rows(s, view.table, query))
        if len(rows) > MOST_EXPORTED:
            raise DeliveryTooLarge(f"there are more than {MOST_EXPORTED} rows: narrow the list")
        if isinstance(reader, Actor) and reader.kind != "system":
            await self._store.write(
                lambda tx: tx.append_audit(reader, "record.export", dataset, request=request)
            )
        fields = view.known.dataset.record_schema.fields
        values = (masked_values(view.known, row) for row in rows)
        sheet = Sheet(
            title=view.known.dataset.title.in_language(language),
            header=[header_of(view.known.dataset, one, language) for one in fields],
            rows=(
                [cell_of(one, kept[one.name], language, self._timezone) for one in fields]
                for kept in values
            ),
        )
        return await asyncio.to_thread(write_table, kind, sheet)

    async def template(
        self, reader: Reader, dataset: str, kind: TableFormat = "csv", *, language: str = "zh"
    ) -> bytes:
        """An empty file with the columns of a dataset, and what has to be known to fill it in.

        Raises:
            NotFound: if there is no such dataset for who reads.
        """
        known = self._view(reader, dataset).known
        return await asyncio.to_thread(write_table, kind, *_template(known.dataset, kind, language))


def _template(dataset: Dataset, kind: TableFormat, language: str) -> tuple[Sheet, ...]:
    fields = dataset.record_schema.fields
    header = [header_of(dataset, one, language) for one in fields]
    notes = [note_of(one, language) for one in fields]
    title = dataset.title.in_language(language)
    if kind == "csv":
        remarks = ["; ".join(note.splitlines()) for note in notes]
        remarks[0] = NOTE.in_language(language) + remarks[0]
        return (Sheet(title, header, [remarks]),)
    words = ("列", "填写说明") if language.startswith("zh") else ("Column", "What to fill in")
    rows = [[head, note.replace("\n", "; ")] for head, note in zip(header, notes, strict=True)]
    return (
        Sheet(title, header, [], notes),
        Sheet("说明" if language.startswith("zh") else "Notes", words, rows),
    )


def rejected_rows(
    dataset: Dataset, head: PlanHead, drafts: Sequence[Draft], language: str
) -> Sheet:
    """Rejected rows of a file as they came, with a column that says what is wrong."""
    rows: list[Sequence[Cell]] = []
    width = len(head.header)
    for draft in drafts:
        words = "; ".join(
            f"{_title(dataset, one.place, language)}: {said}" if one.place else said
            for one in draft.problems
            for said in (_said(dataset, one).in_language(language),)
        )
        cells = [*draft.line.cells, *[None] * width][: max(width, len(draft.line.cells))]
        kept = [
            cell
            for number, cell in enumerate(cells)
            if number >= width or head.columns[number] is not None
        ]
        rows.append([*kept, words])
    header = [
        words for words, one in zip(head.header, head.columns, strict=True) if one is not None
    ]
    return Sheet(dataset.title.in_language(language), [*header, ERRORS.in_language(language)], rows)


def _said(dataset: Dataset, one: Problem) -> Text:
    schema = dataset.record_schema
    return problem_words(one.message, schema[one.place] if one.place in schema.names else None)


def _title(dataset: Dataset, name: str, language: str) -> str:
    schema = dataset.record_schema
    return schema[name].title.in_language(language) if name in schema.names else name
