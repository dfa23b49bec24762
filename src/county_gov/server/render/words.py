"""The interface's own words, read from the .po file itself: no compiled copy can be stale."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations


def read_catalog() -> Catalog:
    """The Chinese catalogue; its msgids are the English words that stand in the templates.

    Raises:
        babel.messages.pofile.PoFileError: The file is damaged.
    """
    place = files("county_gov.server") / "translations" / "zh_CN" / "LC_MESSAGES" / "messages.po"
    return read_po(BytesIO(place.read_bytes()), locale="zh_CN", abort_invalid=True)


def translations(language: str) -> NullTranslations:
    """The gettext functions for one language of the interface, "zh" or "en"."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalog())
    compiled.seek(0)
    return Translations(compiled)
