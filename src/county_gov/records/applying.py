"""Taking the rows of a planned import in, a few in each change, each row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from attrs import frozen

from county_gov.contract.access import Actor
from county_gov.errors import NotFound, Problem
from county_gov.records.planned import pack, unpack
from county_gov.records.stored import lasting
from county_gov.records.writing import area_of, touched
from county_gov.store import records as tables
from county_gov.store import records_history as past
from county_gov.store import records_imports as imports
from county_gov.store.records import RowKey, Written
from county_gov.store.records_history import PastChange
from county_gov.store.writer import Priority

if TYPE_CHECKING:
    from county_gov.records.planned import PlanHead
    from county_gov.records.planning import Draft, Planner
    from county_gov.store import Snapshot, Store, Transaction
    from county_gov.store.records import StoredRow
    from county_gov.store.records_imports import KeptImport, PartPlace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class ImportOutcome:
    """What importing a file did.

    Args:
        id: The import's number.
        dataset: Id of the dataset.
        added, changed, unchanged: Rows.
        rejected: Rows that were left out; `RecordImports.rejected` hands them back.
        conflicts: Rows among these that somebody changed after the file was looked at. They are as
            that person left them; brought again, they are looked at anew.
    """

    id: int
    dataset: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    conflicts: int = 0


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts with every name that an outcome has."""
    names = ("added", "changed", "unchanged", "rejected", "conflicts")
    return {name: counts.get(name, 0) for name in names}


def forgotten(number: int) -> NotFound:
    """What is said of an import that is not there, or not whole any more."""
    return NotFound(f"there is no import {number}, or it is forgotten: bring the file again")


@frozen(eq=False)
class Applying:
    """Takes an import in, from where it stopped.

    Args:
        planner: Checks rows again at the moment at which they are written.
        actor: Who brought the file.
        number: The import's number.
        request: Id of the HTTP request, for the audit trail.
    """

    planner: Planner
    actor: Actor
    number: int
    request: str

    async def run(self, store: Store, head: PlanHead) -> ImportOutcome:
        """Take all parts in that wait; gives what was done, by earlier attempts as well.

        Raises:
            NotFound: if some of its rows are forgotten.
        """
        for place in await store.write(partial(self._begin, head)):
            drafts = await store.read(partial(self._read, place.number))
            take = partial(self._take, place, drafts)
            await store.write(take, Priority.INTAKE, rows=place.rows)
        outcome = await store.write(self._finish)
        return ImportOutcome(self.number, self.planner.desk.known.dataset.id, **outcome)

    def _read(self, part: int, snapshot: Snapshot) -> list[Draft]:
        found = imports.read_part(snapshot, self.number, part)
        dataset = self.planner.desk.known.dataset
        if found is None:
            raise forgotten(self.number)
        return unpack(dataset, found)

    def _begin(self, head: PlanHead, tx: Transaction) -> Sequence[PartPlace]:
        """Note that it is being taken in, which keeps its parts; gives those that wait."""
        state = self._kept(tx).state
        if state == "applied":
            return ()
        places = imports.part_places(tx, self.number)
        if sum(one.rows for one in places) != sum(head.counts.values()):
            raise forgotten(self.number)
        if state == "previewed":
            self._note_begun(tx, head)
        return [one for one in places if one.kind == "write"]

    def _note_begun(self, tx: Transaction, head: PlanHead) -> None:
        details = {"import": self.number, **counted(head.counts)}
        tx.append_audit(
            self.actor,
            "record.import",
            self.planner.desk.known.dataset.id,
            request=self.request,
            details=msgspec.json.encode(details).decode(),
        )
        kept = {kind: head.counts.get(kind, 0) for kind in ("unchanged", "rejected")}
        imports.move(tx, self.number, state="applying", outcome=kept)

    def _finish(self, tx: Transaction) -> dict[str, int]:
        outcome = counted(self._kept(tx).outcome)
        imports.move(tx, self.number, state="applied", outcome=outcome)
        return outcome

    def _kept(self, tx: Transaction) -> KeptImport:
        found = imports.read_import(tx, self.number)
        assert found is not None  # noqa: S101 (imports are never removed)
        return found

    def _take(self, place: PartPlace, drafts: Sequence[Draft], tx: Transaction) -> None:
        """Take a part's rows in; what does not fit any more goes back among the rejected."""
        dataset = self.planner.desk.known.dataset
        conflicts = self._refuse_changed(tx, drafts)
        self.planner.check_again(tx, [one for one in drafts if not one.problems])
        fresh = [one for one in drafts if not one.problems]
        refused = [one for one in drafts if one.problems]
        self._write_rows(tx, fresh)
        keys = [one.key for one in fresh if one.key is not None]
        if keys:
            tx.journal("record", dataset.id, touched(*keys))
        if not refused:
            imports.mark_written(tx, self.number, place.number)
        else:
            imports.replace_part(tx, self.number, pack(dataset, place.number, "written", fresh))
            later = place.number + imports.LATER
            imports.add_parts(tx, self.number, [pack(dataset, later, "rejected", refused)])
        counts = Counter(self._kept(tx).outcome)
        counts.update(one.kind for one in drafts)
        counts["conflicts"] += conflicts
        imports.move(tx, self.number, state="applying", outcome=counted(counts))

    def _refuse_changed(self, tx: Transaction, drafts: Sequence[Draft]) -> int:
        """Refuse rows that are not as the plan has seen them; gives how many."""
        keys = [one.key.record for one in drafts if one.key is not None]
        current = tables.read_rows(tx, self.planner.desk.table, keys)
        count = 0
        for one in drafts:
            if one.key is None:
                continue
            found = current.get(one.key)
            seen = 0 if one.current is None else one.current.version
            if (0 if found is None else found.version) != seen:
                place = self.planner.desk.known.dataset.schema.key[0]
                one.problems.append(Problem(place, self._what_happened(tx, one, found)))
                count += 1
        return count

    def _what_happened(self, tx: Transaction, draft: Draft, found: StoredRow | None) -> str:
        """What somebody did to a row meanwhile, and who where it may be known."""
        if found is None:
            verb, at, who = "removed", 0, ""
            key = draft.key or RowKey("")
            for row in past.of_record(tx, self.planner.desk.known.dataset.id, key.record):
                if row.change.key == key:
                    at, who = row.at, row.actor
                    break
        else:
            verb = "added" if draft.current is None else "changed"
            at, who = found.changed_at, found.changed_by
            if not self.planner.reaches(tx, area_of(self.planner.desk.known.dataset, found.values)):
                return f"was {verb} meanwhile by somebody else"
        moment = (EPOCH + timedelta(microseconds=at)).astimezone(self.planner.timezone)
        return f"was {verb} meanwhile by {who} at {moment:%Y-%m-%d %H:%M}"

    def _write_rows(self, tx: Transaction, drafts: Sequence[Draft]) -> None:
        desk = self.planner.desk
        dataset, schema = desk.known.dataset, desk.known.dataset.schema
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
        tables.insert_rows(tx, desk.table, added, self.actor)
        tables.update_rows(tx, desk.table, changed, self.actor)
        past.append(tx, dataset.id, history, self.actor, request=self.request)
