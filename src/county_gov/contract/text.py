"""Texts in the two languages of the interface."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen
class Text:
    """A text in Chinese (compulsory) and English (falls back to Chinese).

    >>> Text(zh="警戒", en="warning").in_language("en")
    'warning'
    """

    zh: str = field(validator=validators.min_len(1))
    en: str = ""

    def in_language(self, language: str) -> str:
        """The text in ``language`` ("zh" or "en"), Chinese where English is missing."""
        return self.en if language.startswith("en") and self.en else self.zh

    def __str__(self) -> str:
        return self.zh
