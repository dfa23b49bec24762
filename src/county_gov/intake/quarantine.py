"""The quarantine: what could not be accepted, kept until somebody retries or dismisses it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from attrs import evolve, frozen

from county_gov.contract.access import Actor, Scope
from county_gov.contract.source import Delivery, Outcome, Reason
from county_gov.errors import CountyGovError, IntakeError, NotFound
from county_gov.intake.export import HEADER, export_lines
from county_gov.intake.intake import Intake
from county_gov.intake.reach import outside_of, today
from county_gov.intake.reasons import Fault
from county_gov.intake.validation import Validated
from county_gov.intake.wire_format import CSV
from county_gov.store.intake import (
    QuarantinedItem,
    QuarantineFilter,
    count_by_code,
    count_quarantined,
    find_quarantined,
    read_batch,
    resolve,
    still_open,
)
from county_gov.store.observations.rows import Readings
from county_gov.store.writer import Priority
from county_gov.tabular.charset import UTF8

if TYPE_CHECKING:
    from collections.abc import Mapping

    from county_gov.store.transaction import Snapshot, Transaction

MOST_AT_ONCE = 200
"""Items that one retry or dismissal names; one change on the writer resolves them."""

EXPORT_PAGE = 500

_Ready = tuple[QuarantinedItem, Validated]


class _ResolvedMeanwhile(CountyGovError, RuntimeError):
    """Somebody else retried or dismissed an item in the meantime: nothing was changed."""


@frozen
class Retried:
    """What became of a retry.

    Args:
        outcomes: Of each batch that was made, by its key; also of earlier retries of the items
            with the same text. Where a whole delivery was split, ``quarantined`` counts its bad
            rows, which are items of their own now.
        resolved: Items that are in the data now, or whose delivery was split.
        remaining: Items that are still open, and why.
        closed: Items that somebody dismissed before, or took in with another text; they were left
            so, and why.
    """

    outcomes: tuple[Outcome, ...]
    resolved: tuple[int, ...]
    remaining: tuple[tuple[int, Reason], ...]
    closed: tuple[tuple[int, Reason], ...] = ()


class Quarantine:
    """The quarantined rows and deliveries of a county.

    Everything that a person does here is audited in the transaction that does it.

    Args:
        intake: Decodes and commits what is retried.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._store = intake.store

    async def find(
        self,
        scope: Scope,
        wanted: QuarantineFilter | None = None,
        *,
        limit: int = 50,
        before: int | None = None,
    ) -> tuple[tuple[QuarantinedItem, ...], int]:
        """Items within a scope, latest first, and how many there are in all.

        Args:
            scope: What the actor may see, by the area of the items' datastreams. What belongs to
                no known datastream is seen only with a scope of everywhere.
            wanted: Which items; the open ones unless said otherwise.
            limit: At most so many items.
            before: Only items whose id is less: the last one's of the page before.
        """
        chosen, day = wanted or QuarantineFilter(), today(self._intake)

        def find(snapshot: Snapshot) -> tuple[tuple[QuarantinedItem, ...], int]:
            items = find_quarantined(snapshot, scope, chosen, day=day, limit=limit, before=before)
            return items, count_quarantined(snapshot, scope, chosen, day=day)

        return await self._store.read(find)

    async def count(self, scope: Scope) -> Mapping[tuple[str, str], int]:
        """How many open items there are within a scope, by source and code."""
        day = today(self._intake)
        return await self._store.read(partial(count_by_code, scope=scope, day=day))

    async def look(self, scope: Scope, item: int) -> QuarantinedItem:
        """One item with its raw bytes.

        Raises:
            NotFound: if there is none within the scope.
        """
        (found,) = await self._read(scope, [item], raw_bytes=-1)
        return found

    async def retry(
        self,
        ids: Sequence[int],
        *,
        actor: Actor,
        scope: Scope,
        corrected: bytes | None = None,
        request: str = "",
    ) -> Retried:
        """Decode and validate items again, after a fix of the registers or of the text itself.

        Retrying again what was retried with the same text changes nothing and gives the same
        outcome. A row is taken in as a whole or remains, also where a corrected text makes several
        of it; a delivery that was quarantined whole is split. The readings keep the instant of
        their first arrival; future times are judged against now.

        Args:
            ids: Items, at most 200; several with the same arrival and source make one batch.
            actor: Who retries.
            scope: What the actor may write. An item any of whose readings (those of a corrected
                text above all) belongs to a datastream outside of it remains.
            corrected: Text in UTF-8 to read instead of the raw one; for one item only.
            request: Id of the request, for the audit.

        Raises:
            NotFound: if an item does not exist within the scope.
            IntakeError: if there are too many, or a corrected text for several.
        """
        _check_ids(ids)
        if corrected is not None and len(ids) != 1:
            msg = "a corrected text belongs to one item; name one"
            raise IntakeError(msg)
        items = await self._read(scope, ids)
        digest = None if corrected is None else sha256(corrected).digest()
        earlier = [one for one in items if one.state == "retried" and one.corrected == digest]
        outcomes = [await self._earlier(number) for number in _batches(earlier)]
        remaining: list[tuple[int, Reason]] = []
        resolved = [one.id for one in earlier]
        for group in _groups([one for one in items if one.state == "open"]):
            whole = await self._read(scope, [one.id for one in group], raw_bytes=-1)
            prepared, refused = await asyncio.to_thread(self._prepare, whole, corrected)
            remaining += refused
            ready, refused = await self._within(scope, prepared)
            remaining += refused
            if not ready:
                continue
            after = _Resolution(ready, actor, corrected=digest, request=request)
            try:
                outcomes.append(await self._land(ready, after))
            except _ResolvedMeanwhile:
                return await self.retry(
                    ids, actor=actor, scope=scope, corrected=corrected, request=request
                )
            resolved += after.ids
        closed = [(one.id, _closed(one)) for one in items if one.state != "open"]
        others = tuple(one for one in closed if one[0] not in resolved)
        return Retried(tuple(outcomes), tuple(resolved), tuple(remaining), others)

    async def dismiss(
        self, ids: Sequence[int], *, reason: str, actor: Actor, scope: Scope, request: str = ""
    ) -> int:
        """Close open items without taking them in; they stay, and the audit says why.

        Returns:
            How many were open and are dismissed now.

        Raises:
            NotFound: if an item does not exist within the scope.
            IntakeError: if there are too many, or no reason is given.
        """
        _check_ids(ids)
        if not reason.strip():
            msg = "say why the items are dismissed"
            raise IntakeError(msg)
        items = {one.id: one for one in await self._read(scope, ids)}

        def dismiss(tx: Transaction) -> int:
            chosen = sorted(still_open(tx, list(items)))
            resolve(tx, chosen, "dismissed", by=actor.name)
            details = msgspec.json.encode({"reason": reason.strip()[:1000]}).decode()
            for one in chosen:
                area, target = items[one].area or "", f"quarantine/{one}"
                action = "intake.quarantine.dismiss"
                tx.append_audit(actor, action, target, area=area, request=request, details=details)
            return len(chosen)

        return await self._store.write(dismiss)

    async def export(
        self,
        scope: Scope,
        wanted: QuarantineFilter | None = None,
        *,
        actor: Actor,
        request: str = "",
    ) -> AsyncGenerator[str]:
        """Items as CSV for a spreadsheet, a page at a time, formulas neutralised.

        The export is audited before its first line.
        """
        chosen, day = wanted or QuarantineFilter(), today(self._intake)
        details = msgspec.json.encode(chosen).decode()

        def audit(tx: Transaction) -> None:
            action, target = "intake.quarantine.export", "quarantine"
            tx.append_audit(actor, action, target, request=request, details=details)

        await self._store.write(audit)
        yield HEADER
        before: int | None = None
        while True:
            page = await self._store.read(
                partial(
                    find_quarantined,
                    scope=scope,
                    wanted=chosen,
                    day=day,
                    limit=EXPORT_PAGE,
                    before=before,
                )
            )
            if not page:
                return
            yield export_lines(page)
            before = page[-1].id

    async def _read(
        self, scope: Scope, ids: Sequence[int], *, raw_bytes: int = 0
    ) -> tuple[QuarantinedItem, ...]:
        """Items by id; all of them, or none."""
        find = partial(
            find_quarantined,
            scope=scope,
            wanted=QuarantineFilter(),
            day=today(self._intake),
            limit=len(ids),
            ids=ids,
            raw_bytes=raw_bytes,
        )
        items = await self._store.read(find)
        missing = {*ids} - {one.id for one in items}
        if missing:
            msg = f"no quarantined item {min(missing)}"
            raise NotFound(msg)
        return items

    async def _earlier(self, number: int) -> Outcome:
        row = await self._store.read(lambda snapshot: read_batch(snapshot, number))
        if row is None:
            msg = f"the batch {number} of an earlier retry is gone"
            raise NotFound(msg)
        return Outcome(row.key, row.accepted, row.duplicate, row.revised, row.quarantined)

    def _prepare(
        self, group: Sequence[QuarantinedItem], corrected: bytes | None
    ) -> tuple[list[_Ready], list[tuple[int, Reason]]]:
        """Decode and validate items; those that would only be quarantined again remain."""
        ready: list[_Ready] = []
        remaining: list[tuple[int, Reason]] = []
        now, registers = self._intake.clock.now(), self._intake.registers
        for item in group:
            delivery = _delivery(item, corrected)
            try:
                validated = self._intake.prepare(
                    delivery, source=item.source, now=now, registers=registers
                )
            except IntakeError as error:
                remaining.append((item.id, Fault("unreadable", str(error)).at(item.row)))
                continue
            reason = _stays(item, validated)
            if reason is not None:
                remaining.append((item.id, reason))
            else:
                ready.append((item, validated))
        return ready, remaining

    async def _within(
        self, scope: Scope, prepared: Sequence[_Ready]
    ) -> tuple[list[_Ready], list[tuple[int, Reason]]]:
        """Those whose readings a scope reaches; an item's area says nothing of what was typed."""
        ready: list[_Ready] = []
        remaining: list[tuple[int, Reason]] = []
        for item, validated in prepared:
            code = await outside_of(scope, validated.readings, self._intake)
            if code:
                why = f"datastream {code!r} lies outside your area; nothing was taken in"
                fault = Fault("outside_area", why, "datastream", code)
                remaining.append((item.id, fault.at(item.row)))
            else:
                ready.append((item, validated))
        return ready, remaining

    async def _land(self, ready: Sequence[_Ready], after: _Resolution) -> Outcome:
        """Commit items of one arrival as one batch."""
        first = ready[0][0]
        delivery = Delivery(
            raw=b"",
            wire_format=first.wire_format,
            provenance=f"{first.provenance} (quarantine)",
            received_at=first.received_at,
        )
        return await self._intake.commit(
            delivery,
            _together([validated for _, validated in ready]),
            source=first.source,
            priority=Priority.PERSON,
            after=after,
        )


