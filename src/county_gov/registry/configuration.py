"""Strict structuring of configuration: every mistake at once, each with its place and way out.

Numbers are not made from texts, texts not from numbers, a list not from a text, and an unknown key
is an error. Secrets come from the environment or from a file, and never show themselves.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from county_gov.contract.text import Text
from county_gov.errors import Problem

T = TypeVar("T")
LONGEST_WORD = 200
"""Characters of an id, and of a word that is compared with known ones."""
SHOWN = 60
"""Characters of a wrong value that a message shows."""


class Secret:
    """A value that never shows itself; `reveal` gives it.

    >>> Secret("key")
    Secret('***')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; keep it out of logs and errors."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class SecretUnknown(LookupError):
    """A secret cannot be read; the message says why, and what to do."""


class Secrets:
    """Where secrets are read: the environment, and files beneath a folder.

    Args:
        folder: Where relative paths begin.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, kind: str, where: str) -> str:
        """The value of ``{ env = where }`` or ``{ file = where }``.

        Raises:
            SecretUnknown: if it is not there.
        """
        if kind == "env":
            found = os.environ.get(where)
            if not found:
                raise SecretUnknown(
                    f"the environment variable {where} is not set; set it before starting"
                )
            return found
        path = self._folder / where
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretUnknown(
                f"cannot read the secret file {path} ({error.strerror}); create it or name another"
            ) from error

    def named_in(self, config: object) -> dict[str, dict[str, str]]:
        """Every secret that a configuration names, for a process that can read none itself.

        What cannot be read is left out; structuring the configuration says so where it matters.
        """
        found: dict[str, dict[str, str]] = {"env": {}, "file": {}}
        for kind, where in _named(config):
            with contextlib.suppress(SecretUnknown):
                found[kind][where] = self.read(kind, where)
        return found


class KnownSecrets(Secrets):
    """Secrets that were read before, by kind and name; no others can be read.

    Args:
        known: As `Secrets.named_in` gives them.
    """

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(Path())
        self._known = known

    def read(self, kind: str, where: str) -> str:
        """The value that was read before."""
        try:
            return self._known[kind][where]
        except KeyError:
            raise SecretUnknown(f"the secret {{ {kind} = {where!r} }} is not there") from None


def _named(config: object) -> Iterator[tuple[str, str]]:
    """Kind and name of each secret in plain data."""
    if isinstance(config, Mapping):
        if len(config) == 1:
            ((kind, where),) = config.items()
            if kind in ("env", "file") and isinstance(where, str):
                yield kind, where
        for one in config.values():
            yield from _named(one)
    elif isinstance(config, list | tuple):
        for one in config:
            yield from _named(one)


class Misfit(ValueError):
    """A value that is not what is expected there; the message says both."""


def structure(
    data: object,
    cls: type[T],
    *,
    place: str,
    folder: Path,
    hide: bool = False,
    secrets: Secrets | None = None,
) -> tuple[T | None, list[Problem]]:
    """Make ``cls`` of plain data, or say everything that is wrong with it.

    Args:
        data: What the TOML file holds there.
        cls: An attrs class.
        place: File, and dotted path within it where it is not the whole.
        folder: Where relative paths and secret files are looked for.
        hide: Whether values are left out of messages.
        secrets: Where secrets are read; the environment and the folder unless given.

    Returns:
        The object and no problems, or None and at least one problem.
    """
    converter = _converter(folder, secrets or Secrets(folder))
    try:
        return converter.structure(data, cls), []
    except Exception as error:  # noqa: BLE001 every kind is turned into problems below
        return None, list(_problems(error, place, hide=hide))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint naming the nearest known word, or the known words where none is near.

    What is longer than `LONGEST_WORD` is near to nothing: comparing takes the product of lengths.
    """
    short = [one for one in known if len(one) <= LONGEST_WORD]
    near = len(word) <= LONGEST_WORD
    close = difflib.get_close_matches(word, short, n=1, cutoff=0.6) if near else []
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(sorted(known)) if known else "nothing is known here"


def _converter(folder: Path, secrets: Secrets) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, words in ((str, "text"), (int, "a whole number"), (bool, "true or false")):
        converter.register_structure_hook(kind, _exactly(kind, words))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(date, _date)
    converter.register_structure_hook(Secret, lambda value, _: _secret(value, secrets))
    path = _exactly(str, "a path")
    converter.register_structure_hook(Path, lambda value, _: folder / path(value, str))
    converter.register_structure_hook(Text, lambda value, _: _text(converter, value))
    # What a plugin is told is checked later, against its own class.
    converter.register_structure_hook_func(lambda cls: cls is object, lambda value, _: value)
    converter.register_structure_hook_factory(_is_tuple, lambda cls: _tuple(converter, cls))
    converter.register_structure_hook_factory(_is_mapping, lambda cls: _mapping(converter, cls))
    converter.register_structure_hook_factory(_is_literal, _literal)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _class(converter, cls))
    return converter


def _exactly(kind: type, words: str) -> typing.Callable[[object, object], Any]:
    def convert(value: object, _cls: object) -> object:
        if type(value) is not kind:
            raise _misfit(words, value)
        return value

    return convert


def _number(value: object, _cls: object) -> float:
    if type(value) not in (int, float):
        raise _misfit("a number", value)
    return float(cast("float", value))


