"""Figures of an hour and of windows, against worked examples and a plain computation."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract.clock import HOUR
from county_gov.contract.rule import HOUR_FIGURES, HourFigure, Window
from county_gov.rules.episode import OpenHour
from county_gov.rules.figures import Parts
from county_gov.rules.hours import Carried, Coverage, hours_over
from county_gov.rules.joined import Asked, Joined
from county_gov.rules.samples import Samples

MINUTE = HOUR // 60


def figure(how: HourFigure, values: list[float], decimals: int = 1) -> float:
    """The figure of some readings."""
    scaled = np.round(np.array(values) * 10**decimals).astype(np.int64)
    scales = np.full(len(values), 10.0**decimals)
    parts = Parts.of(how, scaled, scales).together(how, np.zeros(len(values), np.int64), 1)
    return float(parts.figures(how, np.array([len(values)]), scales[:1])[0])


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([60.0, 60.0, 60.0], 60.0),
        ([60.0, 60.0, 60.0, 80.0], 74.1),
        ([50.0, 53.0], 51.8),
        ([60.0] * 59 + [90.0], 72.5),
        ([55.0] * 16 + [45.0] * 8, 53.5),
    ],
)
def test_the_equivalent_level_is_the_mean_of_energy(levels: list[float], expected: float) -> None:
    """GB 3096-2008, 3.2: 10 lg of the mean of 10^(L/10), worked out by hand to 0.1 dB."""
    assert expected == round(figure("equivalent_level", levels), 1)


@pytest.mark.parametrize(
    ("directions", "expected"),
    [([350.0, 10.0], 0.0), ([90.0, 90.0], 90.0), ([0.0, 90.0], 45.0), ([200.0, 300.0], 250.0)],
)
def test_directions_have_the_mean_of_their_vectors(
    directions: list[float], expected: float
) -> None:
    """350° and 10° are north, not south."""
    assert expected == figure("vector_mean", directions)


def test_directions_that_cancel_each_other_have_no_mean() -> None:
    """North and south: unknown, never zero."""
    assert math.isnan(figure("vector_mean", [0.0, 180.0]))


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", 2.5), ("sum", 10.0), ("minimum", 1.0), ("maximum", 4.0)]
)
def test_the_usual_figures(how: HourFigure, expected: float) -> None:
    """Arithmetic mean, sum, lowest and highest."""
    assert expected == figure(how, [4.0, 1.0, 2.0, 3.0])


@given(
    st.sampled_from(HOUR_FIGURES),
    st.lists(st.tuples(st.integers(0, 179), st.integers(1, 1300)), unique_by=lambda one: one[0]),
    st.lists(st.integers(0, 180), max_size=4),
)
def test_an_hour_filled_in_parts_is_the_hour_filled_at_once(
    how: HourFigure, readings: list[tuple[int, int]], cuts: list[int]
) -> None:
    """To the last bit, however its readings are parted; what is carried survives being written."""
    coverage = Coverage.of(np.zeros(1, np.int64), 0.75)
    scales = np.full(1, 10.0)

    def filled(parts: list[list[tuple[int, int]]]) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        carried = Carried.nothing(1)
        for number, part in enumerate(parts):
            times = np.array([minute * MINUTE for minute, _ in part], np.int64)
            values = np.array([value for _, value in part], np.int64)
            over = np.full(1, 3 * HOUR if number == len(parts) - 1 else -1)
            samples = Samples(np.zeros(len(part), np.int64), times, values, times >= 0)
            carried = Carried(carried.hours, carried.given, over)
            rows, carried = hours_over(samples, how, scales, coverage, carried)
            found += zip(rows.times.tolist(), rows.values.tolist(), strict=True)
            carried = Carried(
                [None if one is None else OpenHour(*_through_json(one)) for one in carried.hours],
                carried.given,
                over,
            )
        return found

    readings = sorted(readings)
    bounds = [0, *sorted(cuts), 180]
    parted = [[one for one in readings if low <= one[0] < high] for low, high in pairwise(bounds)]
    assert repr(filled([readings])) == repr(filled(parted))


def _through_json(one: OpenHour) -> tuple[int, int, float, float]:
    decoded = msgspec.json.decode(msgspec.json.encode(one), type=OpenHour)
    return decoded.hour, decoded.count, decoded.total, decoded.second


@given(
    st.sampled_from(HOUR_FIGURES),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 1300)), unique_by=lambda one: one[0]),
    st.integers(1, 5),
)
def test_a_window_has_the_figure_of_its_readings(
    how: HourFigure, readings: list[tuple[int, int]], hours: int
) -> None:
    """Overlapping windows, each computed for itself by hand."""
    readings = sorted(readings)
    times = np.array([minute * MINUTE for minute, _ in readings], np.int64)
    values = np.array([value for _, value in readings], np.int64)
    zeros = np.zeros(len(times), np.int64)
    samples = Samples(zeros, times, values, times >= 0)
    low, high = -6 * HOUR, 6 * HOUR
    joined = Joined(samples, np.full(1, 10.0), np.zeros(1, np.int64), low, high)
    instants = np.arange(0, 6, dtype=np.int64) * HOUR
    asked = Asked(np.zeros(len(instants), np.int64), instants)
    found = joined.figures(Window("x", hours * HOUR, how), asked)

    for at, one in zip(instants.tolist(), found.tolist(), strict=True):
        inside = [v / 10 for t, v in readings if at - hours * HOUR < t * MINUTE <= at]
        assert repr(figure(how, inside) if inside else float("nan")) == repr(one) or (
            pytest.approx(figure(how, inside), abs=1e-5) == one
        )
