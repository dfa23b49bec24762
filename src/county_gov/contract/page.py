"""Pages: a plugin says what is shown, the core draws it, alike and accessibly everywhere.

A page's ``views`` function is given a `PageContext` and returns typed views. No plugin ships HTML.

For example:

    async def levels(ctx: PageContext) -> tuple[View, ...]:
        latest = await ctx.read.latest(observed_property="water_level")
        figures = tuple(Figure(Text(zh=one.datastream.thing), one.value, "m") for one in latest)
        return (Figures(Text(zh="水位", en="Levels"), figures),)

    Page(
        path="reservoir/levels",
        title=Text(zh="水库水位", en="Reservoir levels"),
        permission="reservoir.read",
        views=levels,
        actions=("reservoir.take_over", "reservoir.patrol:close"),
    )
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from county_gov.contract.context import PageContext
    from county_gov.contract.schema import Value
    from county_gov.contract.text import Text

Status = Literal["neutral", "good", "notice", "warning", "alarm", "urgent", "stale", "unknown"]
"""How a thing stands. The renderer gives each a colour, a word and a shape, never colour alone:
neutral, good (正常), notice (提示), warning (关注), alarm (警戒), urgent (紧急), stale (数据陈旧),
unknown (未知)."""

Cell = str | int | float | None
"""What a table cell may hold; instants are int microseconds UTC in a column of kind "instant"."""


@frozen(eq=False)
class Figure:
    """One number with all that makes it honest.

    Args:
        label: What is counted or measured.
        value: The number, or None where it is unknown (drawn as "—", never as zero).
        unit: Unit symbol, empty for a count.
        state: How the number stands.
        decimals: Digits after the point.
        n: How many observations or matters the number rests on.
        low, high: Bounds of its interval where it is an estimate.
        as_of: Instant that it speaks of, microseconds UTC.
        definition: Name and version of its definition.
        href: Where the matters behind the number are listed.
    """

    label: Text
    value: float | None
    unit: str = ""
    status: Status = "neutral"
    decimals: int = 0
    n: int | None = None
    low: float | None = None
    high: float | None = None
    as_of: int | None = None
    definition: str = ""
    href: str = ""


@frozen(eq=False)
class Figures:
    """A row of figures."""

    title: Text
    figures: tuple[Figure, ...]
    id: str = "figures"


@frozen(eq=False)
class Column:
    """A table's column. ``unit`` stands in the head; numbers are right-aligned.

    ``refers`` says what its cells are the codes of, as `Field` has it: names are shown for them.
    """

    key: str
    title: Text
    kind: Literal["text", "number", "instant", "state", "link"] = "text"
    unit: str = ""
    decimals: int = 0
    sortable: bool = True
    refers: str = ""


@frozen(eq=False)
class Row:
    """A table's row: cells by column key; a state column's cell holds a `Status`.

    ``href`` makes the row's first cell a link; ``texts`` gives words for cells that are `Text`.
    ``case`` is the id of a case: the page's actions that are events of its workflow are offered in
    the row, as far as who looks may make them now.
    """

    cells: Mapping[str, Cell]
    texts: Mapping[str, Text] = field(factory=dict)
    href: str = ""
    status: Status = "neutral"
    case: str = ""


@frozen(eq=False)
class Table:
    """Rows with sort, filter and page in the URL, and export to CSV.

    ``total`` is the number of rows before paging; ``empty`` says what to do when there are none.
    """

    id: str
    title: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int
    empty: Text
    page: int = 1
    page_size: int = 50
    sort: str = ""
    """Column key, with a leading "-" for descending."""
    export: str = ""
    """Address of the CSV of the whole table, empty for none."""


@frozen(eq=False)
class Limit:
    """A labelled horizontal line in a chart."""

    value: float
    label: Text
    status: Status = "warning"


@frozen(eq=False)
class Shade:
    """A shaded stretch of time, for example an alert episode; ``end`` None means open."""

    start: int
    end: int | None
    label: Text
    status: Status = "warning"


@frozen(eq=False)
class Line:
    """One line of a chart; ``values`` holds NaN where there is a gap, which stays a gap.

    Args:
        times: Instants, int64 microseconds UTC, shape (n,).
        values: float64, shape (n,).
        low, high: Bounds of uncertainty, same shape, where known.
    """

    label: Text
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@frozen(eq=False)
class Series:
    """A chart over time. ``title`` is a sentence; a table of the same numbers stands beside it.

    ``live`` names datastream codes whose new readings extend the chart as they arrive.
    """

    id: str
    title: Text
    unit: str
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...] = ()
    shades: tuple[Shade, ...] = ()
    decimals: int = 0
    live: tuple[str, ...] = ()


@frozen(eq=False)
class Shape:
    """An area on the map, drawn from the county's own GeoJSON by its code, coloured by state.

    ``case`` as in `Row`; its events are offered in the list beside the map.
    """

    area: str
    status: Status
    label: Text
    value: str = ""
    href: str = ""
    case: str = ""


@frozen(eq=False)
class Marker:
    """A point on the map. Degrees WGS 84.

    ``area`` is the area it stands in: the list beside the map then names the place once, by the
    marker. ``case`` as in `Row`; its events are offered in the list beside the map.
    """

    longitude: float
    latitude: float
    status: Status
    label: Text
    value: str = ""
    href: str = ""
    area: str = ""
    case: str = ""


@frozen(eq=False)
class Map:
    """The county's areas coloured by state, with markers; a list of the same stands beside it."""

    id: str
    title: Text
    shapes: tuple[Shape, ...] = ()
    markers: tuple[Marker, ...] = ()


