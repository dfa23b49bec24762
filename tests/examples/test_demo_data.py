"""The demonstration county's readings, registers and map fit together."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo_county"
ROWS = {"winters.csv.gz": 200_838, "aotizhongxin_pm25.csv.gz": 34_139}
ROWS_IN_BOTH = 8_226
CODE_DIGITS = {"county": 6, "township": 9, "village": 12, "grid": 15}
PARENT_KIND = {"township": "county", "village": "township", "grid": "village"}

Point = tuple[float, float]
Row = dict[str, str]


def register(name: str) -> list[Row]:
    """The rows of one register."""
    with (DEMO / "registers" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def unpacked(path: Path) -> str:
    """The text of a gzip file."""
    return gzip.decompress(path.read_bytes()).decode("ascii")


def readings(name: str) -> list[tuple[str, str, str]]:
    """The rows of one file of readings as (time, datastream, value)."""
    rows = csv.DictReader(unpacked(DEMO / "data" / name).splitlines())
    return [(row["time"], row["datastream"], row["value"]) for row in rows]


def rings() -> dict[str, list[Point]]:
    """The outer ring of every area on the map by its code."""
    collection = json.loads((DEMO / "registers" / "areas.geojson").read_text(encoding="utf-8"))
    return {
        feature["properties"]["code"]: [
            (longitude, latitude) for longitude, latitude in feature["geometry"]["coordinates"][0]
        ]
        for feature in collection["features"]
    }


def edges(ring: list[Point]) -> Counter[tuple[Point, Point]]:
    """The directed edges of a closed ring."""
    return Counter(pairwise(ring))


def contains(ring: list[Point], point: Point) -> bool:
    """Whether a point lies inside a ring, by counting crossings of a ray to the east."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in pairwise(ring):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def turn(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of a triangle: positive when it turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cross(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    """Whether two edges cross in their interiors."""
    (a, b), (c, d) = first, second
    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0


def area(ring: list[Point]) -> float:
    """Signed area of a ring in square degrees, positive when counter-clockwise."""
    origin = ring[0]
    return sum(turn(origin, start, end) for start, end in pairwise(ring)) / 2


@pytest.mark.parametrize("name", ROWS)
def test_row_counts(name: str) -> None:
    """A file has the documented number of rows, each datastream and hour once."""
    rows = readings(name)

    assert ROWS[name] == len(rows)
    assert ROWS[name] == len({(time, datastream) for time, datastream, _ in rows})


@pytest.mark.parametrize("name", ROWS)
def test_order(name: str) -> None:
    """Rows are ordered by time and then by datastream."""
    rows = readings(name)

    assert sorted(rows) == rows


def test_rows_in_both_files() -> None:
    """The winter hours of Aotizhongxin's PM2.5 stand in both files with equal values."""
    winters = [row for row in readings("winters.csv.gz") if row[1] == "aotizhongxin.pm25"]
    column = set(readings("aotizhongxin_pm25.csv.gz"))

    assert ROWS_IN_BOTH == len(winters)
    assert set(winters) <= column


@pytest.mark.parametrize("name", ROWS)
def test_times(name: str) -> None:
    """Every time is a whole hour of Beijing, and the winters hold no other months."""
    times = {datetime.fromisoformat(time) for time in {row[0] for row in readings(name)}}

    assert {timedelta(hours=8)} == {time.utcoffset() for time in times}
    assert {(0, 0, 0)} == {(time.minute, time.second, time.microsecond) for time in times}
    assert datetime.fromisoformat("2013-03-01T00:00:00+08:00") <= min(times)
    assert datetime.fromisoformat("2017-02-28T23:00:00+08:00") == max(times)
    if name == "winters.csv.gz":
        assert {12, 1, 2} == {time.month for time in times}


def test_values_fit_their_datastreams() -> None:
    """Every value is exact in its datastream's decimals and lies within its bounds."""
    datastreams = {row["code"]: row for row in register("datastreams.csv")}
    values = {(code, value) for name in ROWS for _, code, value in readings(name)}

    misfits = [
        (code, value)
        for code, value in values
        if (Decimal(value) * 10 ** int(datastreams[code]["decimals"])) % 1 != 0
        or not int(datastreams[code]["minimum"])
        <= Decimal(value)
        <= int(datastreams[code]["maximum"])
    ]

    assert [] == misfits


