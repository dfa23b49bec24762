"""Adding, changing and removing one record, in one transaction; nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from attrs import evolve, frozen

from county_gov.contract.access import Actor, Scope
from county_gov.contract.dataset import VALID_FROM, Dataset
from county_gov.contract.schema import Value
from county_gov.contract.values import ValueRefused, check_value, clean_key, unknown_fields
from county_gov.errors import AccessDenied, NotFound, Problem, RecordConflict, RecordInvalid
from county_gov.records.authority import Known, may_read, reading, unmasking, writing
from county_gov.records.keys import full_key, key_of
from county_gov.records.references import RegisterCodes, reference_of, unknown_codes
from county_gov.records.stored import lasting
from county_gov.records.viewing import shown
from county_gov.store import records as tables
from county_gov.store import records_history as past
from county_gov.store.records import RecordTable, RowKey, StoredRow, Written
from county_gov.store.records_history import KeptWrite, PastChange

if TYPE_CHECKING:
    from county_gov.store import Snapshot, Transaction


@frozen(eq=False)
class Request:
    """Who asks for a change, and under which idempotency key.

    Args:
        actor: Who asks.
        key: The idempotency key.
        fingerprint: Hash of what makes it the same request as another under its key.
        request: Id of the HTTP request, for the audit trail.
        plugin: Through which plugin the actor asks; empty for a person's own request.
        dataset: Of the row, by which a plugin's keys are kept apart.
    """

    actor: Actor
    key: str
    fingerprint: str
    request: str = ""
    plugin: str = ""
    dataset: str = ""

    @property
    def scope(self) -> str:
        """Whose idempotency keys these are."""
        whose = whose_keys(self.actor)
        return f"{whose}:{self.plugin}:{self.dataset}" if self.plugin else whose


def whose_keys(actor: Actor) -> str:
    """Under which name an actor's idempotency keys are kept."""
    if actor.account is not None:
        return f"record:account:{actor.account}"
    return f"record:{actor.kind}:{actor.name}"


def fingerprint(*parts: object) -> str:
    """Hash of all that makes a request the same as another."""
    return sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


