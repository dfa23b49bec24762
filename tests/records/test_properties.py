"""What holds of any dataset and any rows."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.access import SYSTEM
from county_gov.contract.clock import EARLIEST, LATEST
from county_gov.contract.dataset import Dataset
from county_gov.contract.records import Equal, Filter, From, Missing, OneOf, Until
from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.records import Records
from county_gov.records.stored import day_text
from county_gov.testing.fakes import FakeRecords
from tests.records.conftest import Codes

if TYPE_CHECKING:
    from county_gov.store import Store
    from county_gov.tabular.table import TableFormat

NUMBERS = count()
TITLE = Text(zh="题", en="Title")
SCHEMA = Schema(
    fields=(
        Field("key", "text", Text(zh="键", en="Key")),
        Field("words", "text", Text(zh="词", en="Words"), required=False, multiline=True),
        Field("whole", "int64", Text(zh="整数", en="Whole"), required=False, unit="m"),
        Field("exact", "int64", Text(zh="精确", en="Exact"), required=False, decimals=3),
        Field("real", "float64", Text(zh="实数", en="Real"), required=False),
        Field("day", "date", Text(zh="日", en="Day"), required=False),
        Field("at", "instant", Text(zh="时", en="At"), required=False),
        Field("truth", "bool", Text(zh="真", en="Truth"), required=False),
        Field(
            "choice",
            "text",
            Text(zh="选", en="Choice"),
            required=False,
            choices=(("1", Text(zh="二", en="two")), ("2", Text(zh="1", en="one"))),
        ),
    ),
    key=("key",),
)
NAMES = [one.name for one in SCHEMA.fields if one.name != "key"]
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, or none."""
    return st.none() | strategy


KEYS = st.text(LETTERS.filter(lambda one: one != "/"), min_size=1, max_size=8).filter(
    lambda text: text.strip() and text.strip() not in (".", "..")
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "key": KEYS,
            "words": maybe(st.text(LETTERS | st.sampled_from("\n=+-'@\""), max_size=12)),
            "whole": maybe(st.integers(-(2**63), 2**63 - 1)),
            "exact": maybe(st.integers(-(10**11), 10**11).map(lambda number: number / 1000)),
            "real": maybe(st.floats(allow_nan=False, allow_infinity=False)),
            "day": maybe(st.integers(-25_567, 47_481).map(day_text)),
            "at": maybe(st.integers(EARLIEST, LATEST - 1)),
            "truth": maybe(st.booleans()),
            "choice": maybe(st.sampled_from("12")),
        }
    ),
    max_size=4,
)
FEW = settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)


def records_of(store: Store, dataset: Dataset) -> Records:
    """Records of one dataset."""
    return Records(
        store,
        {dataset.id: dataset},
        clock=store.clock,
        timezone="Asia/Shanghai",
        registers=Codes,
    )


def anew(**changes: Any) -> Dataset:
    """A dataset that no example before this one had."""
    made = Dataset(
        id=f"any.set{next(NUMBERS)}",
        title=TITLE,
        schema=SCHEMA,
        kind="records",
        read_permission="any.read",
        write_permission="any.write",
    )
    return evolve(made, **changes)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@given(rows=ROWS, dated=st.booleans(), language=st.sampled_from(["zh", "en"]))
@FEW
def test_what_was_put_comes_back_and_its_export_changes_nothing(
    any_store: Store, kind: TableFormat, rows: list[dict[str, Any]], dated: bool, language: str
) -> None:
    """Values read equal those written; a file of them is unchanged in full when it comes in."""
    dataset = anew(dated=dated)

    async def run() -> None:
        records = records_of(any_store, dataset)
        await records.start()
        expected: dict[str, dict[str, Any]] = {}
        for number, row in enumerate(rows):
            given_day = {"valid_from": "2020-02-29"} if dated else {}
            made = await records.put(
                SYSTEM, dataset.id, row | given_day, idempotency_key=f"{dataset.id}.{number}"
            )
            expected[made.key] = dict(made.values)
            plain = [name for name in NAMES if name not in ("words", "key")]
            assert {name: row[name] for name in plain} == {n: made.values[n] for n in plain}
        found = await records.find(SYSTEM, dataset.id, on="all")
        assert expected == {one.key: dict(one.values) for one in found}
        if found:
            file = await records.export(SYSTEM, dataset.id, kind, on="all", language=language)
            preview = await records.preview(SYSTEM, dataset.id, file)
            odd = [one for one in preview.rows if one.kind != "unchanged"]
            assert [] == [(one.number, one.problems, one.changed) for one in odd]
            assert len(found) == len(preview.rows)

    asyncio.run(run())


