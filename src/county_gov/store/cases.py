"""Cases, their history and participants: all SQL that reads or changes one case.

What a case looked like after any of its events can be read again (`view_at`), because its history
keeps each event's own data and the participants keep since when they take part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from attrs import frozen

from county_gov.contract.schema import Value
from county_gov.contract.text import Text
from county_gov.contract.workflow import CaseView
from county_gov.store import tables
from county_gov.store.access import held_on
from county_gov.store.scope import with_ancestors

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Snapshot, Transaction

cases = tables.cases
events = tables.case_events
ACCOUNTS_A_STATEMENT = 500


@frozen
class HistoryEntry:
    """One event of a case; ``event`` is empty for its opening, ``data`` is the event's own."""

    sequence: int
    event: str
    from_state: str
    to_state: str
    actor: str
    account: int | None
    at: int
    data: Mapping[str, Value]


@frozen(eq=False)
class CaseRecord:
    """A case as it is stored now."""

    view: CaseView
    workflow_version: int
    moved_at: int
    closed_at: int | None
    drill: bool


@frozen
class AccountFacts:
    """What notices and checks need to know of an account."""

    number: int
    login: str
    name: str
    name_en: str
    language: str


@frozen
class KeptResult:
    """What an idempotency key stands for: which request, and which case and version it made."""

    fingerprint: str
    case: int
    version: int


def decode_data(text: str) -> Mapping[str, Value]:
    """A case's or event's data, read-only."""
    data: dict[str, Value] = msgspec.json.decode(text)
    return MappingProxyType(data)


def encode_data(data: Mapping[str, Value]) -> str:
    """A case's or event's data as JSON text."""
    return msgspec.json.encode(dict(data)).decode()


def read_case(snapshot: Snapshot, case: int) -> CaseRecord | None:
    """A case by its number in the store, or None."""
    row = snapshot.first(sa.select(cases).where(cases.c.id == case))
    return records(snapshot, [row])[0] if row is not None else None


def records(snapshot: Snapshot, rows: Iterable[sa.Row[Any]]) -> list[CaseRecord]:
    """Rows of the table ``cases`` with their participants, in the same order."""
    found = list(rows)
    numbers = [row.id for row in found]
    units = _participants(snapshot, tables.case_units.c.unit, numbers)
    persons = _participants(snapshot, tables.case_persons.c.account, numbers)
    return [
        CaseRecord(
            view=CaseView(
                id=str(row.id),
                number=row.number,
                workflow=row.workflow,
                state=row.state,
                version=row.version,
                area=row.area,
                title=row.title,
                subject=row.subject,
                opened_at=row.opened_at,
                data=decode_data(row.data),
                units=tuple(units.get(row.id, ())),
                persons=tuple(persons.get(row.id, ())),
                workflow_version=row.workflow_version,
            ),
            workflow_version=row.workflow_version,
            moved_at=row.moved_at,
            closed_at=row.closed_at,
            drill=bool(row.drill),
        )
        for row in found
    ]


def _participants(
    snapshot: Snapshot, column: sa.Column[Any], numbers: list[int], version: int | None = None
) -> dict[int, list[Any]]:
    table = column.table
    statement = sa.select(table.c.case, column).where(table.c.case.in_(numbers)).order_by(column)
    if version is not None:
        statement = statement.where(table.c.since <= version)
    found: dict[int, list[Any]] = {}
    for case, participant in snapshot.rows(statement):
        found.setdefault(case, []).append(participant)
    return found


