"""What the codes in records are called, and what can be chosen for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from county_gov.contract.schema import Field
from county_gov.contract.text import Text
from county_gov.server.console.forms import NO, YES
from county_gov.server.console.naming import area_name, unit_name
from county_gov.server.render import Option
from county_gov.store import cases
from county_gov.store.access import list_accounts

if TYPE_CHECKING:
    from county_gov.contract.access import Scope
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.page import Table
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Value
    from county_gov.registers.snapshot import RegisterSnapshot
    from county_gov.server.call import Call
    from county_gov.store.cases import AccountFacts

MOST_OPTIONS = 400
"""A list of more choices is too long to choose from: the code is typed instead."""
NONE = Text(zh="—")
INDENT = "\N{IDEOGRAPHIC SPACE}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(eq=False)
class RecordNames:
    """What the codes in some rows are called.

    Args:
        registers: Areas, units and things.
        accounts: Persons by number.
        labels: Name of a row by dataset and key.
        timezone: The county's local time.
    """

    registers: RegisterSnapshot
    accounts: Mapping[int, AccountFacts]
    labels: Mapping[tuple[str, str], str]
    timezone: ZoneInfo

    def words(self, one: Field, value: Value | Decimal) -> Text:
        """A value in words, without its unit."""
        if value is None or value == "":
            return NONE
        if one.refers:
            return _with_code(one, str(value), self._referred(one.refers, value))
        if isinstance(value, bool):
            return YES if value else NO
        named = (words for key, words in one.choices if key == str(value))
        return next(named, None) or Text(zh=self._written(one, value))

    def measured(self, one: Field, value: Value | Decimal) -> Text:
        """A value in words with its unit."""
        words = self.words(one, value)
        if not one.unit or words is NONE:
            return words
        return Text(zh=f"{words.zh} {one.unit}", en=f"{words.in_language('en')} {one.unit}")

    def row(self, dataset: Dataset, record: Record) -> Text:
        """What a row is called: by its label, else by the words of its key."""
        if dataset.label and record.values.get(dataset.label):
            return Text(zh=str(record.values[dataset.label]))
        key = [dataset.schema[name] for name in dataset.schema.key]
        words = [self.measured(one, record.values.get(one.name)) for one in key]
        return Text(
            zh=" · ".join(one.zh for one in words),
            en=" · ".join(one.in_language("en") for one in words),
        )

    def _written(self, one: Field, value: Value | Decimal) -> str:
        if one.dtype == "instant" and isinstance(value, int):
            local = (_EPOCH + timedelta(microseconds=value)).astimezone(self.timezone)
            return f"{local:%Y-%m-%d %H:%M}"
        if one.decimals is not None and isinstance(value, int | float | Decimal):
            return f"{value:.{one.decimals}f}"
        return str(value)

    def _referred(self, what: str, value: Value | Decimal) -> Text:
        code = str(value)
        if what == "area":
            return area_name(self.registers, code)
        if what == "unit":
            return unit_name(self.registers, code)
        if what == "thing":
            return things(self.registers).get(code, Text(zh=code))
        if what == "person":
            facts = self.accounts.get(value) if isinstance(value, int) else None
            return Text(zh=facts.name or facts.login, en=facts.name_en) if facts else Text(zh=code)
        return Text(zh=self.labels.get((what, code), code))


def _with_code(one: Field, code: str, name: Text) -> Text:
    """A name, and behind that of a thing its code, which is on its plate and in its files."""
    if one.refers != "thing" or name.zh == code:
        return name
    return Text(zh=f"{name.zh}（{code}）", en=f"{name.in_language('en')} ({code})")


def things(registers: RegisterSnapshot) -> dict[str, Text]:
    """Names of the things that have datastreams, by code."""
    return {
        view.thing: Text(zh=view.thing_name or view.thing, en=view.thing_name_en)
        for view in registers.datastreams()
    }


async def read_names(
    call: Call, fields: Sequence[Field], values: Iterable[Mapping[str, Value | Decimal]]
) -> RecordNames:
    """Read what the codes in some rows' values are called."""
    found = list(values)
    persons = {
        value
        for one in fields
        if one.refers == "person"
        for each in found
        if isinstance(value := each.get(one.name), int)
    }
    accounts = await call.county.store.read(
        lambda snapshot: cases.accounts_by_number(snapshot, persons, active_only=False)
    )
    labels: dict[tuple[str, str], str] = {}
    for one in fields:
        target = call.county.records.datasets.get(one.refers)
        if target is None or not target.label or not call.actor.may(target.read_permission):
            continue
        for key in {str(each[one.name]) for each in found if each.get(one.name) is not None}:
            record = await call.county.records.get(call.actor, target.id, key)
            if record is not None:
                labels[target.id, key] = label_of(target, record)
    timezone = ZoneInfo(call.county.settings.county.timezone)
    return RecordNames(call.county.registers.snapshot, accounts, labels, timezone)


