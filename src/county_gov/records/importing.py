"""Files of records: looked at first, then brought in a slice at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec
from attrs import frozen

from county_gov.contract.access import Actor
from county_gov.contract.clock import DAY
from county_gov.contract.values import clean_key, mend_text
from county_gov.errors import NotFound, RecordConflict, RecordInvalid
from county_gov.records.authority import no_dataset, writing
from county_gov.records.files import RecordFiles, rejected_rows
from county_gov.records.planning import Draft, ImportRow, Plan, Planner
from county_gov.records.references import RegisterCodes
from county_gov.records.stored import lasting
from county_gov.records.writing import Desk, fingerprint, touched, whose_keys
from county_gov.store import records as tables
from county_gov.store import records_history as past
from county_gov.store import records_imports as imports
from county_gov.store.records import RowKey, Written
from county_gov.store.records_history import KeptWrite, PastChange
from county_gov.store.writer import Priority
from county_gov.tabular.table import TableFormat, read_table
from county_gov.tabular.writing import write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from county_gov.store import Snapshot, Store, Transaction
    from county_gov.store.records_imports import ImportState, KeptImport
    from county_gov.tabular.table import FileTable

SLICE = 150
"""Rows that one change writes, so that the writer is never held for long."""
FILES_KEPT = 2 * DAY
LONGEST_NAME = 200


@frozen(eq=False)
class Import:
    """A file that somebody has brought, and what it would do.

    Args:
        id: Its number.
        dataset: Id of the dataset that it is for.
        name: The file's name.
        format: "csv" or "xlsx".
        state: "previewed", "applying" or "applied".
        fields: Names of the fields that it has columns for, in their order.
        rows: Its rows, in their order.
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


