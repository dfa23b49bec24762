"""The interface's words: complete, natural, and only in the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

import county_gov.server.render
from county_gov.server.render.words import read_catalog, translations

SERVER = Path(county_gov.server.render.__file__).parents[1]
METHODS = [("**.html", "jinja2")]
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def extracted() -> set[str]:
    """Every msgid of the templates."""
    options = {"**.html": {"trimmed": "true", "encoding": "utf-8"}}
    found = extract_from_dir(
        SERVER / "templates", METHODS, options, keywords=DEFAULT_KEYWORDS, strip_comment_tags=True
    )
    return {one[2] if isinstance(one[2], str) else one[2][0] for one in found}


def translated() -> dict[str, tuple[str, ...]]:
    """The Chinese words by msgid."""
    words: dict[str, tuple[str, ...]] = {}
    for message in read_catalog():
        msgid = message.id if isinstance(message.id, str) else message.id[0]
        text = message.string
        if msgid and not message.fuzzy:
            words[msgid] = (text,) if isinstance(text, str) else tuple(text or ())
    return words


def test_every_word_is_translated_and_none_is_left_over() -> None:
    """The catalogue has the templates' msgids, all of them and no others."""
    assert extracted() == set(translated())


def test_translations_are_chinese_and_keep_their_placeholders() -> None:
    """Each translation has Chinese characters and exactly the placeholders of its msgid."""
    for msgid, texts in translated().items():
        for text in texts:
            assert CHINESE.search(text), msgid
            assert sorted(PLACEHOLDER.findall(msgid)) == sorted(PLACEHOLDER.findall(text)), msgid


def test_templates_and_scripts_have_no_chinese_words() -> None:
    """No template or script of ours speaks Chinese by itself."""
    own = [*SERVER.glob("templates/**/*.html"), *SERVER.glob("static/*.*")]
    assert len(own) > 20
    assert [] == [path.name for path in own if CHINESE.search(path.read_text(encoding="utf-8"))]


def test_chinese_is_read_from_the_source_file() -> None:
    """The Chinese functions translate, the English ones leave the msgid."""
    assert ("待处理", "waiting") == tuple(
        translations(language).gettext("waiting") for language in ("zh", "en")
    )