class _Resolution:
    """Notes in a retry's last change that its items are resolved, and by whom."""

    def __init__(
        self, ready: Sequence[_Ready], actor: Actor, *, corrected: bytes | None, request: str
    ) -> None:
        self.ids = [item.id for item, _ in ready]
        self._items = [item for item, _ in ready]
        self._actor = actor
        self._request = request
        self._corrected = corrected
        self._details = msgspec.json.encode({"corrected": corrected is not None}).decode()

    def __call__(self, tx: Transaction, batch: int) -> None:
        if len(still_open(tx, self.ids)) != len(self.ids):
            msg = "somebody else has resolved one of the items; look again"
            raise _ResolvedMeanwhile(msg)
        by = self._actor.name
        resolve(tx, self.ids, "retried", by=by, batch=batch, corrected=self._corrected)
        for item in self._items:
            action, target = "intake.quarantine.retry", f"quarantine/{item.id}"
            tx.append_audit(
                self._actor,
                action,
                target,
                area=item.area or "",
                request=self._request,
                details=self._details,
            )


def _check_ids(ids: Sequence[int]) -> None:
    if not 0 < len(ids) <= MOST_AT_ONCE:
        msg = f"{len(ids)} items; name 1 to {MOST_AT_ONCE} at once"
        raise IntakeError(msg)


