"""The county's GeoJSON, projected."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.page import Marker
from county_gov.contract.text import Text
from county_gov.errors import RegisterError
from county_gov.server.render import Geography
from tests.server.render.specimen_views import GEOJSON

SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]


def document(geometry: object, **properties: str) -> bytes:
    """A collection with one feature."""
    described = {"code": "990101", "name": "示范县", "kind": "county", **properties}
    feature = {"type": "Feature", "properties": described, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def test_the_demonstration_county_is_drawn_once_per_area() -> None:
    """Every area of the file has a path inside the drawing and a name in both languages."""
    features = json.loads(GEOJSON.read_bytes())["features"]
    geography = Geography.from_geojson(GEOJSON.read_bytes())
    assert {one["properties"]["code"] for one in features} == set(geography.outlines)
    for outline in geography.outlines.values():
        assert outline.path.startswith("M")
        assert outline.path.endswith("Z")
        assert 0 < outline.x < 1000
        assert 0 < outline.y < geography.height
    assert "Demonstration County" == geography.of_kind("county")[0].name.en


@given(st.floats(116.0, 117.0), st.floats(39.5, 40.5), st.floats(0.001, 0.2))
def test_east_is_right_and_north_is_up(longitude: float, latitude: float, step: float) -> None:
    """The projection is monotone, and true to scale at the county's middle."""
    geography = Geography.from_geojson(GEOJSON.read_bytes())
    x, y = geography.project(longitude, latitude)
    assert geography.project(longitude + step, latitude)[0] > x
    assert geography.project(longitude, latitude + step)[1] < y


def test_an_island_is_part_of_its_area() -> None:
    """A MultiPolygon is one path of several rings; its name stands on the largest."""
    small = [[5.0, 0.0], [5.1, 0.0], [5.1, 0.1], [5.0, 0.1], [5.0, 0.0]]
    geometry = {"type": "MultiPolygon", "coordinates": [[small], [SQUARE]]}
    outline = Geography.from_geojson(document(geometry)).outlines["990101"]
    assert 2 == outline.path.count("M")
    assert outline.x < 250


def test_a_name_keeps_away_from_a_marker() -> None:
    """Where a marker stands on a name's place the name is written below it."""
    geography = Geography.from_geojson(document({"type": "Polygon", "coordinates": [SQUARE]}))
    free = geography.labels("county", ())[0]
    hidden = geography.labels("county", (Marker(0.5, 0.5, "good", Text(zh="站")),))[0]
    assert free[2] < hidden[2]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (b"{", "truncated"),
        (b'{"features":[]}', "at least one feature"),
        (document({"type": "Point", "coordinates": [1, 2]}), "got Point"),
        (document({"type": "Polygon", "coordinates": []}), "at least one ring"),
        (document({"type": "Polygon", "coordinates": [["a"]]}), "cannot be read"),
        (
            document({"type": "Polygon", "coordinates": [SQUARE]}).replace(b'"code"', b'"kode"'),
            "code",
        ),
    ],
)
def test_a_broken_file_says_where(broken: bytes, words: str) -> None:
    """A file that cannot be drawn names its place and what was expected."""
    with pytest.raises(RegisterError, match=r"areas\.geojson") as caught:
        Geography.from_geojson(broken)
    assert words in str(caught.value)