def view_at(snapshot: Snapshot, case: int, version: int) -> CaseView | None:
    """A case as it was after its event number ``version``, or None where there is none."""
    row = snapshot.first(sa.select(cases).where(cases.c.id == case))
    history = read_history(snapshot, case, until=version)
    if row is None or not history or history[-1].sequence != version:
        return None
    data: dict[str, Value] = {}
    for entry in history:
        data.update(entry.data)
    units = _participants(snapshot, tables.case_units.c.unit, [case], version)
    persons = _participants(snapshot, tables.case_persons.c.account, [case], version)
    return CaseView(
        id=str(case),
        number=row.number,
        workflow=row.workflow,
        state=history[-1].to_state,
        version=version,
        area=row.area,
        title=row.title,
        subject=row.subject,
        opened_at=row.opened_at,
        data=MappingProxyType(data),
        units=tuple(units.get(case, ())),
        persons=tuple(persons.get(case, ())),
        workflow_version=row.workflow_version,
    )


def read_history(
    snapshot: Snapshot, case: int, *, until: int | None = None
) -> tuple[HistoryEntry, ...]:
    """A case's events in their order, optionally only the first ``until``."""
    statement = sa.select(events).where(events.c.case == case).order_by(events.c.sequence)
    if until is not None:
        statement = statement.where(events.c.sequence <= until)
    return tuple(
        HistoryEntry(
            sequence=row.sequence,
            event=row.event,
            from_state=row.from_state,
            to_state=row.to_state,
            actor=row.actor,
            account=row.account,
            at=row.at,
            data=decode_data(row.data),
        )
        for row in snapshot.rows(statement)
    )


def lineage(snapshot: Snapshot, area: str, day: int) -> frozenset[str]:
    """An area's code and the codes of all areas above it on a day."""
    return frozenset(row.code for row in snapshot.rows(with_ancestors(area, day)))


def area_names(snapshot: Snapshot, area: str) -> Text | None:
    """An area's name, or None where the register does not know it."""
    table = tables.areas
    row = snapshot.first(sa.select(table.c.name, table.c.name_en).where(table.c.code == area))
    return Text(zh=row.name or area, en=row.name_en) if row is not None else None


def unit_exists(snapshot: Snapshot, code: str) -> bool:
    """Whether the register has an organisation unit of this code."""
    statement = sa.select(tables.units.c.code).where(tables.units.c.code == code)
    return snapshot.first(statement) is not None


def unit_names(snapshot: Snapshot, codes: Iterable[str]) -> dict[str, Text]:
    """The names of some units by code; those that do not exist are left out."""
    table, wanted = tables.units, sorted(set(codes))
    if not wanted:
        return {}
    statement = sa.select(table.c.code, table.c.name, table.c.name_en).where(
        table.c.code.in_(wanted)
    )
    return {
        row.code: Text(zh=row.name or row.code, en=row.name_en) for row in snapshot.rows(statement)
    }


def accounts_by_number(
    snapshot: Snapshot, numbers: Iterable[int], *, active_only: bool = True
) -> dict[int, AccountFacts]:
    """What is known of some accounts; those that do not exist are left out."""
    table = tables.accounts
    wanted = sorted(set(numbers))
    found: dict[int, AccountFacts] = {}
    for start in range(0, len(wanted), ACCOUNTS_A_STATEMENT):
        statement = sa.select(
            table.c.number, table.c.login, table.c.name, table.c.name_en, table.c.language
        ).where(table.c.number.in_(wanted[start : start + ACCOUNTS_A_STATEMENT]))
        if active_only:
            statement = statement.where(table.c.active == 1)
        for row in snapshot.rows(statement):
            found[row.number] = AccountFacts(*row)
    return found


def members(snapshot: Snapshot, unit: str, day: int) -> tuple[int, ...]:
    """The accounts that hold a post in a unit on a day."""
    table = tables.posts
    statement = (
        sa.select(table.c.account)
        .distinct()
        .where(table.c.unit == unit, held_on(day))
        .order_by(table.c.account)
    )
    return tuple(row.account for row in snapshot.rows(statement))


def open_by_version(snapshot: Snapshot) -> dict[tuple[str, int], int]:
    """How many cases are open, by workflow and its version."""
    columns = (cases.c.workflow, cases.c.workflow_version)
    statement = (
        sa.select(*columns, sa.func.count())
        .where(cases.c.closed_at.is_(None))
        .group_by(*columns)
        .order_by(*columns)
    )
    return {(row[0], row[1]): row[2] for row in snapshot.rows(statement)}