def test_every_datastream_has_readings() -> None:
    """The datastreams of the readings are exactly those of the register."""
    expected = {row["code"] for row in register("datastreams.csv")}

    assert expected == {row[1] for row in readings("winters.csv.gz")}
    assert {"aotizhongxin.pm25"} == {row[1] for row in readings("aotizhongxin_pm25.csv.gz")}


def test_known_number_of_episodes() -> None:
    """PM2.5 rises above 150 µg/m³ 536 times, 389 times if it must first fall below 115."""
    above = raised = False
    crossings = episodes = 0
    for _, _, text in readings("aotizhongxin_pm25.csv.gz"):
        value = Decimal(text)
        crossings += value > 150 and not above
        above = value > 150
        episodes += value > 150 and not raised
        raised = value > 150 or (raised and value >= 115)

    assert (536, 389) == (crossings, episodes)


def test_codes_nest() -> None:
    """Each area's code extends the code of its parent, which is of the next higher kind."""
    areas = {row["code"]: row for row in register("areas.csv")}

    assert ["990101"] == [code for code, row in areas.items() if row["kind"] == "county"]
    for code, row in areas.items():
        assert CODE_DIGITS[row["kind"]] == len(code)
        if row["kind"] == "county":
            assert row["parent"] == ""
        else:
            assert code.startswith(row["parent"])
            assert PARENT_KIND[row["kind"]] == areas[row["parent"]]["kind"]


def test_numbers_of_children() -> None:
    """The county has six townships, each three villages, each of these two or three grids."""
    areas = register("areas.csv")
    children = Counter(row["parent"] for row in areas)

    assert len(areas) == len({row["code"] for row in areas})
    for row in areas:
        expected = {"county": {6}, "township": {3}, "village": {2, 3}, "grid": {0}}[row["kind"]]
        assert children[row["code"]] in expected


def test_names_are_unique() -> None:
    """No two areas, units, things or datastreams share a Chinese or English name."""
    for name in ("areas.csv", "units.csv", "things.csv", "datastreams.csv"):
        rows = register(name)
        for column in ("name", "name_en"):
            assert len(rows) == len({row[column] for row in rows}), (name, column)


def test_references_between_registers() -> None:
    """Units, posts, things and datastreams refer to areas, units and things that exist."""
    areas = {row["code"] for row in register("areas.csv")}
    units = {row["code"] for row in register("units.csv")}
    things = {row["code"] for row in register("things.csv")}

    for name in ("units.csv", "accounts.csv", "things.csv"):
        assert {row["area"] for row in register(name)} <= areas, name
    for name in ("accounts.csv", "things.csv"):
        assert {row["unit"] for row in register(name)} <= units, name
    for row in register("datastreams.csv"):
        assert row["thing"] in things
        assert f"{row['thing']}.{row['observed_property']}" == row["code"]


def test_posts() -> None:
    """Every township has one grid worker, and a login always names the same person."""
    accounts = register("accounts.csv")
    townships = {row["code"] for row in register("areas.csv") if row["kind"] == "township"}
    logins = {row["login"] for row in accounts}

    assert len(logins) == len({(row["login"], row["name"], row["name_en"]) for row in accounts})
    assert len(logins) == len({row["name"] for row in accounts})
    assert len(accounts) > len(logins)
    assert sorted(townships) == sorted(
        row["area"] for row in accounts if row["role"] == "grid_worker" and row["area"] in townships
    )
    assert {"dispatch_centre", "grid_worker", "department_officer", "administrator"} == {
        row["role"] for row in accounts
    }


def test_map_has_every_area() -> None:
    """The map shows the areas of the register under their codes, names and kinds."""
    path = DEMO / "registers" / "areas.geojson"
    collection = json.loads(path.read_text(encoding="utf-8"))
    columns = ("code", "name", "name_en", "kind")

    assert [{key: row[key] for key in columns} for row in register("areas.csv")] == [
        feature["properties"] for feature in collection["features"]
    ]
    assert path.stat().st_size < 150_000


