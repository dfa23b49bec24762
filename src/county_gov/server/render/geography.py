"""The county's own GeoJSON, projected once to the coordinates of a plain SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from county_gov.contract.page import Marker
from county_gov.contract.text import Text
from county_gov.errors import Problem as Found
from county_gov.errors import RegisterError

Points = NDArray[np.float64]
"""Coordinates, shape (n, 2)."""

WIDTH = 1000.0
"""Width of the drawing; its height follows from the county's form."""
_MARGIN = 12.0
_NEAR = 70.0
_ABOVE = 72.0
_BELOW = 48.0
"""How close a name may come to a marker: beside it, above its value, below it."""


class _Properties(msgspec.Struct):
    code: str
    name: str
    kind: str
    name_en: str = ""


class _Geometry(msgspec.Struct):
    type: str
    coordinates: list[msgspec.Raw]


class _Feature(msgspec.Struct):
    properties: _Properties
    geometry: _Geometry


class _Collection(msgspec.Struct):
    features: list[_Feature]


@frozen
class Outline:
    """One area, drawn.

    Args:
        code: The area's code.
        name: Its name.
        kind: "county", "township", "village" or "grid".
        path: SVG path data.
        x, y: Where a label stands.
    """

    code: str
    name: Text
    kind: str
    path: str
    x: float
    y: float


@frozen(eq=False)
class Geography:
    """The county's areas as SVG paths, by code, and the projection for points.

    An equirectangular projection, true to scale at the county's middle latitude: over one county
    it differs from a conformal one by less than a line's width.
    """

    outlines: Mapping[str, Outline]
    height: float
    west: float
    north: float
    scale_x: float
    scale_y: float

    @classmethod
    def from_geojson(cls, document: bytes) -> Geography:
        """Project a FeatureCollection of Polygon and MultiPolygon features.

        Args:
            document: GeoJSON (WGS 84 degrees) whose features have the properties ``code``,
                ``name``, ``kind`` and optionally ``name_en``.

        Raises:
            RegisterError: A feature has no polygon, or lacks one of these properties.
        """
        try:
            features = msgspec.json.decode(document, type=_Collection).features
        except msgspec.DecodeError as error:
            raise RegisterError([Found("areas.geojson", str(error))]) from error
        rings = {one.properties.code: _rings(one) for one in features}
        if not rings:
            raise RegisterError([Found("areas.geojson", "expected at least one feature, got none")])
        frame = cls._framing(np.concatenate([ring for part in rings.values() for ring in part]))
        outlines = {
            one.properties.code: frame._outline(one.properties, rings[one.properties.code])  # noqa: SLF001 (its own class)
            for one in features
        }
        return cls(outlines, frame.height, frame.west, frame.north, frame.scale_x, frame.scale_y)

    @classmethod
    def _framing(cls, degrees: Points) -> Geography:
        west, south = degrees.min(axis=0)
        east, north = degrees.max(axis=0)
        scale_x = (WIDTH - 2 * _MARGIN) / max(float(east - west), 1e-9)
        scale_y = scale_x / math.cos(math.radians(float(south + north) / 2))
        height = float(north - south) * scale_y + 2 * _MARGIN
        return cls({}, round(height, 1), float(west), float(north), scale_x, scale_y)

    def project(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a point (degrees WGS 84) lies in the drawing."""
        x = _MARGIN + (longitude - self.west) * self.scale_x
        y = _MARGIN + (self.north - latitude) * self.scale_y
        return round(x, 1), round(y, 1)

    def of_kind(self, kind: str) -> tuple[Outline, ...]:
        """All areas of a kind, for example every township."""
        return tuple(one for one in self.outlines.values() if one.kind == kind)

    def labels(
        self, kind: str, markers: Sequence[Marker]
    ) -> tuple[tuple[Outline, float, float], ...]:
        """Where the names of a kind of area stand, moved down where a marker would hide them."""
        pins = [self.project(marker.longitude, marker.latitude) for marker in markers]
        return tuple((one, one.x, _below(one.x, one.y, pins)) for one in self.of_kind(kind))

    def _outline(self, properties: _Properties, rings: Sequence[Points]) -> Outline:
        corner = np.array([self.west, self.north])
        scale = np.array([self.scale_x, -self.scale_y])
        drawn = [(ring - corner) * scale + _MARGIN for ring in rings]
        x, y = _centroid(max(drawn, key=lambda ring: abs(_area(ring))))
        return Outline(
            code=properties.code,
            name=Text(zh=properties.name, en=properties.name_en),
            kind=properties.kind,
            path="".join(_path(ring) for ring in drawn),
            x=round(x, 1),
            y=round(y, 1),
        )


def _rings(feature: _Feature) -> tuple[Points, ...]:
    """All rings of a feature, outer and inner; the drawing fills them by the even-odd rule."""
    geometry, place = feature.geometry, f"areas.geojson: {feature.properties.code}"
    try:
        if geometry.type == "Polygon":
            polygons = [
                [msgspec.json.decode(raw, type=list[list[float]]) for raw in geometry.coordinates]
            ]
        elif geometry.type == "MultiPolygon":
            polygons = [
                msgspec.json.decode(raw, type=list[list[list[float]]])
                for raw in geometry.coordinates
            ]
        else:
            message = f"expected a Polygon or MultiPolygon, got {geometry.type}"
            raise RegisterError([Found(place, message)])
        rings = tuple(np.array(ring)[:, :2] for polygon in polygons for ring in polygon)
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        raise RegisterError([Found(place, f"its coordinates cannot be read: {error}")]) from error
    if not rings:
        raise RegisterError([Found(place, "expected at least one ring, got none")])
    return cast("tuple[Points, ...]", rings)


def _below(x: float, y: float, pins: Sequence[tuple[float, float]]) -> float:
    near = [top for left, top in pins if abs(left - x) < _NEAR and -_ABOVE < y - top < _BELOW]
    return round(max(near) + _BELOW, 1) if near else y


def _path(ring: Points) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in ring[:-1].tolist()) + "Z"


def _area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _centroid(ring: Points) -> tuple[float, float]:
    """Centre of gravity of a closed ring; the mean of its corners where it has no area."""
    area = _area(ring)
    if abs(area) < 1e-9:  # noqa: PLR2004 (a degenerate ring)
        return float(ring[:, 0].mean()), float(ring[:, 1].mean())
    x, y = ring[:, 0], ring[:, 1]
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    return (
        float(np.sum((x[:-1] + x[1:]) * cross) / (6 * area)),
        float(np.sum((y[:-1] + y[1:]) * cross) / (6 * area)),
    )
