"""docs/how-to/test-a-plugin.md against the code."""

from __future__ import annotations

import county_gov.testing
from county_gov.api import Context
from county_gov.testing import FakeContext, FakeReader, Scenario, SetClock, datastream_view
from county_gov.testing.conformance import suite
from tests.docs.markdown import page, rows, section
from tests.testing.conformance.gauges import GaugesPlugin

GUIDE = page("docs/how-to/test-a-plugin.md")


# --8<-- [start:fakes]
async def tell_the_level(ctx: Context) -> None:
    """Tell the chief how high the water stands."""
    for one in await ctx.read.latest(observed_property="level"):
        body = f"{one.datastream.thing}: {one.value} m"
        await ctx.notify("chief", subject="水位", body=body, idempotency_key=f"level:{one.time}")


async def test_the_chief_is_told() -> None:
    """One notice for the latest reading."""
    reader = FakeReader((datastream_view("dam.level"),), {"dam.level": [(1, 3.5), (2, 4.0)]})
    context = FakeContext(read=reader, clock=SetClock(3))
    await tell_the_level(context)

    assert ["dam: 4.0 m"] == [one.data["body"] for one in context.sent]


# --8<-- [end:fakes]
def test_every_line_of_a_story_is_told() -> None:
    """The table of lines names each public method of Scenario, and no other."""
    public = {name for name in dir(Scenario) if not name.startswith("_")}
    told = [row[0].strip("`") for row in rows(section(GUIDE, "Tell a story"))]

    assert sorted(public) == sorted(told)


def test_every_fake_is_told() -> None:
    """The table of fakes names what county_gov.testing offers beside the story and its world."""
    others = {"Area", "Datastream", "Moment", "Role", "Scenario", "Thing"}
    offered = {name for name in vars(county_gov.testing) if name[0].isupper()} - others
    told = [row[0].strip("`") for row in rows(section(GUIDE, "Do without a county"))]

    assert sorted(offered) == sorted(told)


def table() -> list[tuple[str, str, str]]:
    """Kind, check and question of everything that the suite asks."""
    found: dict[tuple[str, str], str] = {}
    for one in suite(GaugesPlugin, name="gauges"):
        kind, check = one.id.partition(":")[0], one.id.rpartition(":")[2]
        found.setdefault((check, one.question), "")
        kinds = found[check, one.question].split(", ") if found[check, one.question] else []
        if kind not in kinds:
            found[check, one.question] = ", ".join([*kinds, kind])
    return [(kinds, f"`{check}`", question) for (check, question), kinds in found.items()]


def test_every_check_is_told() -> None:
    """The table of checks has each question, word for word."""
    assert table() == list(rows(section(GUIDE, "Keep the contract")))
