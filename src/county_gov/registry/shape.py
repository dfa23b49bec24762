"""Whether values are what the contract's annotations say."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar, get_args, get_origin

import attrs
import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from county_gov import api
from county_gov.errors import ContractError

SHOWN = 60
"""Characters of a wrong value that a message shows."""


@define(eq=False)
class Shapes:
    """The types of the fields of the contract's classes, looked up once each."""

    _known: dict[type, Mapping[str, Any]] = field(factory=dict, init=False)

    def of(self, cls: type) -> Mapping[str, Any]:
        """Type by the name of the argument, for an attrs class of the contract."""
        found = self._known.get(cls)
        if found is None:
            names = {**vars(typing), **vars(api), "np": np, "NDArray": NDArray}
            names |= {"Mapping": Mapping, "Callable": Callable, "Sequence": Sequence}
            hints = typing.get_type_hints(cls, localns=names)
            found = {one.alias: hints[one.name] for one in attrs.fields(cls) if one.init}
            self._known[cls] = found
        return found

    def require(self, cls: type, values: Mapping[str, object]) -> None:
        """Check arguments before an object is made of them.

        Raises:
            ContractError: naming the first that is not what the class says.
        """
        hints = self.of(cls)
        for name, value in values.items():
            if name not in hints:
                raise ContractError(f"{cls.__name__} has no field {name!r}")
            if not fits(value, hints[name]):
                raise ContractError(
                    f"{cls.__name__}.{name}: expected {words(hints[name])}, got {shown(value)}"
                )


def require(value: object, hint: Any, place: str) -> None:
    """Check a result.

    Raises:
        ContractError: if it is not what the contract says.
    """
    if not fits(value, hint):
        raise ContractError(f"{place}: expected {words(hint)}, got {shown(value)}")


def fits(value: Any, hint: Any) -> bool:  # noqa: C901, PLR0911, PLR0912 (one branch a kind)
    """Whether a value is what an annotation says, as far down as the annotation goes."""
    if hint is Any or hint is object or isinstance(hint, TypeVar):
        return True
    if hint is None or hint is types.NoneType:
        return value is None
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in parts)
    if origin is typing.Literal:
        return any(value == one and type(value) is type(one) for one in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(parts) == 2 and parts[1] is Ellipsis:  # noqa: PLR2004 (tuple[X, ...])
            return all(fits(one, parts[0]) for one in value)
        return len(value) == len(parts) and all(map(fits, value, parts))
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and _fits_dtype(value, parts)
    if origin is Callable or hint is Callable:
        return callable(value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(key, parts[0]) and fits(one, parts[1]) for key, one in value.items()
        )
    if isinstance(origin, type) and issubclass(origin, Sequence | AbstractSet):
        return isinstance(value, origin) and all(fits(one, parts[0]) for one in value)
    kind = origin or hint
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    if kind is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _fits_dtype(value: NDArray[Any], parts: tuple[Any, ...]) -> bool:
    inner = get_args(parts[-1]) if parts else ()
    kind = inner[0] if inner else Any
    if kind is Any or not isinstance(kind, type):
        return True
    return issubclass(value.dtype.type, kind)


def words(hint: Any) -> str:
    """An annotation in words."""
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint.__name__
    return str(hint).replace("county_gov.contract.", "").replace("typing.", "")


def shown(value: object) -> str:
    """A wrong value in a few words; only its beginning is looked at, however much it holds."""
    name = type(value).__name__
    if isinstance(value, str | bytes):
        text = repr(value[: SHOWN + 1])
    elif isinstance(value, np.ndarray):
        text = f"of {value.dtype} and shape {value.shape}"
    elif isinstance(value, Mapping | Sequence | AbstractSet):
        text = f"of {len(value)}"
    else:
        text = "" if attrs.has(type(value)) else repr(value)
    text = f"{name} {text}".rstrip()
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
