"""Files of records: looked at first, then brought in a slice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen

from county_gov.contract.access import Actor
from county_gov.contract.clock import DAY
from county_gov.contract.values import clean_key, mend_text
from county_gov.errors import RecordConflict, RecordInvalid
from county_gov.records.applying import Applying, ImportOutcome, counted, forgotten
from county_gov.records.authority import no_dataset, unmasking, writing
from county_gov.records.files import RecordFiles, rejected_rows
from county_gov.records.planned import ORDER, PlanHead, parts_of, unpack
from county_gov.records.planning import ImportRow, Planner, shown_row
from county_gov.records.references import RegisterCodes
from county_gov.records.writing import Desk, area_of, fingerprint, whose_keys
from county_gov.store import records as tables
from county_gov.store import records_history as past
from county_gov.store import records_imports as imports
from county_gov.store.records import RowKey
from county_gov.store.records_history import KeptWrite
from county_gov.store.writer import Priority
from county_gov.tabular.table import TableFormat, read_table
from county_gov.tabular.writing import write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.contract.dataset import Dataset
    from county_gov.records.planning import Draft, Plan
    from county_gov.store import Snapshot, Transaction
    from county_gov.store.records_imports import ImportState, KeptImport, Part

FILES_KEPT = 2 * DAY
BEGUN_KEPT = 30 * DAY
"""How long an import that was interrupted can go on."""
LONGEST_NAME = 200
LONGEST_PAGE = 1000
BYTES_A_CHANGE = 512 * 1024


@frozen(eq=False)
class Import:
    """A file that somebody has brought, and what it would do or has done.

    Args:
        id: Its number.
        dataset: Id of the dataset that it is for.
        name: The file's name.
        format: "csv" or "xlsx".
        state: "previewed", "applying" or "applied".
        fields: Names of the fields that it has columns for, in their order.
        rows: Those of its rows that were asked for: the rejected ones first, then those to write,
            then those that stay as they are, each in their order.
        counts: How many rows are added, changed, unchanged and rejected.
    """

    id: int
    dataset: str
    name: str
    format: TableFormat
    state: ImportState
    fields: tuple[str, ...]
    rows: tuple[ImportRow, ...]
    counts: Mapping[Literal["added", "changed", "unchanged", "rejected"], int]


class RecordImports(RecordFiles):
    """What is read of records, and how they come in as files."""

    _registers: Callable[[], RegisterCodes]
    _applying: set[int]

    async def preview(
        self,
        actor: Actor,
        dataset: str,
        file: bytes,
        name: str = "",
        *,
        idempotency_key: str = "",
        request: str = "",
    ) -> Import:
        """Look at a file and keep what it would do for two days, to be applied with one word.

        Args:
            actor: Who brings it.
            dataset: Id of the dataset that it is for.
            file: CSV or an Excel workbook (.xlsx).
            name: The file's name.
            idempotency_key: The same key again gives the same import, whatever its state.
            request: Id of the HTTP request, for the audit trail.

        Returns:
            The import with its first 1,000 rows.

        Raises:
            NotFound: if there is no such dataset for this actor.
            AccessDenied: if the actor may not write there.
            RecordInvalid: if the header does not name the dataset's fields.
            RecordConflict: if the idempotency key was used for another file.
            IntakeError: if the file cannot be read, or brings too much.
        """
        desk = self._import_desk(actor, dataset)
        hashed = fingerprint("import", dataset, sha256(file).hexdigest())
        number = await self._store.read(
            lambda snapshot: _repeated(snapshot, actor, idempotency_key, hashed)
        )
        if number is None:
            plan = await asyncio.to_thread(self._plan_file, desk, actor, file)
            number = await self._keep_plan(desk, actor, plan, name)

            def finish(tx: Transaction, made: int = number) -> int:
                first = _repeated(tx, actor, idempotency_key, hashed)
                if first is not None:
                    return first  # somebody was quicker under the same key
                imports.move(tx, made, state="previewed")
                if idempotency_key:
                    kept = KeptWrite(hashed, RowKey(""), made)
                    past.keep_write(tx, whose_keys(actor), idempotency_key, kept)
                return made

            number = await self._store.write(finish)
        return await self.imported(actor, number, request=request)

    async def imported(
        self,
        actor: Actor,
        number: int,
        *,
        limit: int = LONGEST_PAGE,
        offset: int = 0,
        request: str = "",
    ) -> Import:
        """A file that somebody brought, and what it would do, or did.

        Args:
            actor: Who brought the file.
            number: The import's number.
            limit: Rows at most, up to 1,000.
            offset: Rows passed over.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if this actor brought no such file, or it is forgotten.
        """
        kept = await self._kept(actor, number)
        desk = self._import_desk(actor, kept.dataset)
        head = PlanHead.read(desk.known.dataset, kept.plan)
        window = range(offset, offset + min(max(limit, 0), LONGEST_PAGE))
        rows, seen = await self._store.read(partial(_page, desk, actor, number, window))
        if seen and desk.known.personal and actor.kind != "system":
            target = f"dataset:{kept.dataset}"
            await self._store.write(
                lambda tx: tx.append_audit(actor, "record.read", target, request=request)
            )
        counts: Mapping[str, int] = head.counts if kept.state == "previewed" else kept.outcome
        return Import(
            id=number,
            dataset=kept.dataset,
            name=kept.name,
            format=head.format,
            state=kept.state,
            fields=tuple(name for name in head.columns if name is not None),
            rows=rows,
            counts={
                kind: counts[kind]
                for kind in ("added", "changed", "unchanged", "rejected")
                if counts.get(kind)
            },
        )

    async def apply(self, actor: Actor, number: int, *, request: str = "") -> ImportOutcome:
        """Bring a file's rows in, as the preview has shown it; durable when it returns.

        Rejected rows are left out. So are rows that somebody has changed since the file was looked
        at, and those that do not fit any more: they are as that person left them, and join the
        rejected with the reason. A file that was applied is not applied again: then this gives what
        it did. One that a crash interrupted goes on, up to thirty days after it was brought.

        Args:
            actor: Who brought the file.
            number: The import's number.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if this actor brought no such file, or it is forgotten.
            AccessDenied: if the actor may not write there any more.
            RecordConflict: if it is just being applied.
        """
        kept = await self._kept(actor, number, even_old=True)
        desk = self._import_desk(actor, kept.dataset)
        if kept.state == "applied":
            return ImportOutcome(number, kept.dataset, **counted(kept.outcome))
        self._require_kept(kept)
        head = PlanHead.read(desk.known.dataset, kept.plan)
        if number in self._applying:
            raise RecordConflict("this file is just being applied; look again in a moment")
        self._applying.add(number)
        try:
            planner = Planner(desk, actor, self._timezone)
            return await Applying(planner, actor, number, request).run(self._store, head)
        finally:
            self._applying.discard(number)

    async def bring(
        self,
        actor: Actor,
        dataset: str,
        file: bytes,
        name: str = "",
        *,
        idempotency_key: str,
        request: str = "",
    ) -> ImportOutcome:
        """Look at a file and bring it in at once; arguments and errors as of `preview`."""
        found = await self.preview(
            actor, dataset, file, name, idempotency_key=idempotency_key, request=request
        )
        return await self.apply(actor, found.id, request=request)

    async def rejected(
        self, actor: Actor, number: int, kind: TableFormat | None = None, *, language: str = "zh"
    ) -> bytes:
        """The rejected rows of a file, in its format, with a column that says what is wrong.

        Mended there, the file can be imported as it is: the column is passed over.

        Raises:
            NotFound: if this actor brought no such file, or it is forgotten.
        """
        kept = await self._kept(actor, number)
        desk = self._import_desk(actor, kept.dataset)
        dataset = desk.known.dataset
        head = PlanHead.read(dataset, kept.plan)

        def read(snapshot: Snapshot) -> list[Draft]:
            places = imports.part_places(snapshot, number, "rejected")
            found = (imports.read_part(snapshot, number, one.number) for one in places)
            drafts = [row for part in found if part is not None for row in unpack(dataset, part)]
            return sorted(drafts, key=lambda one: one.line.number)

        drafts = await self._store.read(read)
        sheet = await asyncio.to_thread(rejected_rows, dataset, head, drafts, language)
        return await asyncio.to_thread(write_table, kind or head.format, sheet)

    async def forget_files(self) -> None:
        """Drop what files would do, or did more than two days ago, a few at once."""
        now = self._clock.now()
        forget = partial(
            imports.forget_parts, before=now - FILES_KEPT, begun_before=now - BEGUN_KEPT
        )
        await self._store.write(forget, Priority.UPKEEP)

    def _desk(self, dataset: str) -> Desk:
        known = self._known.get(dataset)
        if known is None:
            raise no_dataset(dataset)
        return Desk(known, self._tables[dataset], self._tables, self._registers, self.today())

    def _import_desk(self, actor: Actor, dataset: str) -> Desk:
        desk = self._desk(dataset)
        writing(actor, desk.known, importing=True)
        return desk

    def _plan_file(self, desk: Desk, actor: Actor, file: bytes) -> Plan:
        table = read_table(file)
        planner = Planner(desk, actor, self._timezone)
        return self._store.read_now(lambda snapshot: planner.plan(snapshot, table))

    async def _keep_plan(self, desk: Desk, actor: Actor, plan: Plan, name: str) -> int:
        """Keep what a file would do, in parts; gives its number."""
        dataset = desk.known.dataset
        shown, head = mend_text(name)[-LONGEST_NAME:], PlanHead.of(dataset, plan).text()

        def begin(tx: Transaction) -> int:
            number = imports.begin(tx, dataset.id, shown, actor)
            imports.move(tx, number, state="read", plan=head)
            return number

        number = await self._store.write(begin)
        for some in await asyncio.to_thread(_bundles, dataset, plan):
            await self._store.write(partial(_add_parts, number, some), Priority.INTAKE)
        return number

    async def _kept(self, actor: Actor, number: int, *, even_old: bool = False) -> KeptImport:
        kept = await self._store.read(lambda snapshot: imports.read_import(snapshot, number))
        if kept is None or kept.state == "read" or kept.account != actor.account:
            raise forgotten(number)
        if not even_old:
            self._require_kept(kept)
        return kept

    def _require_kept(self, kept: KeptImport) -> None:
        since = kept.created_at if kept.applied_at is None else kept.applied_at
        age = self._clock.now() - since
        if age > (BEGUN_KEPT if kept.state == "applying" else FILES_KEPT):
            raise forgotten(kept.id)


def _bundles(dataset: Dataset, plan: Plan) -> list[list[Part]]:
    """Parts of a plan, as many together as one change may write."""
    bundles: list[list[Part]] = []
    size = BYTES_A_CHANGE
    for part in parts_of(dataset, plan.drafts):
        if size + len(part.body) > BYTES_A_CHANGE:
            bundles.append([])
            size = 0
        bundles[-1].append(part)
        size += len(part.body)
    return bundles


def _add_parts(number: int, some: Sequence[Part], tx: Transaction) -> None:
    imports.add_parts(tx, number, some)


def _page(
    desk: Desk, actor: Actor, number: int, window: range, snapshot: Snapshot
) -> tuple[tuple[ImportRow, ...], bool]:
    """Some rows of an import as people are shown them, and whether one was shown unmasked."""
    places = sorted(
        imports.part_places(snapshot, number),
        key=lambda one: (ORDER.index(_SHOWN_AS.get(one.kind, one.kind)), one.number),
    )
    drafts: list[Draft] = []
    passed = 0
    for place in places:
        if window and passed + place.rows > window.start and passed < window.stop:
            part = imports.read_part(snapshot, number, place.number)
            rows = [] if part is None else unpack(desk.known.dataset, part)
            drafts += rows[max(window.start - passed, 0) : window.stop - passed]
        passed += place.rows
    scope, sees = unmasking(actor, desk.known), dict[str | None, bool]()
    for one in drafts:
        if one.current is not None:
            area = area_of(desk.known.dataset, one.current.values)
            if area not in sees:
                sees[area] = tables.sees(snapshot, scope, area, desk.today)
            one.current = evolve(one.current, unmasked=one.current.unmasked and sees[area])
    seen = any(one.current is not None and one.current.unmasked for one in drafts)
    return tuple(shown_row(desk, one) for one in drafts), seen


_SHOWN_AS: Mapping[imports.PartKind, imports.PartKind] = {"written": "write"}


def _repeated(snapshot: Snapshot, actor: Actor, key: str, hashed: str) -> int | None:
    """The import that an idempotency key stands for, or None.

    Raises:
        RecordInvalid: if the key cannot be one.
        RecordConflict: if it stands for another request.
    """
    if not key:
        return None
    if problems := list(clean_key(key)):
        raise RecordInvalid(problems)
    kept = past.kept_write(snapshot, whose_keys(actor), key)
    if kept is not None and kept.fingerprint != hashed:
        raise RecordConflict(
            f"idempotency key {key!r} was used for another request; take a new key",
            code="idempotency",
        )
    return None if kept is None else kept.version