@frozen
class ImportOutcome:
    """What importing a file did.

    Args:
        id: The import's number.
        dataset: Id of the dataset.
        added, changed, unchanged: Rows.
        rejected: Rows that were left out; `RecordImports.rejected` hands them back.
        conflicts: Rows that somebody changed while the file was brought in; they were left as they
            are, and importing the file again takes them.
    """

    id: int
    dataset: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    conflicts: int = 0


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
        """Look at a file and keep it for two days, so that it can be applied with one word.

        The same file that the same person brought before and has not applied is the same import.

        Args:
            actor: Who brings it.
            dataset: Id of the dataset that it is for.
            file: CSV or an Excel workbook (.xlsx).
            name: The file's name.
            idempotency_key: The same key again gives the same import, whatever its state.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if there is no such dataset for this actor.
            AccessDenied: if the actor may not write there.
            RecordInvalid: if the header does not name the dataset's fields.
            RecordConflict: if the idempotency key was used for another file.
            IntakeError: if the file cannot be read, or brings too much.
        """
        desk = self._import_desk(actor, dataset)
        digest = sha256(file).digest()
        hashed = fingerprint("import", dataset, digest.hex())
        repeated = await self._store.read(
            lambda snapshot: _repeated(snapshot, actor, idempotency_key, hashed)
        )
        if repeated is not None:
            return await self.imported(actor, repeated)
        plan = await asyncio.to_thread(self._plan_file, desk, actor, file)
        number = await self._keep_file(actor, dataset, file, name, digest)

        def finish(tx: Transaction) -> None:
            imports.move(tx, number, state="previewed", fingerprint=plan.fingerprint)
            if idempotency_key:
                kept = KeptWrite(hashed, RowKey(""), number)
                past.keep_write(tx, whose_keys(actor), idempotency_key, kept)

        await self._store.write(finish)
        await self._note_preview(actor, desk, plan, request=request)
        return await asyncio.to_thread(_import, number, "previewed", name, desk, plan)

    async def imported(self, actor: Actor, number: int) -> Import:
        """A file that somebody brought, and what it would do now.

        Raises:
            NotFound: if this actor brought no such file, or it is forgotten.
        """
        kept, file = await self._kept(actor, number)
        desk = self._import_desk(actor, kept.dataset)
        plan = await asyncio.to_thread(self._plan_file, desk, actor, file)
        await self._note_preview(actor, desk, plan)
        return await asyncio.to_thread(_import, number, kept.state, kept.name, desk, plan)

    async def _note_preview(
        self, actor: Actor, desk: Desk, plan: Plan, *, request: str = ""
    ) -> None:
        """Put it into the audit trail that a preview shows personal fields as they are."""
        seen = any(one.current is not None and one.current.unmasked for one in plan.drafts)
        if desk.known.personal and seen and actor.kind != "system":
            target = f"dataset:{desk.known.dataset.id}"
            await self._store.write(
                lambda tx: tx.append_audit(actor, "record.read", target, request=request)
            )

    async def apply(self, actor: Actor, number: int, *, request: str = "") -> ImportOutcome:
        """Bring a file's rows in, as the preview has shown it; durable when it returns.

        Rejected rows are left out. A file that was applied is not applied again: then this gives
        what it did. One that a crash interrupted goes on.

        Args:
            actor: Who brought the file.
            number: The import's number.
            request: Id of the HTTP request, for the audit trail.

        Raises:
            NotFound: if this actor brought no such file, or it is forgotten.
            AccessDenied: if the actor may not write there any more.
            RecordConflict: if rows were changed since the preview, or it is just being applied.
        """
        kept, file = await self._kept(actor, number, even_applied=True)
        desk = self._import_desk(actor, kept.dataset)
        if kept.state == "applied":
            return ImportOutcome(number, kept.dataset, **kept.outcome)
        if number in self._applying:
            raise RecordConflict("this file is just being applied; look again in a moment")
        self._applying.add(number)
        try:
            plan = await asyncio.to_thread(self._plan_file, desk, actor, file)
            if kept.state == "previewed" and plan.fingerprint != kept.fingerprint:
                await self._store.write(
                    lambda tx: imports.move(
                        tx, number, state="previewed", fingerprint=plan.fingerprint
                    )
                )
                msg = "rows were changed since this file was looked at: look again, then decide"
                raise RecordConflict(msg)
            applying = _Applying(desk, actor, number, request)
            return await applying.run(self._store, plan)
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
        kept, file = await self._kept(actor, number)
        desk = self._import_desk(actor, kept.dataset)
        plan = await asyncio.to_thread(self._plan_file, desk, actor, file)
        sheet = await asyncio.to_thread(rejected_rows, desk.known.dataset, plan, language)
        return await asyncio.to_thread(write_table, kind or plan.table.format, sheet)

    async def forget_files(self) -> None:
        """Drop the files that were brought more than two days ago, a few at once."""
        before = self._clock.now() - FILES_KEPT
        await self._store.write(lambda tx: imports.forget_parts(tx, before=before), Priority.UPKEEP)

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
        table: FileTable = read_table(file)
        planner = Planner(desk, actor, self._timezone)
        return self._store.read_now(lambda snapshot: planner.plan(snapshot, table))

    async def _keep_file(
        self, actor: Actor, dataset: str, file: bytes, name: str, digest: bytes
    ) -> int:
        """Keep a file in parts; gives its number, the one that it has where it waits already."""
        account = actor.account
        since = self._clock.now() - FILES_KEPT // 2
        before = await self._store.read(
            lambda snapshot: imports.latest_of(snapshot, dataset, digest, account)
        )
        if before is not None and before.state == "previewed" and before.created_at > since:
            return before.id
        shown = mend_text(name)[-LONGEST_NAME:]
        number = await self._store.write(
            lambda tx: imports.begin(tx, dataset, shown, digest, actor)
        )
        for part, start in enumerate(range(0, len(file), imports.PART_BYTES)):
            body = file[start : start + imports.PART_BYTES]
            await self._store.write(partial(_add_part, number, part, body))
        return number

    async def _kept(
        self, actor: Actor, number: int, *, even_applied: bool = False
    ) -> tuple[KeptImport, bytes]:
        def read(snapshot: Snapshot) -> tuple[KeptImport | None, bytes]:
            found = imports.read_import(snapshot, number)
            return found, b"" if found is None else imports.read_body(snapshot, number)

        kept, file = await self._store.read(read)
        missing = NotFound(f"there is no import {number}, or it is forgotten: bring the file again")
        if kept is None or kept.state == "read" or kept.account != actor.account:
            raise missing
        if not file and not (even_applied and kept.state == "applied"):
            raise missing
        return kept, file


