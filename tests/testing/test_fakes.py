"""The fakes: they keep the contract, and remember what was done."""

from __future__ import annotations

import pytest

from county_gov.api import (
    HOUR,
    CommandContext,
    Context,
    Dataset,
    EndpointContext,
    Field,
    HttpAnswer,
    NotFound,
    PageContext,
    RecordConflict,
    RecordInvalid,
    Schema,
    TargetRefused,
    Text,
    Value,
)
from county_gov.testing import (
    FakeContext,
    FakeHttp,
    FakeParameters,
    FakeReader,
    FakeRecords,
    SetClock,
    datastream_view,
)


def dams(*, dated: bool = False) -> Dataset:
    """A dataset of dams."""
    return Dataset(
        id="dams.dams",
        title=Text("水坝"),
        kind="records",
        schema=Schema(
            (
                Field("code", "text", Text("编码")),
                Field("crest", "int64", Text("坝顶高程"), unit="m", decimals=2, required=False),
            ),
            key=("code",),
        ),
        read_permission="dams.read",
        write_permission="dams.write",
        dated=dated,
    )


async def test_a_fake_context_is_every_context() -> None:
    """Mypy takes it for each; at run time it opens a case once per key."""
    context = FakeContext(clock=SetClock(5))
    plugin: Context = context
    page: PageContext = context
    endpoint: EndpointContext = context
    command: CommandContext = context
    first = await plugin.open_case(
        "dams.flood", title="甲", area="990101", subject="", data={}, idempotency_key="a"
    )
    again = await plugin.open_case(
        "dams.flood", title="乙", area="990101", subject="", data={}, idempotency_key="a"
    )
    await command.notify("who", subject="s", body="b", idempotency_key=command.key)

    assert (first.id, "甲") == (again.id, again.title)
    assert 5 == page.clock.now()
    assert endpoint.actor is command.actor
    assert ["open_case", "notify"] == [one.what for one in context.sent]
    assert 3 == len(context.used_keys())


async def test_fake_records_keep_the_contract() -> None:
    """Versions, idempotency keys, unknown fields and missing rows are as in a county."""
    records = FakeRecords([dams()])
    made = await records.put("dams.dams", {"code": "d1", "crest": 12.34}, idempotency_key="a")
    again = await records.put("dams.dams", {"code": "d1", "crest": 99}, idempotency_key="a")
    changed = await records.put("dams.dams", {"code": "d1", "crest": 13}, idempotency_key="b")

    assert (1, 12.34) == (made.version, made.values["crest"])
    assert made is again
    with pytest.raises(RecordConflict, match="another request"):
        await records.remove("dams.dams", "d1", idempotency_key="a")
    assert (2, 13.0) == (changed.version, changed.values["crest"])
    assert [1300] == (await records.columns("dams.dams"))["crest"].tolist()
    with pytest.raises(RecordConflict):
        await records.put("dams.dams", {"code": "d1"}, idempotency_key="c", expected_version=1)
    with pytest.raises(RecordInvalid, match="hight"):
        await records.put("dams.dams", {"code": "d1", "hight": 1}, idempotency_key="d")
    with pytest.raises(NotFound):
        await records.remove("dams.dams", "d2", idempotency_key="e")
    with pytest.raises(NotFound, match=r"known: dams\.dams"):
        await records.find("dams.walls")


async def test_fake_records_know_days() -> None:
    """Of a dated dataset the row with the latest day that has begun holds."""
    records = FakeRecords([dams(dated=True)], today="2026-06-15")
    for day, crest in (("2026-06-01", 1.0), ("2026-07-01", 2.0)):
        values: dict[str, Value] = {"code": "d1", "crest": crest, "valid_from": day}
        await records.put("dams.dams", values, idempotency_key=day)

    now = await records.get("dams.dams", "d1")
    later = await records.get("dams.dams", "d1", on="2026-07-02")
    assert now is not None
    assert later is not None
    assert (1.0, 2.0) == (now.values["crest"], later.values["crest"])
    assert 2 == await records.count("dams.dams")
    await records.remove("dams.dams", "d1/2026-06-01", idempotency_key="x")
    assert await records.get("dams.dams", "d1") is None


async def test_fake_reads_come_from_the_readings() -> None:
    """Latest and hourly are what the readings say."""
    reader = FakeReader(
        (datastream_view("dam.level"),), {"dam.level": [(0, 1.0), (1, 3.0), (HOUR, 5.0, "faulty")]}
    )
    (latest,) = await reader.latest(observed_property="level")
    hourly = await reader.hourly("dam.level", 0, 2 * HOUR)

    assert (5.0, "faulty") == (latest.value, latest.flag)
    assert ([2, 1], [2.0, 5.0]) == (hourly["count"].tolist(), hourly["mean"].tolist())
    with pytest.raises(NotFound):
        await reader.observations("dam.rain", 0, 1)


async def test_fake_parameters_know_areas() -> None:
    """An area's own value goes before the county's."""
    parameters = FakeParameters({"dams.limit": 5.0, "dams.limit@990101001": 6.0})
    own = await parameters.value("dams.limit", area="990101001")
    other = await parameters.value("dams.limit", area="990101002")
    assert own is not None
    assert other is not None
    assert ((6.0, "990101001"), (5.0, "")) == ((own.value, own.area), (other.value, other.area))
    assert await parameters.value("dams.other") is None


async def test_fake_http_answers_what_was_prepared() -> None:
    """Anything else is refused, and every request is remembered."""
    http = FakeHttp({"GET https://a.example/": HttpAnswer(200, {}, b"yes")})
    answer = await http.request("GET", "https://a.example/")
    with pytest.raises(TargetRefused):
        await http.request("POST", "https://a.example/", body=b"x")

    assert b"yes" == answer.body
    assert [b"", b"x"] == [one.body for one in http.requests]