ORDERED = {
    "whole": st.integers(-3, 3),
    "exact": st.integers(-3, 3).map(lambda number: number / 1000),
    "real": st.sampled_from((-1.5, 0.0, 0.1, 2.0)),
    "day": st.sampled_from(("1969-12-31", "2020-02-29", "2020-03-01")),
    "at": st.sampled_from((-1, 0, 1_700_000_000_000_000)),
}
ANY = ORDERED | {
    "words": st.sampled_from(("a", "A", "甲", "甲乙", "%")),
    "truth": st.booleans(),
    "choice": st.sampled_from("12"),
}


def filters() -> st.SearchStrategy[Filter]:
    """Any filter that a field can be asked by, of values that rows may well have."""
    kinds: list[st.SearchStrategy[Filter]] = []
    for name, values in ANY.items():
        kinds.append(st.builds(Equal, st.just(name), values))
        some = st.lists(values, min_size=1, max_size=3).map(tuple)
        kinds.append(st.builds(OneOf, st.just(name), some))
        kinds.append(st.builds(Missing, st.just(name)))
        if name in ORDERED:
            kinds.append(st.builds(From, st.just(name), values))
            kinds.append(st.builds(Until, st.just(name), values))
    return st.one_of(kinds)


def holds(row: dict[str, Any], one: Filter) -> bool:
    """Whether a filter holds of a row, as simply as it can be said."""
    value = row[one.field]
    if isinstance(one, Missing) or value is None:
        return isinstance(one, Missing) and value is None
    if isinstance(one, OneOf):
        return value in one.values
    if isinstance(one, Equal):
        return bool(value == one.value)
    return bool(value >= one.value) if isinstance(one, From) else bool(value <= one.value)


@given(
    rows=st.lists(st.fixed_dictionaries({n: maybe(v) for n, v in ANY.items()}), max_size=12),
    asked=st.lists(st.lists(filters(), max_size=3), min_size=1, max_size=12),
)
@FEW
def test_filters_find_what_a_naive_filter_finds(
    any_store: Store, rows: list[dict[str, Any]], asked: list[list[Filter]]
) -> None:
    """Whatever the rows, in lists, in counts, as columns and in the records of the test kit."""
    dataset = anew()

    async def run() -> None:
        records, fake = records_of(any_store, dataset), FakeRecords([dataset])
        await records.start()
        for number, row in enumerate(rows):
            key = f"{dataset.id}.{number}"
            values = {"key": f"{number:02}", **row}
            await records.put(SYSTEM, dataset.id, values, idempotency_key=key)
            await fake.put(dataset.id, values, idempotency_key=key)
        for where in asked:
            expected = [
                f"{number:02}"
                for number, row in enumerate(rows)
                if all(holds(row, one) for one in where)
            ]
            found = await records.find(SYSTEM, dataset.id, where=where)
            assert expected == [one.key for one in found]
            assert len(expected) == await records.count(SYSTEM, dataset.id, where=where)
            batch = await records.columns(SYSTEM, dataset.id, where=where)
            assert expected == batch["key"].tolist()
            assert expected == [one.key for one in await fake.find(dataset.id, where=where)]

    asyncio.run(run())


@given(
    starts=st.lists(
        st.tuples(st.sets(st.sampled_from(NAMES)), ROWS.filter(bool)), min_size=1, max_size=4
    )
)
@FEW
def test_fields_come_and_go_and_no_value_is_lost(
    any_store: Store, starts: list[tuple[set[str], list[dict[str, Any]]]]
) -> None:
    """After any starts with any optional fields, what was put under a field is there again."""
    dataset = anew()

    async def run() -> None:
        model: dict[str, dict[str, Any]] = {}
        numbers = count()
        for names, rows in [*starts, (set(NAMES), [])]:
            fields = tuple(one for one in SCHEMA.fields if one.name in {"key", *names})
            records = records_of(any_store, evolve(dataset, schema=evolve(SCHEMA, fields=fields)))
            await records.start()
            for row in rows:
                values = {name: row[name] for name in ("key", *names)}
                key = f"{dataset.id}.{next(numbers)}"
                made = await records.put(SYSTEM, dataset.id, values, idempotency_key=key)
                model.setdefault(made.key, dict.fromkeys(NAMES)).update(made.values)
            found = await records.find(SYSTEM, dataset.id)
            assert set(model) == {one.key for one in found}
            for one in found:
                assert {name: model[one.key][name] for name in names} == {
                    name: one.values[name] for name in names
                }

    asyncio.run(run())
