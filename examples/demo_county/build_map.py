"""Draw the map of the demonstration county: an invented county that lies nowhere.

The plane is covered with small hexagons. An invented outline chooses those inside; in a smoothly
warped plane (so that borders wander as rivers and field paths do) each township takes the hexagons
nearest to its centre, and centroidal Voronoi cells divide townships into villages and villages
into grids, as many as ``registers/areas.csv`` names. Borders are then smoothed and thinned once,
for all levels together: what two areas share is the same line, so grids fill villages, villages
fill townships and townships the county without gap or overlap.

Writes ``registers/areas.geojson`` (RFC 7946; WGS 84; outer rings counter-clockwise).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Corner = tuple[int, int]
"""A corner of the hexagon lattice: x in half widths, y in half sides of a hexagon."""

CENTRE_LONGITUDE, CENTRE_LATITUDE = 116.49, 40.0
EAST_STRETCH = math.cos(math.radians(CENTRE_LATITUDE))
"""Degrees of latitude per degree of longitude of equal ground length."""
SIDE = 0.0030
"""Side of a hexagon in degrees of latitude, about 330 m."""
SMOOTHING_ROUNDS = 5
MEETING = 3
"""Borders that end in one corner where three areas meet; elsewhere a border passes through."""
THINNING_DEGREES = 0.0003
DECIMALS = 4
"""Of the coordinates written: about 10 m."""
NOTICE = "虚构示意图：示范县并不存在 / invented map: this county does not exist"

TOWNSHIP_CENTRES = {
    "990101001": (-0.015, 0.040),
    "990101002": (0.030, -0.075),
    "990101100": (-0.115, 0.150),
    "990101101": (0.110, 0.150),
    "990101102": (-0.120, -0.125),
    "990101200": (0.140, -0.135),
}
"""East and north of the county's centre, in degrees of latitude, in the warped plane."""
OUTLINE = ((2, 0.10, 0.6), (3, 0.08, 2.1), (5, 0.045, 4.0), (7, 0.03, 1.0), (11, 0.018, 5.1))
"""Harmonics of the outline's radius: order, share of the mean radius, phase."""
MEAN_RADIUS = 0.196
NORTH_STRETCH = 1.25
"""The outline is longer from north to south than from west to east."""
WAVES = (
    (11.0, 17.0, 0.4, 0.0150),
    (-19.0, 13.0, 2.0, 0.0110),
    (31.0, -23.0, 4.1, 0.0050),
    (43.0, 53.0, 1.2, 0.0034),
    (-71.0, 61.0, 5.3, 0.0024),
    (113.0, -97.0, 3.3, 0.0015),
    (-151.0, -173.0, 0.9, 0.0008),
)
"""Waves of the warp: east and north frequency, phase, amplitude in degrees of latitude."""


class Area(NamedTuple):
    """One row of areas.csv."""

    code: str
    kind: str
    name: str
    name_en: str
    parent: str


class Hexagons(NamedTuple):
    """The hexagons inside the outline."""

    lattice: list[Corner]
    """Centres on the lattice of corners."""
    warped: Floats
    """Centres in the warped plane, shape (hexagons, 2)."""


def read_areas(path: Path) -> list[Area]:
    """All areas in file order."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [Area(*(row[field] for field in Area._fields)) for row in csv.DictReader(stream)]


def plane(corners: list[Corner]) -> Floats:
    """Lattice points in degrees of latitude east and north of the county's centre."""
    return np.array(corners, dtype=np.float64) * (SIDE * math.sqrt(3) / 2, SIDE / 2)


def warp(points: Floats) -> Floats:
    """Shift points smoothly; borders that are straight there wander here."""
    shifted = points.copy()
    for east, north, phase, amplitude in WAVES:
        angle = points @ np.array((east, north)) + phase
        shifted += amplitude * np.stack((np.sin(angle), np.cos(1.3 * angle)), axis=1)
    return shifted