def test_rings_are_sound() -> None:
    """Each ring is closed, counter-clockwise, in the agreed frame and visits no point twice."""
    for code, ring in rings().items():
        assert ring[0] == ring[-1], code
        assert len(ring) - 1 == len(set(ring)), code
        assert area(ring) > 0, code
        assert all(116.2 <= x <= 116.8 and 39.7 <= y <= 40.3 for x, y in ring), code


def test_borders_do_not_cross() -> None:
    """No two borders of grids cross."""
    borders = sorted(
        {
            (min(edge), max(edge))
            for code, ring in rings().items()
            if len(code) == CODE_DIGITS["grid"]
            for edge in edges(ring)
        }
    )
    crossings = []
    for index, first in enumerate(borders):
        for second in borders[index + 1 :]:
            if second[0][0] > first[1][0]:
                break
            if cross(first, second):
                crossings.append((first, second))

    assert [] == crossings


def test_areas_are_filled_by_their_children() -> None:
    """The children's borders, without those that two of them share, are the parent's border."""
    shapes = rings()
    parents = {row["parent"] for row in register("areas.csv")} - {""}

    for parent in parents:
        children: Counter[tuple[Point, Point]] = Counter()
        for row in register("areas.csv"):
            if row["parent"] == parent:
                children += edges(shapes[row["code"]])
        outer = {edge for edge in children if (edge[1], edge[0]) not in children}

        assert {1} == set(children.values()), parent
        assert set(edges(shapes[parent])) == outer, parent


def test_things_stand_in_their_grids() -> None:
    """Each station lies inside the polygon of its grid, each in another township."""
    shapes = rings()
    things = register("things.csv")

    for row in things:
        assert CODE_DIGITS["grid"] == len(row["area"])
        assert contains(shapes[row["area"]], (float(row["longitude"]), float(row["latitude"])))
    assert 4 == len({row["area"][:9] for row in things})


def test_map_can_be_drawn_again(tmp_path: Path) -> None:
    """Drawing the map again gives the shipped map, up to the last written decimal."""
    output = tmp_path / "areas.geojson"
    subprocess.run(
        [sys.executable, DEMO / "build_map.py", "--output", output],
        check=True,
        stdout=subprocess.PIPE,
    )
    drawn = json.loads(output.read_text(encoding="utf-8"))["features"]
    shipped = rings()

    assert list(shipped) == [feature["properties"]["code"] for feature in drawn]
    for feature in drawn:
        ring = shipped[feature["properties"]["code"]]
        again = feature["geometry"]["coordinates"][0]
        assert len(ring) == len(again)
        for expected, actual in zip(ring, again, strict=True):
            assert expected == pytest.approx(actual, abs=1.5e-4)


def test_excerpt_can_be_cut_again(tmp_path: Path) -> None:
    """Cutting the excerpt out of the source again gives the shipped rows."""
    if "COUNTY_GOV_REFERENCE_DATA" not in os.environ:
        pytest.skip("COUNTY_GOV_REFERENCE_DATA names no folder with the source's files")
    subprocess.run(
        [sys.executable, DEMO / "build_excerpt.py", "--output", tmp_path],
        check=True,
        stdout=subprocess.PIPE,
    )

    for name in ROWS:
        assert unpacked(DEMO / "data" / name) == unpacked(tmp_path / name)


def test_excerpt_refuses_an_odd_cell(tmp_path: Path) -> None:
    """A cell that is neither a number nor NA stops the cut; file, line and column are named."""
    folder = tmp_path / "sensors" / "beijing_multisite"
    folder.mkdir(parents=True)
    station = folder / "PRSA_Data_Aotizhongxin_20130301-20170228.csv.gz"
    station.write_bytes(
        gzip.compress(
            b"year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3\r\n2014,1,1,0,5,NA, ,1,1,1\r\n"
        )
    )

    run = subprocess.run(
        [sys.executable, DEMO / "build_excerpt.py", "--reference", tmp_path, "--output", tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 1
    assert f"{station.name}:2: column SO2: expected a number or NA, got ' '" in run.stderr
