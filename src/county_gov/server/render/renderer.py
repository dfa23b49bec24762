"""The renderer: built once, draws every page and every view."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from county_gov.contract.page import Figures, Map, Paragraphs, Series, Table, Timeline, View
from county_gov.contract.text import Text
from county_gov.server.render import actions, pages, series
from county_gov.server.render.address import Address, harmless
from county_gov.server.render.chrome import Chrome
from county_gov.server.render.geography import WIDTH, Geography
from county_gov.server.render.statuses import STATUS_WORDS
from county_gov.server.render.viewer import UNKNOWN, Viewer
from county_gov.server.render.words import translations

LANGUAGE_NAMES: Mapping[str, str] = {"zh": "中文", "en": "English"}
"""Languages of the interface by code, each in its own words; the default first."""
LANGUAGES = tuple(LANGUAGE_NAMES)

_TEMPLATE_OF: Mapping[type, str] = {
    Figures: "figures",
    Table: "table",
    Series: "series",
    Map: "map",
    Timeline: "timeline",
    Paragraphs: "paragraphs",
    pages.FormSheet: "form",
}


@frozen(eq=False)
class Renderer:
    """Draws pages; make one with `Renderer.build` and keep it.

    Args:
        environments: A template environment per language.
        geography: The county's areas, or None: maps are then drawn as tiles.
        map_notice: Licence or review number (审图号) printed under every map.
    """

    environments: Mapping[str, Environment]
    geography: Geography | None = None
    map_notice: Text | None = None

    @classmethod
    def build(
        cls,
        *,
        geography: Geography | None = None,
        map_notice: Text | None = None,
        static: str = "/static",
    ) -> Renderer:
        """Read the package's templates and words.

        Args:
            geography: The county's areas.
            map_notice: Printed under every map.
            static: Address under which ``county_gov/server/static`` is served.
        """
        assets = _Assets(root=static, version=_static_version())
        environments = {language: _environment(language, assets) for language in LANGUAGES}
        return cls(environments=environments, geography=geography, map_notice=map_notice)

    def page(
        self,
        template: str,
        *,
        language: str,
        chrome: Chrome,
        fragment: bool = False,
        **values: object,
    ) -> str:
        """Draw a page.

        Args:
            template: Name of the template, for example ``case.html``.
            language: "zh" or "en"; any other is drawn in Chinese.
            chrome: The frame.
            fragment: Only the content of ``<main>``, for a page that renews itself.
            values: What the template needs; see `county_gov.server.render.pages`.

        Raises:
            jinja2.TemplateNotFound: There is no such template.
            jinja2.UndefinedError: A value that the template needs was not given.
        """
        context = {**self._frame(language, chrome), **values}
        context["layout"] = "fragment.html" if fragment else "base.html"
        return self._environment(language).get_template(template).render(context)

    def view(self, view: View, *, language: str, chrome: Chrome) -> Markup:
        """Draw one view on its own."""
        context = {**self._frame(language, chrome), "view": view}
        template = self._environment(language).get_template(f"views/{view_name(view)}.html")
        return Markup(template.render(context))  # noqa: S704 (an autoescaped template's output)

    def _environment(self, language: str) -> Environment:
        return self.environments.get(language) or self.environments[LANGUAGES[0]]

    def _frame(self, language: str, chrome: Chrome) -> dict[str, object]:
        spoken = language if language in self.environments else LANGUAGES[0]
        viewer = Viewer(
            language=spoken,
            now=chrome.now,
            timezone=ZoneInfo(chrome.timezone),
            address=Address.parse(chrome.path).without("fragment"),
        )
        return {
            "chrome": chrome,
            "viewer": viewer,
            "geography": self.geography,
            "map_notice": self.map_notice,
        }


def view_name(view: View | pages.FormSheet) -> str:
    """Name of the template that draws a view.

    Raises:
        TypeError: It is none of the contract's views.
    """
    name = _TEMPLATE_OF.get(type(view))
    if name is None:
        known = ", ".join(sorted(kind.__name__.removesuffix("Sheet") for kind in _TEMPLATE_OF))
        raise TypeError(f"a page's views must be of {known}; got {type(view).__name__}")
    return name


@frozen
class _Assets:
    """Addresses of static files; the version in them lets browsers keep a file for ever."""

    root: str
    version: str

    def __call__(self, name: str) -> str:
        return f"{self.root}/{name}?v={self.version}"


def _environment(language: str, assets: _Assets) -> Environment:
    environment = Environment(
        loader=PackageLoader("county_gov.server", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # added by the extension
        translations(language), newstyle=True
    )
    environment.filters["view_name"] = view_name
    environment.globals.update(
        asset=assets,
        view_name=view_name,
        harmless=harmless,
        chart_json=series.chart_json,
        numbers=series.numbers,
        field_errors=actions.field_errors,
        Pager=pages.Pager,
        STATUS_WORDS=STATUS_WORDS,
        UNKNOWN=UNKNOWN,
        MAP_WIDTH=WIDTH,
        LANGUAGE_NAMES=LANGUAGE_NAMES,
    )
    return environment


def _static_version() -> str:
    """A digest of every static file, so that a changed file has a new address."""
    root = Path(str(files("county_gov.server"))) / "static"
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