def hexagons() -> Hexagons:
    """The hexagons whose centres lie inside the invented outline."""
    reach = math.ceil(2 * MEAN_RADIUS / SIDE)
    lattice = [
        (2 * column + row % 2, 3 * row)
        for row in range(-reach, reach + 1)
        for column in range(-reach, reach + 1)
    ]
    points = plane(lattice)
    directions = np.arctan2(points[:, 1], points[:, 0])
    shares = 1 + sum(share * np.sin(order * directions + phase) for order, share, phase in OUTLINE)
    ragged = warp(points)
    inside = np.hypot(ragged[:, 0], ragged[:, 1] / NORTH_STRETCH) < MEAN_RADIUS * shares
    kept = [corner for corner, keep in zip(lattice, inside, strict=True) if keep]
    return Hexagons(kept, ragged[inside])


def nearest(points: Floats, centres: Floats) -> Labels:
    """Index of the nearest centre for each point."""
    distances: Floats = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    labels: Labels = distances.argmin(axis=1)
    return labels


def divide(points: Floats, parts: int) -> Labels:
    """Divide points into centroidal Voronoi cells, numbered from north to south.

    Args:
        points: shape (points, 2).
        parts: how many cells.

    Returns:
        The cell of each point.
    """
    middle = points.mean(axis=0)
    centres = points[[((points - middle) ** 2).sum(axis=1).argmax()]]
    while len(centres) < parts:
        distances = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2).min(axis=1)
        centres = np.vstack((centres, points[distances.argmax()]))
    for _ in range(60):
        labels = nearest(points, centres)
        centres = np.array([points[labels == part].mean(axis=0) for part in range(parts)])
    return nearest(points, centres[np.argsort(-centres[:, 1])])


def assign(areas: list[Area], warped: Floats) -> list[str]:
    """The grid code of each hexagon."""
    children: dict[str, list[str]] = {}
    for area in areas:
        children.setdefault(area.parent, []).append(area.code)
    codes = np.empty(len(warped), dtype="U15")
    townships = nearest(warped, np.array(list(TOWNSHIP_CENTRES.values())))
    for index, township in enumerate(TOWNSHIP_CENTRES):
        members = np.flatnonzero(townships == index)
        villages = divide(warped[members], len(children[township]))
        for number, village in enumerate(children[township]):
            inside = members[villages == number]
            grids = divide(warped[inside], len(children[village]))
            codes[inside] = np.array(children[village])[grids]
    return [str(code) for code in codes]


def half_edges(lattice: list[Corner], codes: list[str]) -> list[tuple[Corner, Corner, str, str]]:
    """Every edge of every hexagon, its own grid to the left, the neighbour's ("" outside) right."""
    code_at = dict(zip(lattice, codes, strict=True))
    corners = ((1, -1), (1, 1), (0, 2), (-1, 1), (-1, -1), (0, -2))
    neighbours = ((2, 0), (1, 3), (-1, 3), (-2, 0), (-1, -3), (1, -3))
    edges = []
    for (x, y), code in code_at.items():
        for side, (east, north) in enumerate(neighbours):
            (ax, ay), (bx, by) = corners[side], corners[(side + 1) % 6]
            other = code_at.get((x + east, y + north), "")
            edges.append(((x + ax, y + ay), (x + bx, y + by), code, other))
    return edges


def ring(edges: list[tuple[Corner, Corner, str, str]], code: str) -> list[Corner]:
    """The border of one area, counter-clockwise, first corner not repeated.

    Raises:
        ValueError: the area is not one piece without holes.
    """
    size = len(code)
    following = {
        start: end
        for start, end, left, right in edges
        if left[:size] == code and right[:size] != code
    }
    first = min(following)
    corners, corner = [first], following[first]
    while corner != first:
        corners.append(corner)
        corner = following[corner]
    if len(corners) != len(following):
        raise ValueError(
            f"area {code} falls into pieces; move its township's centre or soften WAVES"
        )
    return corners


def links(edges: list[tuple[Corner, Corner, str, str]]) -> dict[Corner, list[Corner]]:
    """For each corner on a border between grids, its neighbours along the borders (2 or 3)."""
    neighbours: dict[Corner, set[Corner]] = {}
    for start, end, left, right in edges:
        if left != right:
            neighbours.setdefault(start, set()).add(end)
            neighbours.setdefault(end, set()).add(start)
    return {corner: sorted(neighbours[corner]) for corner in sorted(neighbours)}