async def named(call: Call, table: Table) -> Table:
    """A plugin's table with names for the codes in its columns."""
    fields = [
        Field(one.key, "int64" if one.refers == "person" else "text", one.title, refers=one.refers)
        for one in table.columns
        if one.refers
    ]
    if not fields:
        return table
    names = await read_names(call, fields, [row.cells for row in table.rows])
    rows = tuple(
        evolve(
            row,
            texts={
                **{one.name: names.words(one, row.cells.get(one.name)) for one in fields},
                **row.texts,
            },
        )
        for row in table.rows
    )
    return evolve(table, rows=rows)


def label_of(dataset: Dataset, record: Record) -> str:
    """The words that name a row to people: its label's, else its key."""
    named = record.values.get(dataset.label) if dataset.label else None
    return record.key if named is None or named == "" else str(named)


async def options_of(
    call: Call, fields: Sequence[Field], scope: Scope
) -> dict[str, tuple[Option, ...]]:
    """What can be chosen for the fields that refer to something, by their names.

    Args:
        call: Who asks.
        fields: Of the form.
        scope: What who asks may write: areas outside of it are not offered.

    Returns:
        Nothing for a field that has too many choices to choose from.
    """
    found: dict[str, tuple[Option, ...]] = {}
    for one in fields:
        if not one.refers:
            continue
        options = await _options(call, one.refers, scope)
        if len(options) <= MOST_OPTIONS:
            found[one.name] = options
    return found


async def _options(call: Call, what: str, scope: Scope) -> tuple[Option, ...]:
    registers = call.county.registers.snapshot
    if what == "area":
        return _areas(registers, scope, call.county.cases.today())
    if what == "unit":
        return tuple(Option(code, unit_name(registers, code)) for code in sorted(registers.units))
    if what == "thing":
        return tuple(Option(code, words) for code, words in sorted(things(registers).items()))
    if what == "person":
        accounts = await call.county.store.read(list_accounts)
        return tuple(
            Option(str(one.number), Text(zh=one.name or one.login, en=one.name_en))
            for one in accounts
            if one.active
        )
    target = call.county.records.datasets.get(what)
    if target is None or not call.actor.may(target.read_permission):
        return ()
    records = await call.county.records.find(call.actor, what, limit=MOST_OPTIONS + 1)
    return tuple(Option(one.key, Text(zh=label_of(target, one))) for one in records)


def _areas(registers: RegisterSnapshot, scope: Scope, day: int) -> tuple[Option, ...]:
    """The areas within a scope that exist, each indented below the one above it."""
    roots = {one.area for one in scope.grants if one.unit is None and one.person is None}
    found = []
    for code in sorted(registers.areas):
        above = registers.ancestors(code, day)
        if not registers.exists(code, day):
            continue
        if scope.everywhere or code in roots or not roots.isdisjoint(above):
            name = area_name(registers, code)
            indent = INDENT * len(above)
            english = f"{indent}{name.in_language('en')}"
            found.append(Option(code, Text(zh=f"{indent}{name.zh}", en=english)))
    return tuple(found)
