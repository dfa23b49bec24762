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
from county_gov.store import idempotency, tables
from county_gov.store.access import held_on
from county_gov.store.scope import ANCESTORS, DAY

if TYPE_CHECKING:
    from county_gov.contract.access import Actor
    from county_gov.store.transaction import Snapshot, Transaction

cases = tables.cases
events = tables.case_events
units = tables.case_units
persons = tables.case_persons
accounts = tables.accounts
posts = tables.posts
ACCOUNTS_A_STATEMENT = 500

CASE = sa.select(cases).where(cases.c.id == sa.bindparam("case_id"))
MOVED = sa.update(cases).where(
    cases.c.id == sa.bindparam("case_id"), cases.c.version == sa.bindparam("before")
)
NO_UNIT = sa.cast(sa.null(), sa.Text())
NO_ACCOUNT = sa.cast(sa.null(), tables.Number).label("account")
PARTICIPANTS = sa.union_all(
    sa.select(units.c.case, units.c.since, units.c.unit, NO_ACCOUNT).where(
        units.c.case.in_(sa.bindparam("numbers", expanding=True))
    ),
    sa.select(persons.c.case, persons.c.since, NO_UNIT, persons.c.account).where(
        persons.c.case.in_(sa.bindparam("numbers", expanding=True))
    ),
)
HISTORY = (
    sa.select(events)
    .where(events.c.case == sa.bindparam("case_id"), events.c.sequence <= sa.bindparam("until"))
    .order_by(events.c.sequence)
)
AREA_NAMES = sa.select(tables.areas.c.name, tables.areas.c.name_en).where(
    tables.areas.c.code == sa.bindparam("area")
)
UNIT_NAMES = sa.select(tables.units.c.code, tables.units.c.name, tables.units.c.name_en).where(
    tables.units.c.code.in_(sa.bindparam("codes", expanding=True))
)
ACCOUNTS = sa.select(
    accounts.c.number,
    accounts.c.login,
    accounts.c.name,
    accounts.c.name_en,
    accounts.c.language,
    accounts.c.active,
).where(accounts.c.number.in_(sa.bindparam("numbers", expanding=True)))
MEMBERS = (
    sa.select(posts.c.account)
    .distinct()
    .where(posts.c.unit == sa.bindparam("unit"), held_on(DAY))
    .order_by(posts.c.account)
)
LAST_SEQUENCE = 2**63 - 1


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
    row = snapshot.first(CASE, case_id=case)
    return records(snapshot, [row])[0] if row is not None else None


def records(snapshot: Snapshot, rows: Iterable[sa.Row[Any]]) -> list[CaseRecord]:
    """Rows of the table ``cases`` with their participants, in the same order."""
    found = list(rows)
    taking_part = _participants(snapshot, [row.id for row in found])
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
                title_en=row.title_en,
                subject=row.subject,
                opened_at=row.opened_at,
                data=decode_data(row.data),
                units=taking_part[row.id].units,
                persons=taking_part[row.id].persons,
                workflow_version=row.workflow_version,
            ),
            workflow_version=row.workflow_version,
            moved_at=row.moved_at,
            closed_at=row.closed_at,
            drill=bool(row.drill),
        )
        for row in found
    ]


@frozen
class _TakingPart:
    """Who takes part in a case, in order."""

    units: tuple[str, ...]
    persons: tuple[int, ...]


def _participants(
    snapshot: Snapshot, numbers: list[int], *, version: int = LAST_SEQUENCE
) -> dict[int, _TakingPart]:
    """Who takes part in each of some cases, by default now, else since a version or earlier."""
    rows = [row for row in snapshot.rows(PARTICIPANTS, numbers=numbers) if row.since <= version]
    codes: dict[int, set[str]] = {number: set() for number in numbers}
    persons: dict[int, set[int]] = {number: set() for number in numbers}
    for row in rows:
        if row.unit is not None:
            codes[row.case].add(row.unit)
        else:
            persons[row.case].add(row.account)
    return {
        number: _TakingPart(tuple(sorted(codes[number])), tuple(sorted(persons[number])))
        for number in numbers
    }


