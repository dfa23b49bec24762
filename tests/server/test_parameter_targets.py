"""What a setting's value is for: things, areas and choices, over HTTP and in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from attrs import evolve, frozen

from county_gov.api import Hooks, Parameter, Text, implements
from county_gov.deployment import County, read_settings
from county_gov.registry.discovery import LoadedPlugin
from tests.server.conftest import Serve, Site
from tests.server.dam import APPROVE, LIMIT, MODE, PROPOSE, DamPlugin, NoConfig
from tests.server.desk import permit
from tests.server.test_parameters import API, GIVEN, NORTH, PAGE, SOUTH, get, post, read, send
from tests.store_fixtures import StandingClock

THING = "aotizhongxin"
NOISE = evolve(
    MODE, id="dam.noise", varies_by=(("1", Text("一类", "One")), ("2", Text("二类", "Two")))
)
BASIN = evolve(LIMIT, id="dam.basin", varies_by="area")


@frozen(eq=False)
class ThingsPlugin(DamPlugin):
    """Limits of things, of areas and of choices."""

    @implements(Hooks.parameters)
    def parameters(self) -> Iterable[Parameter]:
        """What the county sets."""
        return evolve(LIMIT, varies_by="thing"), NOISE, BASIN


@pytest.fixture
async def site(folder: Path, clock: StandingClock, serve_county: Serve) -> AsyncIterator[Site]:
    """A county whose dispatchers hold both permissions, and whose grid worker may propose."""
    permit(
        folder,
        dispatch_centre=(f"{PROPOSE}@area", f"{APPROVE}@area"),
        grid_worker=(f"{PROPOSE}@area",),
    )
    loaded = LoadedPlugin(
        "dam", ThingsPlugin(NoConfig()), "county-gov-dam", "1.0", "county.toml: plugin[1]"
    )
    settings = read_settings(folder / "county.toml")
    async with County(settings, clock=clock, plugins=[loaded]) as county:
        yield await serve_county(county)


async def test_a_value_is_told_only_for_what_is_known(site: Site) -> None:
    """An unknown thing, choice or area, and a thing elsewhere, are not the county's value."""
    one = await site.person("dispatch1")
    stands = site.county.registers.snapshot.datastreams_at(THING)[0].area
    elsewhere = SOUTH if stands != SOUTH else NORTH
    noise, basin = f"/api/v1/parameters/{NOISE.id}", f"/api/v1/parameters/{BASIN.id}"
    for path, place in (
        (f"{API}?subject=nope", "query: subject"),
        (f"{API}?area={elsewhere}&subject={THING}", "query: area"),
        (f"{API}?area=nowhere", "query: area"),
        (f"{noise}?subject=3", "query: subject"),
        (f"{basin}?subject={THING}", "query: subject"),
    ):
        status, said = await get(one, path)
        assert (422, [place]) == (status, [each["place"] for each in said["problems"]]), path
    for path in (
        f"{API}?subject={THING}",
        f"{API}?area={stands}&subject={THING}",
        f"{noise}?subject=2",
        f"{basin}?area={NORTH}",
    ):
        assert 200 == (await get(one, path))[0], path


async def test_a_form_without_thing_and_area_comes_back_filled(site: Site) -> None:
    """Who may not propose for the whole county is asked to choose; nothing typed is lost."""
    town = await site.person("grid-zhiqiu")
    status, page = await send(town, "proposals", value="51.25", **GIVEN)
    assert (422, True, True) == (status, "请选择设施或区域" in page, 'value="51.25"' in page)
    assert GIVEN["number"] in page


async def test_ending_an_own_value_needs_whose_it_is(site: Site) -> None:
    """The county is not offered, nothing chosen is refused, and so it is over HTTP."""
    one, other = await site.person("dispatch1"), await site.person("dispatch2")
    await send(one, "proposals", value="50", area=NORTH, **GIVEN)
    await send(other, "proposals/1/approve")
    form = (await read(one)).split(f'action="{PAGE}/proposals?ends=1"')[1].split("</form>")[0]
    assert f'value="{NORTH}"' in form
    assert 'value="990101"' not in form
    status, page = await send(one, "proposals?ends=1", **GIVEN)
    assert (422, True) == (status, "请选择取消谁的值" in page)
    for area in ("", "990101"):
        body = {**GIVEN, "ends": True, "area": area}
        status, said = await post(one, f"{API}/proposals", body, f"end-{area}")
        assert (422, ["area"]) == (status, [each["place"] for each in said["problems"]])
    assert 200 == (await send(one, "proposals?ends=1", area=NORTH, **GIVEN))[0]
