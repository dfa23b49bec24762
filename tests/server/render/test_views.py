"""Every kind of view, drawn in both languages."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from attrs import evolve

from county_gov.contract.page import (
    Column,
    Figure,
    Figures,
    Line,
    Map,
    Paragraphs,
    Row,
    Series,
    Shade,
    Shape,
    Table,
    Timeline,
    View,
)
from county_gov.contract.text import Text
from county_gov.server.render import LANGUAGES, Chrome, Geography, Renderer
from county_gov.server.render.renderer import view_name
from tests.server.render import specimen_views as views
from tests.server.render.specimens import chrome

TITLE = Text(zh="标题", en="Title")


@pytest.fixture(scope="module")
def draw() -> Renderer:
    """A renderer with the demonstration county's map."""
    return Renderer.build(
        geography=Geography.from_geojson(views.GEOJSON.read_bytes()),
        map_notice=Text(zh="审图号：无", en="No review number"),
    )


@pytest.fixture
def frame() -> Chrome:
    """The frame of an officer's page."""
    return chrome(TITLE, path="/list?state=open")


def one_figure(figure: Figure) -> Figures:
    """A row with one figure."""
    return Figures(TITLE, (figure,))


def one_line(values: list[float]) -> Series:
    """A chart with one hourly line."""
    times = views.NOW + np.arange(len(values), dtype=np.int64) * views.HOUR
    return Series("one", TITLE, "µg/m³", (Line(TITLE, times, np.array(values)),), decimals=1)


def chart_data(html: str) -> dict[str, object]:
    """The JSON that the drawing script reads."""
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "view",
    [
        views.live_figures(),
        views.alerts_table(),
        views.air_series(uncertain=True),
        views.county_map(),
        views.case_timeline(),
        Paragraphs("words", TITLE, (TITLE,)),
    ],
    ids=view_name,
)
def test_each_view_is_drawn_under_its_title(
    draw: Renderer, frame: Chrome, view: View, language: str
) -> None:
    """A view of every kind shows its own title in the language asked for."""
    html = draw.view(view, language=language, chrome=frame)
    assert f">{view.title.in_language(language)}</h2>" in html
    assert f'data-live="view-{view.id}"' in html


def test_a_view_of_another_kind_is_refused() -> None:
    """What is not one of the contract's views raises an error naming them."""
    with pytest.raises(TypeError, match="Figures, Form, Map"):
        view_name("text")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_an_unknown_figure_is_a_dash(draw: Renderer, frame: Chrome, value: float | None) -> None:
    """A figure whose value is not known shows a dash, never a zero."""
    figure = Figure(TITLE, value, "µg/m³", "unknown")
    html = draw.view(one_figure(figure), language="zh", chrome=frame)
    assert '<dd class="value"><span>—</span>' in html
    assert "未知" in html


def test_a_figure_shows_what_it_rests_on(draw: Renderer, frame: Chrome) -> None:
    """Interval, n, as-of date and definition stand with the number."""
    figure = Figure(
        TITLE, 1234.5, "min", "good", 1, 57, 1200.0, 1300.25, views.NOW, "response_time v1"
    )
    html = draw.view(one_figure(figure), language="en", chrome=frame)
    for words in ("1,234.5", "between 1,200 and 1,300.2", "n = 57", "response_time v1"):
        assert words in html
    assert 'datetime="2026-01-29T16:00:00+08:00"' in html


def test_gaps_stay_gaps(draw: Renderer, frame: Chrome) -> None:
    """NaN and infinity reach the chart as null and the table as a dash."""
    html = draw.view(one_line([1.0, math.nan, math.inf, 4.0]), language="zh", chrome=frame)
    lines = chart_data(html)["lines"]
    assert isinstance(lines, list)
    assert [1.0, None, None, 4.0] == lines[0]["values"]
    assert 2 == html.count('<td class="number">—</td>')