def view_at(snapshot: Snapshot, case: int, version: int) -> CaseView | None:
    """A case as it was after its event number ``version``, or None where there is none."""
    row = snapshot.first(CASE, case_id=case)
    history = read_history(snapshot, case, until=version)
    if row is None or not history or history[-1].sequence != version:
        return None
    data: dict[str, Value] = {}
    for entry in history:
        data.update(entry.data)
    taking_part = _participants(snapshot, [case], version=version)[case]
    return CaseView(
        id=str(case),
        number=row.number,
        workflow=row.workflow,
        state=history[-1].to_state,
        version=version,
        area=row.area,
        title=row.title,
        title_en=row.title_en,
        subject=row.subject,
        opened_at=row.opened_at,
        data=MappingProxyType(data),
        units=taking_part.units,
        persons=taking_part.persons,
        workflow_version=row.workflow_version,
    )


def read_history(
    snapshot: Snapshot, case: int, *, until: int = LAST_SEQUENCE
) -> tuple[HistoryEntry, ...]:
    """A case's events in their order, optionally only the first ``until``."""
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
        for row in snapshot.rows(HISTORY, case_id=case, until=until)
    )


def lineage(snapshot: Snapshot, area: str, day: int) -> frozenset[str]:
    """An area's code and the codes of all areas above it on a day."""
    return frozenset(row.code for row in snapshot.rows(ANCESTORS, area=area, day=day))


def area_names(snapshot: Snapshot, area: str) -> Text | None:
    """An area's name, or None where the register does not know it."""
    row = snapshot.first(AREA_NAMES, area=area)
    return Text(zh=row.name or area, en=row.name_en) if row is not None else None


def unit_exists(snapshot: Snapshot, code: str) -> bool:
    """Whether the register has an organisation unit of this code."""
    return bool(snapshot.rows(UNIT_NAMES, codes=[code]))


def unit_names(snapshot: Snapshot, codes: Iterable[str]) -> dict[str, Text]:
    """The names of some units by code; those that do not exist are left out."""
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    return {
        row.code: Text(zh=row.name or row.code, en=row.name_en)
        for row in snapshot.rows(UNIT_NAMES, codes=wanted)
    }


def accounts_by_number(
    snapshot: Snapshot, numbers: Iterable[int], *, active_only: bool = True
) -> dict[int, AccountFacts]:
    """What is known of some accounts; those that do not exist are left out."""
    wanted = sorted(set(numbers))
    found: dict[int, AccountFacts] = {}
    for start in range(0, len(wanted), ACCOUNTS_A_STATEMENT):
        for row in snapshot.rows(ACCOUNTS, numbers=wanted[start : start + ACCOUNTS_A_STATEMENT]):
            if row.active or not active_only:
                found[row.number] = AccountFacts(
                    row.number, row.login, row.name, row.name_en, row.language
                )
    return found


def members(snapshot: Snapshot, unit: str, day: int) -> tuple[int, ...]:
    """The accounts that hold a post in a unit on a day."""
    return tuple(row.account for row in snapshot.rows(MEMBERS, unit=unit, day=day))


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
        .on_conflict_do_update(
            index_elements=[table.c.workflow, table.c.year], set_={"last": table.c.last + 1}
        )
        .returning(table.c.last)
    )
    first = {"workflow": workflow, "year": year, "last": 1}
    return int(tx.execute(statement, first).scalar_one())


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
        title_en=view.title_en,
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
    moved = tx.execute(
        MOVED,
        {
            "case_id": int(view.id),
            "before": view.version - 1,
            "state": view.state,
            "version": view.version,
            "data": encode_data(view.data),
            "moved_at": tx.at,
            "closed_at": tx.at if final else None,
        },
    )
    return moved.rowcount == 1


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
    new_units = [{"case": case, "unit": one, "since": since} for one in units]
    new_persons = [{"case": case, "account": one, "since": since} for one in persons]
    if new_units:
        tx.execute(tx.database.insert_ignore(tables.case_units), new_units)
    if new_persons:
        tx.execute(tx.database.insert_ignore(tables.case_persons), new_persons)


def kept_result(snapshot: Snapshot, scope: str, key: str) -> KeptResult | None:
    """What an idempotency key stands for, or None where it is new."""
    found = idempotency.kept(snapshot, scope, key)
    if found is None:
        return None
    result = msgspec.json.decode(found.result)
    return KeptResult(found.fingerprint, case=result["case"], version=result["version"])


def keep_result(tx: Transaction, scope: str, key: str, result: KeptResult) -> None:
    """Remember what an idempotency key stands for."""
    body = msgspec.json.encode({"case": result.case, "version": result.version}).decode()
    idempotency.keep(tx, scope, key, idempotency.Kept(result.fingerprint, body))