def next_serial(tx: Transaction, workflow: str, year: int) -> int:
    """The next serial of a workflow's cases in a year; undone with the transaction: no gaps."""
    table = tables.case_serials
    statement = (
        tx.database.insert(table)
        .values(workflow=workflow, year=year, last=1)
        .on_conflict_do_update(
            index_elements=[table.c.workflow, table.c.year], set_={"last": table.c.last + 1}
        )
        .returning(table.c.last)
    )
    return int(tx.execute(statement).scalar_one())


def insert_case(tx: Transaction, view: CaseView, *, workflow_version: int, drill: bool) -> int:
    """Insert a new case and return its number in the store; ``view.id`` is ignored."""
    return tx.insert(
        cases,
        number=view.number,
        workflow=view.workflow,
        workflow_version=workflow_version,
        state=view.state,
        version=view.version,
        area=view.area,
        title=view.title,
        subject=view.subject,
        data=encode_data(view.data),
        opened_at=view.opened_at,
        moved_at=view.opened_at,
        drill=int(drill),
    )


def move_case(tx: Transaction, view: CaseView, *, final: bool) -> bool:
    """Put a case into its next state, one version on; ``final`` ends it.

    Returns:
        False where the case has no longer the version before ``view.version``: nothing changed.
    """
    statement = (
        sa.update(cases)
        .where(cases.c.id == int(view.id), cases.c.version == view.version - 1)
        .values(
            state=view.state,
            version=view.version,
            data=encode_data(view.data),
            moved_at=tx.at,
            closed_at=tx.at if final else None,
        )
    )
    return tx.execute(statement).rowcount == 1


def append_history(
    tx: Transaction,
    view: CaseView,
    *,
    event: str,
    from_state: str,
    actor: Actor,
    data: Mapping[str, Value],
) -> None:
    """Append the event that made ``view`` to the case's history."""
    tx.insert(
        events,
        case=int(view.id),
        sequence=view.version,
        event=event,
        from_state=from_state,
        to_state=view.state,
        actor=actor.name,
        account=actor.account,
        at=tx.at,
        data=encode_data(data),
    )


def add_participants(
    tx: Transaction, case: int, *, units: Iterable[str], persons: Iterable[int], since: int
) -> None:
    """Let units and persons take part from a version on; those who do already stay."""
    for unit in units:
        tx.execute(
            tx.database.insert_ignore(tables.case_units).values(case=case, unit=unit, since=since)
        )
    for account in persons:
        tx.execute(
            tx.database.insert_ignore(tables.case_persons).values(
                case=case, account=account, since=since
            )
        )


def kept_result(snapshot: Snapshot, scope: str, key: str) -> KeptResult | None:
    """What an idempotency key stands for, or None where it is new."""
    table = tables.idempotency_keys
    row = snapshot.first(sa.select(table).where(table.c.scope == scope, table.c.key == key))
    if row is None:
        return None
    result = msgspec.json.decode(row.result)
    return KeptResult(fingerprint=row.fingerprint, case=result["case"], version=result["version"])


def keep_result(tx: Transaction, scope: str, key: str, result: KeptResult) -> None:
    """Remember what an idempotency key stands for."""
    body = msgspec.json.encode({"case": result.case, "version": result.version}).decode()
    tx.insert(
        tables.idempotency_keys,
        scope=scope,
        key=key,
        fingerprint=result.fingerprint,
        result=body,
        at=tx.at,
    )


def forget_results(tx: Transaction, *, before: int, limit: int = 1000) -> int:
    """Drop idempotency keys older than an instant, at most ``limit`` at once; gives how many."""
    table = tables.idempotency_keys
    key = sa.tuple_(table.c.scope, table.c.key)
    old = sa.select(table.c.scope, table.c.key).where(table.c.at < before).limit(limit)
    return tx.execute(sa.delete(table).where(key.in_(old))).rowcount