def _date(value: object, _cls: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _misfit("a date such as 2026-03-01 (without quotes)", value)
    return value


def _secret(value: object, secrets: Secrets) -> Secret:
    form = '{ env = "NAME" } or { file = "path" }'
    if not isinstance(value, Mapping) or len(value) != 1 or not {"env", "file"} & set(value):
        msg = f"expected {form}: a secret does not stand in the file itself"
        raise Misfit(msg)
    ((kind, where),) = value.items()
    if not isinstance(where, str):
        msg = f"expected {form}"
        raise Misfit(msg)
    try:
        return Secret(secrets.read(kind, where))
    except SecretUnknown as error:
        raise Misfit(str(error)) from error


def _text(converter: cattrs.Converter, value: object) -> Text:
    if isinstance(value, str) and value:
        return Text(zh=value)
    if not isinstance(value, Mapping):
        raise _misfit('text, or { zh = "…", en = "…" }', value)
    return cast("Text", _class(converter, Text)(value, Text))


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _is_mapping(cls: Any) -> bool:
    return get_origin(cls) in (dict, Mapping)


def _is_literal(cls: Any) -> bool:
    return get_origin(cls) is typing.Literal


def _tuple(converter: cattrs.Converter, cls: Any) -> typing.Callable[[object, object], Any]:
    kind: Any = types.GenericAlias(list, (get_args(cls)[0],))
    inner = converter.get_structure_hook(kind)

    def convert(value: object, _cls: object) -> object:
        if not isinstance(value, list):
            raise _misfit("a list", value)
        return tuple(inner(value, kind))

    return convert


def _mapping(converter: cattrs.Converter, cls: Any) -> typing.Callable[[object, object], Any]:
    item = get_args(cls)[1]

    def convert(value: object, _cls: object) -> object:
        if not isinstance(value, Mapping):
            raise _misfit("a table", value)
        result, errors = {}, []
        for key, one in value.items():
            try:
                result[key] = converter.structure(one, item)
            except Exception as error:  # noqa: BLE001 collected, so that all are reported at once
                error.add_note(f"key:{key}")
                errors.append(error)
        if errors:
            message = "mistakes in a table"
            raise ExceptionGroup(message, errors)
        return result

    return convert


def _literal(cls: Any) -> typing.Callable[[object, object], Any]:
    choices = get_args(cls)

    def convert(value: object, _cls: object) -> object:
        if value not in choices:
            shown = " or ".join(repr(one) for one in choices)
            raise _misfit(shown, value)
        return value

    return convert


def _class(converter: cattrs.Converter, cls: Any) -> typing.Callable[[object, object], Any]:
    inner = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)

    def convert(value: object, kind: object) -> object:
        if not isinstance(value, Mapping):
            raise _misfit("a table", value)
        try:
            return inner(value, kind)
        except cattrs.ClassValidationError as error:
            refused = list(_refused_by_validators(converter, cls, value))
            others = [one for one in error.exceptions if not (refused and _from_init(one))]
            message = "mistakes in a table"
            raise ExceptionGroup(message, [*others, *refused]) from None

    return convert


def _from_init(error: BaseException) -> bool:
    """Whether an error is what a validator said, without the place that it said it of."""
    return not _step(error) and not isinstance(error, cattrs.ForbiddenExtraKeysError)


def _refused_by_validators(
    converter: cattrs.Converter, cls: Any, value: Mapping[str, object]
) -> Iterator[Exception]:
    """What the validators of a class say of each value that has the right type."""
    for attribute in attrs.fields(attrs.resolve_types(cls)):
        if attribute.validator is None or attribute.alias not in value:
            continue
        try:
            one = converter.structure(value[attribute.alias], attribute.type)
        except Exception:  # noqa: BLE001, S112 its type is wrong: that is reported already
            continue
        try:
            attribute.validator(None, attribute, one)
        except ValueError as error:
            error.add_note(cattrs.AttributeValidationNote("", attribute.alias, attribute.type))
            yield error


def _misfit(expected: str, got: object) -> Misfit:
    return Misfit(f"expected {expected}, got {_shown(got)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _problems(error: BaseException, place: str, *, hide: bool) -> Iterator[Problem]:
    """Walk the tree of errors and give each leaf its dotted path."""
    here = place + _step(error)
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [one.alias for one in attrs.fields(attrs.resolve_types(error.cl))]
        for key in sorted(error.extra_fields):
            yield Problem(f"{here}.{key}", f"unknown setting; {did_you_mean(key, known)}")
    elif isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _problems(one, here, hide=hide)
    elif isinstance(error, KeyError) and error.args:
        missing = f".{error.args[0]}"
        yield Problem(here if here.endswith(missing) else here + missing, "is missing")
    elif isinstance(error, Misfit) and hide:
        yield Problem(here, str(error).split(", got ", maxsplit=1)[0])
    else:
        yield Problem(here, str(error.args[0]) if error.args else type(error).__name__)


def _step(error: BaseException) -> str:
    """The part of the path that an error's notes tell."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, cattrs.AttributeValidationNote):
            return f".{note.name}"
        if isinstance(note, cattrs.IterableValidationNote):
            return f"[{note.index}]"
        if isinstance(note, str) and note.startswith("key:"):
            return f".{note[4:]}"
    return ""
