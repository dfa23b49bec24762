"""Checks of the plugin as a whole: its class, configuration, ids, texts and schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import attrs

from county_gov.contract.schema import Schema
from county_gov.registry.configuration import Secret, structure
from county_gov.registry.registry import DECLARATIONS, build_registry, implementation
from county_gov.testing.conformance.check import (
    Check,
    Nonconformity,
    Subject,
    identifier,
    require,
    texts_in,
)

if TYPE_CHECKING:
    from county_gov.contract.schema import Field

CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
WORDS = re.compile(r"[a-z]{3,}")
PUNCTUATION = "，。；：！？（）、"
REFERS = ("area", "unit", "thing", "person")
UNKNOWN_SETTING = "no_such_setting"


def plugin_checks(subject: Subject) -> Iterator[Check]:
    """Checks of the plugin as a whole, and of each contribution's id and texts."""
    name = f"plugin:{subject.plugin.name}"
    yield Check(
        f"{name}:declares",
        "Do its hooks return contributions, prefixed and only of their kind?",
        partial(_declares, subject),
    )
    yield Check(
        f"{name}:configuration",
        "Does its configuration come back from plain data as it was, and refuse what is unknown?",
        partial(_configuration, subject),
    )
    for key, item in subject.contributions().items():
        kind, _, contribution = key.partition(":")
        yield Check(
            f"{_singular(kind)}:{contribution}:texts",
            "Is every text there in Chinese, and no English text in Chinese?",
            partial(_texts, item),
        )
    datasets = frozenset(one.id for one in subject.declared("datasets"))
    for place, schemas in _schemas(subject):
        yield Check(
            f"{place}:schema",
            "Do its fields make sense: bounds, decimals, choices, references?",
            partial(_sound, schemas, datasets),
        )


def _singular(kind: str) -> str:
    return "policy" if kind == "alert_policies" else kind.removesuffix("s")


def _declares(subject: Subject) -> None:
    plugin = subject.plugin
    problems = []
    for kind, cls in DECLARATIONS.items():
        function = implementation(plugin.instance, kind)
        try:
            items = tuple(function()) if function else ()
        except Exception as error:
            raise Nonconformity(f"{kind}() raised {type(error).__name__}: {error}") from error
        ids = [identifier(one) for one in items]
        separator = "/" if kind == "pages" else "."
        for number, one in enumerate(items):
            if not isinstance(one, cls):
                problems.append(f"{kind}()[{number}] is no {cls.__name__}: {one!r}")
            elif not ids[number].startswith(plugin.name + separator):
                problems.append(f"the id {ids[number]!r} must begin with {plugin.name + separator}")
            elif ids.count(ids[number]) > 1:
                problems.append(f"the id {ids[number]!r} is given twice in {kind}()")
    require(not problems, "; ".join(problems))
    mine = [str(one) for one in build_registry([plugin])[1] if _is_own(str(one), plugin.name)]
    require(not mine, "; ".join(mine))


def _is_own(problem: str, plugin: str) -> bool:
    """Whether a problem lies in the plugin, not in others that its county would have."""
    missing = re.search(r"there is no \w+ '([^'./]+)", problem)
    return missing is None or missing[1] == plugin


def _configuration(subject: Subject) -> None:
    cls = subject.cls.Config
    first = _structured(cls, subject.config, subject.folder)
    with TemporaryDirectory() as folder:
        again = _structured(cls, _plain(first, Path(folder)), subject.folder)
        require(
            _comparable(first) == _comparable(again),
            f"as plain data and back it becomes {again!r} instead of {first!r}",
        )
    extra = {**subject.config, UNKNOWN_SETTING: 1}
    made, _problems = structure(extra, cls, place="config", folder=subject.folder)
    require(made is None, f"the unknown setting {UNKNOWN_SETTING!r} is taken: use an attrs class")


def _structured(cls: type[Any], data: Mapping[str, object], folder: Path) -> object:
    made, problems = structure(data, cls, place="config", folder=folder)
    if problems:
        raise Nonconformity("; ".join(map(str, problems)))
    return made