@frozen(eq=False)
class Desk:
    """What writing records of one dataset needs.

    Args:
        known: The dataset.
        table: Its table.
        tables: The tables of all datasets by id, for references.
        registers: The areas and units of now.
        today: The county's local day.
    """

    known: Known
    table: RecordTable
    tables: Mapping[str, RecordTable]
    registers: Callable[[], RegisterCodes]
    today: int

    def put(
        self,
        tx: Transaction,
        request: Request,
        values: Mapping[str, Value],
        expected_version: int | None,
    ) -> StoredRow:
        """Add or change a row, or do nothing where the request was made before.

        Returns:
            The row as it is now, and whether who asks sees its personal fields.

        Raises:
            AccessDenied: if it would be written outside the actor's area, or follows rows of its
                key that lie there.
            NotFound: if there is a row of its key that the actor does not see.
            RecordInvalid: naming each field that is wrong.
            RecordConflict: if it has another version, or the idempotency key another request.
        """
        scope = writing(request.actor, self.known)
        problems = list(clean_key(request.key))
        if not problems and (before := self._repeated(tx, request)) is not None:
            return self._answer(tx, request, before.key)
        key = self._key(values, problems)
        current = tables.read_row(tx, self.table, key)
        hidden = current is not None and not self.sees(tx, request.actor, current.values)
        if hidden:
            current = None  # until the end as if there were none, so that no answer tells of it
        if current is not None:
            self._require_reach(tx, scope, current.values)
            current = evolve(current, unmasked=self._unmasked(tx, request.actor, current.values))
        version = 0 if current is None else current.version
        if expected_version is not None and version != expected_version:
            raise _conflict(self.known.dataset.id, full_key(key), expected_version, version)
        kept, problems = merged(self.known, values, current)
        problems += self._reference_problems(tx, kept, current)
        if problems:
            raise RecordInvalid(problems)
        self._require_reach(tx, scope, kept)
        if hidden:
            raise self._no_record(key)
        if current is None:
            self._require_all_days(tx, request.actor, scope, key)
        if current is None or kept != current.values:
            version = self._write(tx, request, key, kept, current)
        past.keep_write(
            tx, request.scope, request.key, KeptWrite(request.fingerprint, key, version)
        )
        return self._answer(tx, request, key)

    def remove(
        self, tx: Transaction, request: Request, key: RowKey, expected_version: int | None
    ) -> None:
        """Remove a row, or do nothing where the request was made before.

        Raises:
            NotFound: if there is none within the scope.
            AccessDenied: if it, or a row of its key of another day, lies outside the area in which
                the actor writes.
            RecordInvalid: if the idempotency key cannot be one.
            RecordConflict: if it has another version.
        """
        scope = writing(request.actor, self.known)
        if problems := list(clean_key(request.key)):
            raise RecordInvalid(problems)
        if self._repeated(tx, request) is not None:
            return
        current = tables.read_row(tx, self.table, key)
        if current is None or not self.sees(tx, request.actor, current.values):
            raise self._no_record(key)
        self._require_reach(tx, scope, current.values)
        self._require_all_days(tx, request.actor, scope, key)
        if expected_version is not None and current.version != expected_version:
            name = full_key(key)
            raise _conflict(self.known.dataset.id, name, expected_version, current.version)
        tables.delete_row(tx, self.table, key, current.version)
        change = self._past(key, current.version + 1, "removed", current.values)
        self._note(tx, request, change, area=self._area(current.values))
        past.keep_write(tx, request.scope, request.key, KeptWrite(request.fingerprint, key, 0))

    def _repeated(self, snapshot: Snapshot, request: Request) -> KeptWrite | None:
        kept = past.kept_write(snapshot, request.scope, request.key)
        if kept is not None and kept.fingerprint != request.fingerprint:
            raise RecordConflict(
                f"idempotency key {request.key!r} was used for another request; take a new key",
                code="idempotency",
            )
        return kept

    def _key(self, values: Mapping[str, Value], problems: list[Problem]) -> RowKey:
        """The key that values name.

        Raises:
            RecordInvalid: where the key is wrong, then with all that is wrong beside it.
        """
        key, wrong = row_key(self.known.dataset, values)
        found = [*problems, *unknown_fields(self.known.dataset.record_schema, values), *wrong]
        if found or key is None:
            _, others = merged(self.known, values, None)
            places = {one.place for one in found}
            raise RecordInvalid([*found, *(one for one in others if one.place not in places)])
        return key

    def _reference_problems(
        self, tx: Transaction, kept: Mapping[str, Value], current: StoredRow | None
    ) -> list[Problem]:
        problems: list[Problem] = []
        for one in self.known.dataset.schema.fields:
            reference, value = reference_of(self.known.dataset, one), kept.get(one.name)
            same = current is not None and current.values[one.name] == value
            if not reference or value is None or same:
                continue
            if unknown_codes(tx, self.registers, self.tables, reference, [value]):
                problems.append(Problem(one.name, unknown_code(reference, value)))
        return problems

    def _write(
        self,
        tx: Transaction,
        request: Request,
        key: RowKey,
        kept: Mapping[str, Value],
        current: StoredRow | None,
    ) -> int:
        """Write the row with all that goes with it; gives its new version."""
        dataset, actor = self.known.dataset, request.actor
        if current is None:
            new = past.last_versions(tx, dataset.id, [key.record]).get(key, 0) + 1
            tables.insert_rows(tx, self.table, [Written(key, kept, new, None)], actor)
            change = self._past(key, new, "added", None)
        else:
            new = current.version + 1
            tables.update_row(tx, self.table, Written(key, kept, new, current.version), actor)
            change = self._past(key, new, "changed", current.values)
        self._note(tx, request, change, area=self._area(kept))
        return new

    def _past(
        self,
        key: RowKey,
        version: int,
        change: past.ChangeKind,
        before: Mapping[str, Value] | None,
    ) -> PastChange:
        schema = self.known.dataset.schema
        values = None if before is None else lasting(schema.fields, before)
        return PastChange(key, version, change, values, schema.version)

    def _note(
        self, tx: Transaction, request: Request, change: PastChange, *, area: str | None
    ) -> None:
        """History, audit and journal."""
        dataset, actor = self.known.dataset.id, request.actor
        past.append(tx, dataset, [change], actor, request=request.request)
        tx.append_audit(
            actor,
            f"record.{VERBS[change.change]}",
            f"{dataset}:{full_key(change.key)}",
            area=area or "",
            request=request.request,
        )
        tx.journal("record", dataset, touched(change.key))

    def _answer(self, tx: Transaction, request: Request, key: RowKey) -> StoredRow:
        row = tables.read_row(tx, self.table, key)
        if row is None or not self.sees(tx, request.actor, row.values):
            raise NotFound(f"{self.known.dataset.id}: {full_key(key)!r} was removed since")
        return evolve(row, unmasked=self._unmasked(tx, request.actor, row.values))

    def sees(
        self,
        snapshot: Snapshot,
        actor: Actor,
        values: Mapping[str, Value],
        *,
        importing: bool = False,
    ) -> bool:
        """Whether a row is visible to somebody, be it only because it may be written."""
        area = self._area(values)
        scopes = [writing(actor, self.known, importing=importing)]
        if may_read(actor, self.known):
            scopes.append(reading(actor, self.known))
        return any(tables.sees(snapshot, scope, area, self.today) for scope in scopes)

    def _unmasked(self, tx: Transaction, actor: Actor, values: Mapping[str, Value]) -> bool:
        scope = unmasking(actor, self.known)
        return tables.sees(tx, scope, self._area(values), self.today)

    def _area(self, values: Mapping[str, Value]) -> str | None:
        return area_of(self.known.dataset, values)

    def _require_reach(self, tx: Transaction, scope: Scope, values: Mapping[str, Value]) -> None:
        area = self._area(values)
        if not tables.reaches(tx, scope, area, self.today):
            raise AccessDenied(f"writing {self.known.dataset.id} {where_words(area)} is not yours")

    def _require_all_days(self, tx: Transaction, actor: Actor, scope: Scope, key: RowKey) -> None:
        """Refuse to set another row in force where those of the key's other days are not theirs."""
        if key.valid_from is None or scope.everywhere:
            return
        rows = tables.read_rows(tx, self.table, [key.record]).values()
        seen = [one.values for one in rows if self.sees(tx, actor, one.values)]
        for values in seen:
            self._require_reach(tx, scope, values)
        if rows and not seen:
            raise self._no_record(key)
        if len(seen) < len(rows):
            raise AccessDenied(
                f"writing {self.known.dataset.id} {key.record!r} is not yours: it has rows of "
                "other days that are not; ask somebody whose post covers all of them"
            )

    def _no_record(self, key: RowKey) -> NotFound:
        return NotFound(f"{self.known.dataset.id} has no record {full_key(key)!r}")


