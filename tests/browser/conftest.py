"""One browser for all, and for each module a county of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site, Template, served, set_up
from tests.browser.visitors import Visitors
from tests.server.render.preview import browser


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Set a county up once; each module serves a copy of its folder."""
    return set_up(tmp_path_factory.mktemp("browsed-county"))


@pytest.fixture(scope="session")
def chrome(chromium: Path) -> Iterator[Browser]:
    """The system's browser."""
    with browser(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def site(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The county, served by its own process."""
    with served(template, tmp_path_factory.mktemp("served") / "county") as running:
        yield running


@pytest.fixture
def visitors(chrome: Browser, site: Site) -> Iterator[Visitors]:
    """People who visit; afterwards no browser may have complained."""
    found = Visitors(chrome, site)
    yield found
    for context in chrome.contexts:
        context.close()
    assert [] == found.complaints