def _plain(value: object, folder: Path) -> Any:  # noqa: ANN401 (what TOML may hold)
    """A configuration as TOML would hold it; secrets go into files."""
    if isinstance(value, Secret):
        path = folder / f"secret-{len(list(folder.iterdir()))}"
        path.write_text(value.reveal(), encoding="utf-8")
        return {"file": str(path)}
    if isinstance(value, Path):
        return str(value.absolute())
    if attrs.has(type(value)):
        return {
            one.alias: _plain(inner, folder)
            for one in _fields(value)
            if one.init and (inner := getattr(value, one.name)) is not None
        }
    if isinstance(value, Mapping):
        return {key: _plain(one, folder) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one, folder) for one in value]
    require(
        isinstance(value, str | int | float | bool | date),
        f"its configuration holds {value!r}, which no deployment file can say",
    )
    return value


def _fields(value: object) -> tuple[attrs.Attribute[Any], ...]:
    cls: Any = type(value)
    return tuple(attrs.fields(cls))


def _comparable(value: object) -> object:
    if isinstance(value, Path):
        return value.absolute()
    if attrs.has(type(value)) and not isinstance(value, Secret):
        return tuple((one.name, _comparable(getattr(value, one.name))) for one in _fields(value))
    if isinstance(value, tuple | list):
        return tuple(_comparable(one) for one in value)
    if isinstance(value, Mapping):
        return tuple(sorted((key, _comparable(one)) for key, one in value.items()))
    return value


def _texts(item: object) -> None:
    problems = []
    for place, text in texts_in(item, identifier(item)):
        if not CHINESE.search(text.zh) and WORDS.search(text.zh):
            problems.append(f"{place}.zh is not Chinese: {text.zh!r}")
        if CHINESE.search(text.en) or any(mark in text.en for mark in PUNCTUATION):
            problems.append(f"{place}.en holds Chinese: {text.en!r}")
    require(not problems, "; ".join(problems))


def _schemas(subject: Subject) -> Iterator[tuple[str, tuple[Schema, ...]]]:
    """What has fields, each with its schemas."""
    for one in subject.declared("datasets"):
        yield f"dataset:{one.id}", (one.schema,)
    for one in subject.declared("parameters"):
        yield f"parameter:{one.id}", (Schema((one.field,)),)
    for one in subject.declared("commands"):
        yield f"command:{one.id}", (one.form,)
    for one in subject.declared("cli_commands"):
        yield f"cli_command:{one.id}", (one.options,)
    for source in subject.declared("sources"):
        for told in source.instructions:
            yield f"instruction:{source.id}.{told.id}", (told.form,)
    for workflow in subject.declared("workflows"):
        forms = (event.form for event in workflow.events)
        yield f"workflow:{workflow.id}", (workflow.data, *forms)


def _sound(schemas: tuple[Schema, ...], datasets: frozenset[str]) -> None:
    problems = [fault for one in schemas for fault in _schema_faults(one, datasets)]
    require(not problems, "; ".join(dict.fromkeys(problems)))


def _schema_faults(schema: Schema, datasets: frozenset[str]) -> Iterator[str]:
    for one in schema.fields:
        yield from (f"{one.name}: {fault}" for fault in _faults(one, datasets))
    for name in schema.key:
        if not schema[name].required:
            yield f"{name}: a key must be given; leave required as it is"
    if schema.event_time and schema[schema.event_time].dtype != "instant":
        yield f"{schema.event_time}: an event's time is an instant"


def _faults(one: Field, datasets: frozenset[str]) -> Iterator[str]:
    numeric = one.dtype in ("int64", "float64")
    low, high = one.minimum, one.maximum
    if low is not None and high is not None and low > high:
        yield f"its minimum {low:g} is above its maximum {high:g}"
    if one.decimals is not None and not (numeric and 0 <= one.decimals <= 9):  # noqa: PLR2004
        yield f"decimals {one.decimals}: expected 0 to 9, of a number"
    if one.choices and one.dtype != "text":
        yield f"choices are for text, not for {one.dtype}"
    words = [value for value, _ in one.choices]
    if len(words) != len(set(words)):
        yield "a choice is given twice"
    if one.unit and not numeric:
        yield f"a unit is for a number, not for {one.dtype}"
    if one.multiline and one.dtype != "text":
        yield f"several lines are for text, not for {one.dtype}"
    if one.refers and one.refers not in REFERS and "." not in one.refers:
        known = ", ".join((*REFERS, *sorted(datasets)))
        yield f"refers to {one.refers!r}; known: {known}"
    if one.refers == "person" and one.dtype != "int64":
        yield "refers to a person: an account's number is int64"