def _add_part(number: int, part: int, body: bytes, tx: Transaction) -> None:
    imports.add_part(tx, number, part, body)


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


def _import(number: int, state: ImportState, name: str, desk: Desk, plan: Plan) -> Import:
    return Import(
        id=number,
        dataset=desk.known.dataset.id,
        name=name,
        format=plan.table.format,
        state=state,
        fields=plan.columns.names,
        rows=plan.rows(desk),
        counts=plan.counts,
    )


@frozen(eq=False)
class _Applying:
    """Writes a plan, a slice in each change."""

    desk: Desk
    actor: Actor
    number: int
    request: str

    async def run(self, store: Store, plan: Plan) -> ImportOutcome:
        """Write all slices; gives what was done."""
        counts: Counter[str] = Counter(plan.counts)
        wanted = [one for one in plan.drafts if one.kind in ("added", "changed")]
        await store.write(partial(self._begin, plan))
        for start in range(0, len(wanted), SLICE):
            some = wanted[start : start + SLICE]
            skipped = await store.write(partial(self._write, some), Priority.INTAKE, rows=len(some))
            counts["conflicts"] += len(skipped)
            counts.subtract(one.kind for one in skipped)
        outcome = _outcome(counts)
        await store.write(
            lambda tx: imports.move(tx, self.number, state="applied", outcome=outcome)
        )
        return ImportOutcome(self.number, self.desk.known.dataset.id, **outcome)

    def _begin(self, plan: Plan, tx: Transaction) -> None:
        details = {"import": self.number, **_outcome(Counter[str](plan.counts))}
        tx.append_audit(
            self.actor,
            "record.import",
            self.desk.known.dataset.id,
            request=self.request,
            details=msgspec.json.encode(details).decode(),
        )
        imports.move(tx, self.number, state="applying")

    def _write(self, drafts: Sequence[Draft], tx: Transaction) -> list[Draft]:
        """Write a slice; gives the rows that somebody has changed meanwhile."""
        fresh, skipped = self._sort_out(tx, drafts)
        self._write_rows(tx, fresh)
        keys = [one.key for one in fresh if one.key is not None]
        if keys:
            tx.journal("record", self.desk.known.dataset.id, touched(*keys))
        return skipped

    def _sort_out(
        self, tx: Transaction, drafts: Sequence[Draft]
    ) -> tuple[list[Draft], list[Draft]]:
        """Rows that are as the plan has seen them, and those that are not any more."""
        keys = [one.key.record for one in drafts if one.key is not None]
        current = tables.read_rows(tx, self.desk.table, keys)
        fresh: list[Draft] = []
        skipped: list[Draft] = []
        for one in drafts:
            found = None if one.key is None else current.get(one.key)
            seen = 0 if one.current is None else one.current.version
            (fresh if (0 if found is None else found.version) == seen else skipped).append(one)
        return fresh, skipped

    def _write_rows(self, tx: Transaction, drafts: Sequence[Draft]) -> None:
        dataset, schema = self.desk.known.dataset, self.desk.known.dataset.schema
        new = [one.key.record for one in drafts if one.key is not None and one.current is None]
        versions = past.last_versions(tx, dataset.id, new)
        added: list[Written] = []
        changed: list[Written] = []
        history: list[PastChange] = []
        for one in drafts:
            if one.key is None:
                continue
            if one.current is None:
                version = versions.get(one.key, 0) + 1
                added.append(Written(one.key, one.kept, version, None))
                history.append(PastChange(one.key, version, "added", None, schema.version))
                continue
            version = one.current.version + 1
            changed.append(Written(one.key, one.kept, version, one.current.version))
            before = lasting(schema.fields, one.current.values)
            history.append(PastChange(one.key, version, "changed", before, schema.version))
        tables.insert_rows(tx, self.desk.table, added, self.actor)
        tables.update_rows(tx, self.desk.table, changed, self.actor)
        past.append(tx, dataset.id, history, self.actor, request=self.request)


def _outcome(counts: Counter[str]) -> dict[str, int]:
    names = ("added", "changed", "unchanged", "rejected", "conflicts")
    return {name: counts.get(name, 0) for name in names}