def _stays(item: QuarantinedItem, validated: Validated) -> Reason | None:
    """Why an item that was read again remains; None where it is taken in, or split."""
    rows = len(validated.readings) + len(validated.rejected)
    if not rows:
        return Fault("malformed_row", "the text holds no row").at(item.row)
    if not validated.rejected or (item.row is None and len(validated.readings)):
        return None
    reason = validated.rejected[0].reason
    if rows == 1 or reason.row is None:
        return reason
    words = f"row {reason.row + 1} of the text: {reason.message}; nothing was taken in"
    return evolve(reason, message=words)


def _closed(item: QuarantinedItem) -> Reason:
    """How an item was resolved before, for whoever wanted something else."""
    if item.state == "dismissed":
        words = f"{item.resolved_by} put it aside before; nothing was taken in"
        return Fault("put_aside", words).at(item.row)
    words = f"{item.resolved_by} took it in before with another text; yours was not taken in"
    return Fault("taken_otherwise", words).at(item.row)


def _batches(items: Sequence[QuarantinedItem]) -> list[int]:
    return sorted({one.retried_batch for one in items if one.retried_batch is not None})


def _groups(items: Sequence[QuarantinedItem]) -> list[list[QuarantinedItem]]:
    """Items that can share a batch: rows of the same arrival; whole deliveries stay alone."""
    groups: defaultdict[tuple[object, ...], list[QuarantinedItem]] = defaultdict(list)
    for item in items:
        alone = item.id if item.row is None else None
        groups[item.received_at, item.source, item.provenance, alone].append(item)
    return list(groups.values())


def _delivery(item: QuarantinedItem, corrected: bytes | None) -> Delivery:
    wire_format = item.wire_format
    if corrected is not None and wire_format.startswith(CSV):
        wire_format = f"{CSV}; charset={UTF8}"
    return Delivery(
        raw=item.raw if corrected is None else corrected,
        wire_format=wire_format,
        provenance=item.provenance,
        received_at=item.received_at,
    )


def _together(parts: Sequence[Validated]) -> Validated:
    if len(parts) == 1:
        return parts[0]
    readings = [part.readings for part in parts]
    joined = Readings(
        np.concatenate([one.datastream for one in readings]),
        np.concatenate([one.time for one in readings]),
        np.concatenate([one.value for one in readings]),
        np.concatenate([one.flag for one in readings]),
        np.concatenate([one.result_time for one in readings]),
        readings[0].received_at,
    )
    rejected = tuple(one for part in parts for one in part.rejected)
    return Validated(joined, rejected, parts[0].registers)
