"""What becomes of rows when their dataset is declared anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from attrs import evolve

from county_gov.contract.access import SYSTEM
from county_gov.contract.batch import NO_TIME, Batch
from county_gov.contract.schema import Field
from county_gov.contract.text import Text
from county_gov.errors import AccessDenied, DeploymentError
from county_gov.records.authority import READ_DISABLED
from tests.records.conftest import Open, dataset, person

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.records import Records
    from county_gov.store import Store

ID = "reservoir.reservoirs"
CODE = Field("code", "text", Text(zh="编码", en="Code"))
NAME = Field("name", "text", Text(zh="名称", en="Name"), required=False)
CREST = Field("crest", "int64", Text(zh="坝顶", en="Crest"), unit="m", required=False)


async def started(unstarted: Open, *datasets: Dataset) -> Records:
    """Records of some datasets, started."""
    made = unstarted(*datasets)
    await made.start()
    return made


async def fill(records: Records, count: int = 3) -> None:
    """Put some rows."""
    for number in range(count):
        values: dict[str, Any] = {"code": f"R{number:04}", "name": f"N{number}", "crest": number}
        await records.put(SYSTEM, ID, values, idempotency_key=f"fill{number}")


async def values(records: Records, name: str) -> list[Any]:
    """The values of a field, by key."""
    return [one.values[name] for one in await records.find(SYSTEM, ID)]


async def test_fields_that_need_not_be_given_are_added_by_themselves(unstarted: Open) -> None:
    """Rows that were there are empty in them, and can be filled in."""
    await fill(await started(unstarted, dataset(CODE, NAME, CREST)))
    new = Field("depth", "float64", Text(zh="深度", en="Depth"), required=False)
    records = await started(unstarted, dataset(CODE, NAME, CREST, new))
    assert [None] * 3 == await values(records, "depth")
    await records.put(SYSTEM, ID, {"code": "R0001", "depth": 2.5}, idempotency_key="d")
    assert [None, 2.5, None] == await values(records, "depth")
    assert ["N0", "N1", "N2"] == await values(records, "name")


async def test_a_removed_fields_values_stay(unstarted: Open) -> None:
    """They are seen no longer, and are there again when the field is."""
    await fill(await started(unstarted, dataset(CODE, NAME, CREST)))
    records = await started(unstarted, dataset(CODE, NAME))
    assert {"code", "name"} == set((await records.find(SYSTEM, ID))[0].values)
    again = await started(unstarted, dataset(CODE, NAME, CREST))
    assert [0, 1, 2] == await values(again, "crest")
    await started(unstarted, dataset(CODE, NAME))
    with pytest.raises(DeploymentError, match=r"\.crest: was int64 in m and is now text"):
        await started(unstarted, dataset(CODE, NAME, evolve(CREST, dtype="text", unit="")))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (dataset(CODE, NAME, evolve(CREST, dtype="float64")), "was int64 in m and is now float64"),
        (dataset(CODE, NAME, evolve(CREST, decimals=2)), "is now int64 with 2 decimals in m"),
        (dataset(CODE, NAME, evolve(CREST, unit="cm")), "is now int64 in cm"),
        (dataset(evolve(CODE), evolve(NAME, required=True), CREST, key=("code", "name")), "key"),
        (dataset(CODE, NAME, CREST, dated=True), "was False and is now True"),
        (dataset(CODE, NAME, CREST, Field("new", "text", Text("新"))), "is new and required"),
    ],
)
async def test_changes_that_rows_cannot_follow_refuse_the_start(
    unstarted: Open, changed: Dataset, words: str
) -> None:
    """Without a raised version the start names dataset, field, what was and what is declared."""
    await fill(await started(unstarted, dataset(CODE, NAME, CREST)))
    with pytest.raises(DeploymentError, match=words) as refused:
        await started(unstarted, changed)
    assert all(one.place.startswith(f"dataset {ID}") for one in refused.value.problems)
    assert "raise schema.version to 2 and give it an upgrade" in str(refused.value)


async def test_what_becomes_required_must_be_there(unstarted: Open) -> None:
    """Where rows lack it the start is refused and counts them; else nothing happens."""
    records = await started(unstarted, dataset(CODE, NAME, CREST))
    await fill(records)
    await started(unstarted, dataset(CODE, evolve(NAME, required=True), CREST))
    await started(unstarted, dataset(CODE, NAME, CREST))
    await records.put(SYSTEM, ID, {"code": "X"}, idempotency_key="x")
    with pytest.raises(DeploymentError, match="is required now, and 1 rows lack it"):
        await started(unstarted, dataset(CODE, evolve(NAME, required=True), CREST))


def to_text(batch: Batch, version: int) -> Batch:
    """Make numbers texts, and add one to a new field."""
    assert 1 == version
    texts = np.array([f"{value} m" for value in batch["crest"].tolist()], np.object_)
    return Batch(
        {
            "code": batch["code"],
            "crest": texts,
            "day": np.full(batch.rows, NO_TIME),
        }
    )


DAY = Field("day", "date", Text(zh="日", en="Day"), required=False)
SECOND = dataset(CODE, evolve(CREST, dtype="text", unit=""), DAY, version=2, upgrade=to_text)


async def test_rows_are_upgraded_once(unstarted: Open, any_store: Store) -> None:
    """All of them, each with its history; what was removed stays, and nothing is left behind."""
    records = await started(unstarted, dataset(CODE, NAME, CREST))
    await fill(records, 600)
    longest = any_store.writer.longest_change
    fresh = unstarted(SECOND)
    assert (f"{ID}: upgrade from version 1 to 2",) == any_store.read_now(fresh.plan)
    await fresh.start()
    assert [f"{number} m" for number in range(600)] == await values(fresh, "crest")
    found = await fresh.get(SYSTEM, ID, "R0007")
    assert found is not None
    assert 2 == found.version
    history = await fresh.history(SYSTEM, ID, "R0007")
    assert ["upgraded", "added"] == [one.change for one in history]
    assert longest >= 0
    again = unstarted(SECOND)
    assert () == any_store.read_now(again.plan)
    await again.start()
    tables = any_store.read_now(
        lambda s: [name for name in _tables(s.connection) if name.startswith("r_")]
    )
    assert ["r_reservoir_reservoirs"] == tables
    third = evolve(SECOND, upgrade=None)
    back = dataset(*third.schema.fields, NAME, version=2)
    assert "N7" == (await values(await started(unstarted, back), "name"))[7]


async def test_a_dataset_is_upgraded_again_and_again(unstarted: Open) -> None:
    """Indexes keep their names when tables are swapped: the next upgrade must not meet them."""
    area = Field("area", "text", Text(zh="区域", en="Area"), refers="area", required=False)
    plain = dataset(CODE, NAME, CREST, area)
    await fill(await started(unstarted, evolve(plain, area="area")), 20)
    for version in (2, 3, 4):
        schema = evolve(plain.schema, version=version)
        upgraded = evolve(plain, schema=schema, area="area", upgrade=lambda batch, _from: batch)
        records = await started(unstarted, upgraded)
        assert 20 == await records.count(SYSTEM, ID)


def _tables(connection: Any) -> list[str]:
    import sqlalchemy as sa

    found: list[str] = sa.inspect(connection).get_table_names()
    return found


async def test_an_interrupted_upgrade_goes_on(unstarted: Open) -> None:
    """Rows that were through are not upgraded again."""
    await fill(await started(unstarted, dataset(CODE, NAME, CREST)), 600)
    seen: list[str] = []
    broken = True

    def upgrade(batch: Batch, version: int) -> Batch:
        if broken and len(seen) >= 300:
            raise ValueError("the power is gone")
        seen.extend(batch["code"].tolist())
        return to_text(batch, version)

    with pytest.raises(DeploymentError, match="the power is gone"):
        await started(unstarted, evolve(SECOND, upgrade=upgrade))
    broken = False
    records = await started(unstarted, evolve(SECOND, upgrade=upgrade))
    assert 600 == len(seen) == len(set(seen))
    assert 600 == await records.count(SYSTEM, ID)


@pytest.mark.parametrize(
    ("upgrade", "words"),
    [
        (lambda batch, version: batch, "expected the columns"),
        (lambda batch, version: None, "expected a Batch"),
        (lambda batch, version: to_text(batch, 1).take(np.array([0])), "expected 3 rows, got 1"),
        (
            lambda batch, version: Batch({**to_text(batch, 1), "day": np.zeros(batch.rows)}),
            "column 'day': expected int64, got float64",
        ),
        (
            lambda batch, version: Batch(
                {**to_text(batch, 1), "code": np.array(["X"] * batch.rows, np.object_)}
            ),
            "two rows get the key 'X'",
        ),
        (
            lambda batch, version: Batch(
                {**to_text(batch, 1), "code": np.array([""] * batch.rows, np.object_)}
            ),
            "R0000: code: is required",
        ),
    ],
)
async def test_an_upgrade_that_fails_leaves_the_rows_as_they_were(
    unstarted: Open, upgrade: Any, words: str
) -> None:
    """The start is refused and says on which row; the version before still starts."""
    await fill(await started(unstarted, dataset(CODE, NAME, CREST)))
    with pytest.raises(DeploymentError, match=words):
        await started(unstarted, evolve(SECOND, upgrade=upgrade))
    records = await started(unstarted, dataset(CODE, NAME, CREST))
    assert [0, 1, 2] == await values(records, "crest")


async def test_an_older_declaration_is_refused(unstarted: Open) -> None:
    """Rows of a later version are not read with an earlier one."""
    await started(unstarted, SECOND)
    with pytest.raises(DeploymentError, match="install the newer plugin"):
        await started(unstarted, dataset(CODE, NAME, CREST))


async def test_a_disabled_plugins_rows_stay_readable(unstarted: Open) -> None:
    """By those who may read what plugins have left, masked, and by the system; nobody writes."""
    await fill(await started(unstarted, dataset(CODE, evolve(NAME, classification="personal"))), 0)
    records = await started(unstarted, dataset(CODE, evolve(NAME, classification="personal")))
    await records.put(SYSTEM, ID, {"code": "R1", "name": "张三"}, idempotency_key="1")
    other = dataset(CODE, id="other.things")
    left = await started(unstarted, other)
    assert not left.enabled(ID)
    heir = person(1, READ_DISABLED)
    (found,) = await left.find(heir, ID)
    assert "张*" == found.values["name"]
    assert ["张三"] == [one.values["name"] for one in await left.find(SYSTEM, ID)]
    entries = {one.dataset.id: one for one in await left.catalogue(heir)}
    assert (1, False, False) == (entries[ID].rows, entries[ID].enabled, entries[ID].may_write)
    with pytest.raises(AccessDenied, match="its plugin is disabled"):
        await left.put(SYSTEM, ID, {"code": "R2"}, idempotency_key="2")


@pytest.mark.parametrize(
    ("fields", "options", "words"),
    [
        ((CODE, evolve(NAME, classification="sensitive")), {}, "encrypted at rest"),
        ((evolve(CODE, classification="personal"), NAME), {}, "cannot be personal"),
        ((evolve(CODE, required=False), NAME), {}, "must be required"),
        ((evolve(CODE, dtype="float64"), NAME), {}, "expected one of text, int64, date"),
        ((CODE, evolve(NAME, refers="nowhere.x")), {}, "is no dataset of records"),
        ((CODE, evolve(NAME, refers="person")), {}, "expected int64, got text"),
        ((CODE, evolve(NAME, decimals=2)), {}, "has decimals"),
        ((CODE, evolve(CREST, name="x" * 61)), {}, "at most 60 bytes"),
        ((CODE, CREST), {"area": "crest"}, "names the area"),
    ],
)
def test_declarations_that_cannot_be_kept_refuse_the_start(
    unstarted: Open, fields: tuple[Field, ...], options: dict[str, Any], words: str
) -> None:
    """Each with its place in the declaration."""
    with pytest.raises(DeploymentError, match=words):
        unstarted(dataset(*fields, **options))