def smooth(neighbours: dict[Corner, list[Corner]]) -> dict[Corner, tuple[float, float]]:
    """Positions of the border corners with the zigzag of the hexagons ironed out."""
    corners = list(neighbours)
    number = {corner: index for index, corner in enumerate(corners)}
    positions = plane(corners)
    along = [corner for corner in corners if len(neighbours[corner]) < MEETING]
    own = np.array([number[corner] for corner in along])
    both = np.array([[number[other] for other in neighbours[corner]] for corner in along])
    for _ in range(SMOOTHING_ROUNDS):
        middles = positions[both].mean(axis=1)
        positions[own] = (positions[own] + middles) / 2
    return {corner: (float(x), float(y)) for corner, (x, y) in zip(corners, positions, strict=True)}


def thin(line: list[Corner], positions: dict[Corner, tuple[float, float]]) -> set[Corner]:
    """The corners of a line that Douglas and Peucker's method keeps, both ends included."""
    if not line[1:-1]:
        return set(line)
    points = np.array([positions[corner] for corner in line])
    chord = points[-1] - points[0]
    offsets = points - points[0]
    length = math.hypot(*chord)
    distances = np.abs(chord[0] * offsets[:, 1] - chord[1] * offsets[:, 0]) / length
    farthest = int(distances.argmax())
    if distances[farthest] < THINNING_DEGREES:
        return {line[0], line[-1]}
    return thin(line[: farthest + 1], positions) | thin(line[farthest:], positions)


def kept_corners(
    neighbours: dict[Corner, list[Corner]], positions: dict[Corner, tuple[float, float]]
) -> set[Corner]:
    """Thin every line between two meeting points of borders, each line once."""
    meetings = {corner for corner, others in neighbours.items() if len(others) == MEETING}
    kept = set(meetings)
    for meeting in sorted(meetings):
        for first in neighbours[meeting]:
            line = [meeting, first]
            while line[-1] not in meetings:
                onward = [other for other in neighbours[line[-1]] if other != line[-2]]
                line.append(onward[0])
            if line[0] < line[-1]:
                kept |= thin(line, positions)
    return kept


def feature(
    area: Area, corners: list[Corner], positions: dict[Corner, tuple[float, float]]
) -> dict[str, object]:
    """One area as a GeoJSON feature with a closed ring."""
    coordinates = [
        (
            round(CENTRE_LONGITUDE + x / EAST_STRETCH, DECIMALS),
            round(CENTRE_LATITUDE + y, DECIMALS),
        )
        for x, y in (positions[corner] for corner in corners)
    ]
    distinct = [point for last, point in pairwise([coordinates[-1], *coordinates]) if point != last]
    return {
        "type": "Feature",
        "properties": {
            "code": area.code,
            "name": area.name,
            "name_en": area.name_en,
            "kind": area.kind,
        },
        "geometry": {"type": "Polygon", "coordinates": [[*distinct, distinct[0]]]},
    }


def build(areas: list[Area]) -> dict[str, object]:
    """The whole map as a GeoJSON feature collection, areas in the order of areas.csv."""
    cells = hexagons()
    edges = half_edges(cells.lattice, assign(areas, cells.warped))
    neighbours = links(edges)
    positions = smooth(neighbours)
    kept = kept_corners(neighbours, positions)
    features = [
        feature(area, [corner for corner in ring(edges, area.code) if corner in kept], positions)
        for area in areas
    ]
    return {"type": "FeatureCollection", "notice": NOTICE, "features": features}


def main() -> int:
    """Write the map and print its size."""
    registers = Path(__file__).parent / "registers"
    parser = argparse.ArgumentParser(description="Draw the demonstration county's map.")
    parser.add_argument("--areas", type=Path, default=registers / "areas.csv")
    parser.add_argument("--output", type=Path, default=registers / "areas.geojson")
    arguments = parser.parse_args()
    collection = build(read_areas(arguments.areas))
    text = json.dumps(collection, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('{"type":"Feature",', '\n{"type":"Feature",')
    arguments.output.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"{arguments.output.name}: {arguments.output.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