def area_of(dataset: Dataset, values: Mapping[str, Value]) -> str | None:
    """The area of a row's values; None where it belongs to the whole county."""
    value = values.get(dataset.area) if dataset.area else None
    return None if value is None else str(value)


def where_words(area: str | None) -> str:
    """Words for the place of a row."""
    return "for the whole county" if area is None else f"in the area {area}"


def row_key(dataset: Dataset, values: Mapping[str, object]) -> tuple[RowKey | None, list[Problem]]:
    """What values identify, None where that cannot be said, and what is wrong with it."""
    schema = dataset.record_schema
    kept: dict[str, Value] = {}
    problems: list[Problem] = []
    for name in schema.key:
        try:
            kept[name] = check_value(schema[name], values.get(name))
        except ValueRefused as refused:
            problems.append(Problem(name, str(refused)))
    if problems:
        return None, problems
    record, problems = key_of(dataset, kept)
    day = kept.get(VALID_FROM) if dataset.dated else None
    return RowKey(record, None if day is None else int(day)), problems


VERBS: Mapping[past.ChangeKind, str] = {
    "added": "add",
    "changed": "change",
    "removed": "remove",
    "upgraded": "upgrade",
}


def merged(
    known: Known,
    values: Mapping[str, object],
    current: StoredRow | None,
) -> tuple[dict[str, Value], list[Problem]]:
    """The kept values that a row would have, and what is wrong with those given.

    A field that is not named keeps its value, and so does one that comes back just as it was
    shown: a mask is never written over what it hides.
    """
    before: Mapping[str, Value] = {}
    if current is not None:
        before, _ = shown(known, current.values, unmasked=current.unmasked)
    kept: dict[str, Value] = {}
    problems: list[Problem] = []
    for one in known.dataset.schema.fields:
        given = values.get(one.name)
        untouched = one.name not in values or (one.name in before and given == before[one.name])
        if current is not None and untouched:
            kept[one.name] = current.values[one.name]
            continue
        try:
            kept[one.name] = check_value(one, given)
        except ValueRefused as refused:
            problems.append(Problem(one.name, str(refused)))
    return kept, problems


def unknown_code(reference: str, value: Value) -> str:
    """What is said of a code that does not exist."""
    register = {"area": "area", "unit": "unit", "thing": "thing", "person": "account"}
    kind = register.get(reference)
    shown_value = repr(value)[:60]
    if kind is None:
        return f"there is no record {shown_value} in {reference}"
    return f"{shown_value} is not known as {'an' if kind[0] in 'au' else 'a'} {kind} here"


def touched(*keys: RowKey) -> bytes:
    """What the journal says of a change: the first day that it bears on (null: any), and whose."""
    days = [one.valid_from for one in keys if one.valid_from is not None]
    day = min(days) if len(days) == len(keys) else None
    return msgspec.json.encode({"day": day, "keys": sorted({one.record for one in keys})})


def _conflict(dataset: str, key: str, expected: int, found: int) -> RecordConflict:
    if found == 0:
        msg = f"{dataset}: there is no record {key!r} any more; look again"
    elif expected == 0:
        msg = f"{dataset}: there is a record {key!r} already; change that one"
    else:
        msg = f"{dataset}: {key!r} was changed by somebody else meanwhile; look at it again"
    return RecordConflict(msg, current=found)