def test_the_chart_tells_the_county_s_time(draw: Renderer, frame: Chrome) -> None:
    """The chart's axis is given wall clock milliseconds of the county."""
    lines = chart_data(draw.view(one_line([1.0]), language="zh", chrome=frame))["lines"]
    assert isinstance(lines, list)
    assert [views.NOW // 1000 + 8 * 3_600_000] == lines[0]["times"]


def test_the_table_beside_a_chart_is_capped_until_asked_for(draw: Renderer, frame: Chrome) -> None:
    """The latest rows stand beside the chart, all of them after following the link."""
    series = views.air_series(hours=300)
    short = draw.view(series, language="en", chrome=frame)
    asked = evolve(frame, path=f"/list?numbers={series.id}")
    whole = draw.view(series, language="en", chrome=asked)
    assert "The latest 24 of 300 instants." in short
    assert f'href="/list?state=open&amp;numbers={series.id}#view-{series.id}"' in short
    assert (24 + 1, 300 + 1) == (short.count("<tr>"), whole.count("<tr>"))


def test_lines_of_different_instants_share_one_table(draw: Renderer, frame: Chrome) -> None:
    """Where a line has no value at another line's instant there is a dash."""
    first, second = one_line([1.0, 2.0]).lines[0], one_line([3.0]).lines[0]
    series = Series("two", TITLE, "µg/m³", (first, second))
    html = draw.view(series, language="zh", chrome=frame)
    assert '<td class="number">2</td><td class="number">—</td>' in html


def test_a_chart_without_readings_says_so(draw: Renderer, frame: Chrome) -> None:
    """A chart without any instant shows words instead of empty axes."""
    html = draw.view(Series("none", TITLE, "µg/m³", ()), language="en", chrome=frame)
    assert "No readings in this stretch of time." in html
    assert "data-chart" not in html


def test_an_empty_table_says_what_to_do(draw: Renderer, frame: Chrome) -> None:
    """A table without rows shows its own words and no head."""
    html = draw.view(views.alerts_table(0, 0), language="zh", chrome=frame)
    assert "可以放宽筛选条件" in html
    assert "<thead" not in html


def test_sorting_and_paging_keep_the_filters(draw: Renderer, frame: Chrome) -> None:
    """A head's link turns its own order, goes back to page one and keeps the filter."""
    filtered = evolve(frame, path="/alerts?state=open&sort.alerts=-started&page.alerts=2")
    html = draw.view(views.alerts_table(), language="en", chrome=filtered)
    assert 'href="/alerts?state=open&amp;sort.alerts=started"' in html
    assert 'href="/alerts?state=open&amp;sort.alerts=peak"' in html
    assert 'href="/alerts?state=open&amp;sort.alerts=-started&amp;page.alerts=3"' in html
    assert 'rel="prev" href="/alerts?state=open&amp;sort.alerts=-started"' in html
    assert 'aria-sort="descending"' in html
    assert "21–40 of 389" in html


def test_units_stand_in_the_head_and_numbers_to_the_right(draw: Renderer, frame: Chrome) -> None:
    """A number column carries its unit in the head, and grouped digits in its cells."""
    column = Column("peak", Text(zh="峰值", en="Peak"), "number", "µg/m³", 1)
    table = Table("t", TITLE, (column,), (Row({"peak": 12345.678}),), 1, TITLE)
    html = draw.view(table, language="zh", chrome=frame)
    assert '峰值 <span class="unit">(µg/m³)</span>' in html
    assert '<span class="reading">12,345.7</span>' in html


def test_a_cell_of_another_kind_is_shown_as_it_is(draw: Renderer, frame: Chrome) -> None:
    """Words in a number or instant column are words, and a missing key is a dash."""
    columns = (Column("a", TITLE, "number"), Column("b", TITLE, "instant"), Column("c", TITLE))
    table = Table("t", TITLE, columns, (Row({"a": "many", "b": "soon"}),), 1, TITLE)
    html = draw.view(table, language="en", chrome=frame)
    for words in ("<span>many</span>", "<span>soon</span>", "<span>—</span>"):
        assert words in html


def test_status_is_colour_word_and_shape(draw: Renderer, frame: Chrome) -> None:
    """A state cell carries a class, a shape of the sprite and its word."""
    html = draw.view(views.alerts_table(), language="zh", chrome=frame)
    assert re.search(r'class="tag is-urgent"><svg[^>]*><use href="[^"]*#state-urgent"/>', html)
    assert "</svg>紧急</span>" in html


def test_the_map_colours_areas_and_lists_them(draw: Renderer, frame: Chrome) -> None:
    """Every grid of the view is a coloured path with a title, and stands in the list."""
    view = views.county_map()
    html = draw.view(view, language="zh", chrome=frame)
    assert len(view.shapes) == len(re.findall(r'<path class="area on-', html))
    assert "审图号：无" in html
    for shape in view.shapes:
        assert f"<title>{shape.label.zh}" in html
        assert f">{shape.label.zh}</a>" in html


def test_an_area_without_a_drawing_is_still_listed(draw: Renderer, frame: Chrome) -> None:
    """An area that the GeoJSON does not know is not drawn but stands in the list."""
    shape = Shape("000000", "alarm", Text(zh="新设网格", en="New grid"))
    html = draw.view(Map("m", TITLE, (shape,)), language="zh", chrome=frame)
    assert '<path class="area on-' not in html
    assert "新设网格" in html


def test_without_geojson_the_map_is_tiles(frame: Chrome) -> None:
    """A county without a drawing of its areas gets a tile for each."""
    html = Renderer.build().view(views.county_map(), language="en", chrome=frame)
    assert '<ul class="tiles">' in html
    assert "<pattern" not in html


def test_a_timeline_without_entries_says_so(draw: Renderer, frame: Chrome) -> None:
    """A timeline in which nothing happened has words for it."""
    html = draw.view(Timeline("t", TITLE, ()), language="en", chrome=frame)
    assert "Nothing has happened yet." in html


def test_shaded_stretches_are_named_below_the_chart(draw: Renderer, frame: Chrome) -> None:
    """Each kind of shade is named once with its count; an open one ends now, in wall clock time."""
    gone, open_shade = Text(zh="已结束", en="Over"), Text(zh="持续", en="Lasting")
    shades = (
        Shade(views.NOW, views.NOW + views.HOUR, gone),
        Shade(views.NOW + views.HOUR, views.NOW + 2 * views.HOUR, gone),
        Shade(views.NOW, None, open_shade, "alarm"),
    )
    series = evolve(one_line([1.0, 2.0]), shades=shades)
    html = draw.view(series, language="en", chrome=frame)
    assert '<span class="shade ink-warning">Over × 2</span>' in html
    assert '<span class="shade ink-alarm">Lasting</span>' in html
    assert frame.now // 1000 + 8 * 3_600_000 == chart_data(html)["now"]
