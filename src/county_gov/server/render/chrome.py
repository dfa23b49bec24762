"""The frame round every page: county, scope, navigation, search, language and account."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from county_gov.contract.text import Text

Icon = Literal[
    "dashboard",
    "alert",
    "case",
    "records",
    "settings",
    "source",
    "quarantine",
    "outbox",
    "job",
    "plugin",
    "account",
    "chart",
    "page",
]
"""Symbols of the sprite that a navigation entry may carry."""


@frozen
class NavigationEntry:
    """One page of the navigation.

    Args:
        title: Its name.
        href: Its address.
        current: Whether it is the page being read.
        badge: How many matters wait there; 0 shows nothing.
        icon: Its symbol.
    """

    title: Text
    href: str
    current: bool = False
    badge: int = 0
    icon: Icon = "page"


@frozen
class Person:
    """Who is logged in: the name shown and the roles held."""

    name: Text
    roles: tuple[Text, ...] = ()


@frozen
class Flash:
    """What was done just now, and what comes next."""

    text: Text
    next_step: Text | None = None
    status: Literal["good", "warning"] = "good"


@frozen(eq=False)
class Chrome:
    """Everything the frame needs.

    Args:
        county_name: Shown first on every page.
        title: What kind of page it is ("Alerts"), for the browser's title and above the headline.
        headline: The answer ("3 cases are overdue"); the title where there is none.
        path: Path and query of this page: links that sort, page or change language keep them.
        now: The moment of drawing, microseconds UTC.
        navigation: Pages that this person may open, in order.
        area_scope: What part of the county is shown, in words.
        person: Who is logged in, or None on pages before login.
        search: Address that takes ``q``, empty for no search.
        events: Address of the event stream; empty on a page that does not change by itself.
        refresh_on: Kinds of live events after which the page is drawn anew.
        flash: What was done just now.
        timezone: IANA name of the county's local time.
        request_id: Shown on problem pages and in the footer.
        attributions: Data licences that the footer states.
        login, logout, language, account: Addresses of these actions; ``language`` takes a POST of
            ``language`` and ``next``, ``logout`` an empty POST.
    """

    county_name: Text
    title: Text
    path: str
    now: int
    headline: Text | None = None
    navigation: tuple[NavigationEntry, ...] = ()
    area_scope: Text | None = None
    person: Person | None = None
    search: str = ""
    events: str = ""
    refresh_on: tuple[str, ...] = ()
    flash: Flash | None = None
    timezone: str = "Asia/Shanghai"
    request_id: str = ""
    attributions: tuple[Text, ...] = ()
    login: str = "/login"
    logout: str = "/logout"
    language: str = "/language"
    account: str = "/account"

    @property
    def live(self) -> bool:
        """Whether the page changes by itself."""
        return bool(self.events and self.refresh_on)
