"""What docs/reference/settings.md must say, from the classes that read the deployment file."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import attrs
import msgspec

from county_gov.contract.text import Text
from county_gov.deployment.settings import Settings
from county_gov.registry.configuration import Secret

WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "truth",
    Path: "path",
    Secret: "secret",
    Text: "text in two languages",
    dict[str, object]: "table",
}
REQUIRED = "required"
NONE = "none"


def tables() -> Iterator[tuple[str, type]]:
    """Each table of the file as TOML writes its head, and the class that reads it."""
    yield from _below(Settings, "")


def _below(cls: type, path: str) -> Iterator[tuple[str, type]]:
    for field in fields_of(cls):
        name = f"{path}.{field.name}" if path else field.name
        kind, inner = _without_none(field.type), _without_none(field.type)
        head = f"[{name}]"
        if typing.get_origin(kind) is tuple:
            inner, head = typing.get_args(kind)[0], f"[[{name}]]"
        elif typing.get_origin(kind) is dict:
            inner, head, name = typing.get_args(kind)[1], f"[{name}.<id>]", f"{name}.<id>"
        if attrs.has(inner) and inner is not Text:
            yield head, inner
            yield from _below(inner, name)


def fields_of(cls: type) -> list[attrs.Attribute[Any]]:
    """The settings of one table."""
    return [one for one in attrs.fields(attrs.resolve_types(cls)) if one.init]


def is_table(field: attrs.Attribute[Any]) -> bool:
    """Whether a setting is a table of its own, described under its own heading."""
    kind = _without_none(field.type)
    inner = (
        typing.get_args(kind)[-1 if typing.get_origin(kind) is dict else 0]
        if (typing.get_args(kind))
        else kind
    )
    return attrs.has(inner) and inner is not Text


def type_words(field: attrs.Attribute[Any]) -> str:
    """What a setting's value is."""
    kind = _without_none(field.type)
    if kind == tuple[str, ...]:
        return "list of texts"
    if kind == tuple[Text, ...]:
        return "list of texts in two languages"
    if typing.get_origin(kind) is typing.Literal:
        return "text"
    return WORDS[kind]


def default_words(field: attrs.Attribute[Any]) -> str:
    """A setting's default as the page writes it: as TOML, or "required", or "none"."""
    if field.default is attrs.NOTHING:
        return REQUIRED
    factory = getattr(field.default, "factory", None)
    value = factory() if factory else field.default
    if value is None:
        return NONE
    return f"`{toml(value)}`"


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{}"
    return msgspec.json.encode(value).decode()


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, UnionType):
        return next(one for one in typing.get_args(kind) if one is not NoneType)
    return kind