@frozen(eq=False)
class Entry:
    """One moment of a timeline."""

    at: int
    title: Text
    actor: str = ""
    details: tuple[tuple[Text, str], ...] = ()
    status: Status = "neutral"


@frozen(eq=False)
class Timeline:
    """What happened, newest last."""

    id: str
    title: Text
    entries: tuple[Entry, ...]


@frozen(eq=False)
class Paragraphs:
    """Plain words; never HTML."""

    id: str
    title: Text
    paragraphs: tuple[Text, ...]


@frozen(eq=False)
class Form:
    """A command's form, open on the page; it is left out for those who may not use the command.

    Args:
        id: Unique on the page.
        title: Above the form.
        command: Id of the `Command`; the page need not name it in ``actions`` as well.
        values: What its fields hold at first, by name, as the command would be given them.
    """

    id: str
    title: Text
    command: str
    values: Mapping[str, Value] = field(factory=dict)


View = Figures | Table | Series | Map | Timeline | Paragraphs | Form


@frozen(eq=False)
class Page:
    """A page of the console.

    Args:
        path: Below ``/``, begins with the plugin's name, for example ``sensors/stations``.
        title: In the navigation.
        permission: Who may open it. It opens the page and nothing else: what ``views`` reads is for
            each kind of thing's own permission to say (see `PageContext`).
        views: Async function that computes the views for one request, within 10 seconds.
        headline: Async function giving the page's title as an answer ("3 cases are overdue").
        order: Place in the navigation, low first.
        refresh_on: Kinds of live events after which the page is drawn anew
            ("observations", "alert", "case").
        actions: What the page offers, in this order. The id of a command of any enabled plugin
            becomes a button below the views, left out for those who lack its permission.
            ``"<workflow>:<event>"``, such as "reservoir.patrol:close", is an event of a case: it is
            offered in each `Row`, `Marker` and `Shape` whose ``case`` is of that workflow, where
            the workflow lets who looks make it now (permission, state, task). Its form comes back
            to this page. At most 200 cases of a page offer events.
    """

    path: str
    title: Text
    permission: str
    views: Callable[[PageContext], Awaitable[tuple[View, ...]]]
    headline: Callable[[PageContext], Awaitable[Text]] | None = None
    order: int = 100
    refresh_on: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
