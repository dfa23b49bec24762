"""Values on their way between the county and a plugin's process: plain data and raw columns.

Scalars travel as MessagePack. Everything else is a list that begins with a tag: containers, objects
of the contract (by the name under which `county_gov.api` exports their class), exceptions of
`county_gov.errors`, and references to functions. Columns of numbers, columns of texts (as lengths
and one run of UTF-8) and long bytes travel beside the tree, in the order in which the tree names
them, so that none can be named twice. What a message costs to read is bounded before it is decoded
(`tree`). Nothing that arrives is ever executed; what does not fit the contract is refused.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import msgspec
import numpy as np
from attrs import define, field

from county_gov import api, errors
from county_gov.contract.batch import Batch
from county_gov.contract.text import Text
from county_gov.errors import ContractError, CountyGovError
from county_gov.registry.isolation import tree as trees
from county_gov.registry.shape import Shapes, fits, shown, words

Tree: TypeAlias = Any
Function: TypeAlias = Callable[..., Any]

CLASSES: Mapping[str, type] = MappingProxyType(
    {name: one for name, one in vars(api).items() if isinstance(one, type) and attrs.has(one)}
)
"""Classes of the contract whose objects may cross."""
ERRORS: Mapping[str, type[CountyGovError]] = MappingProxyType(
    {
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, CountyGovError)
    }
)
DTYPES = frozenset(
    "|b1 |i1 |u1 <i2 <u2 <i4 <u4 <i8 <u8 <f4 <f8".split()  # noqa: SIM905 (reads better)
)
ALIGNED = 8
LENGTHS = "<i4"
"""Dtype of the lengths of a column of texts, in bytes; -1 for nothing."""
BESIDE = 1024
"""Bytes from which on a value of bytes travels beside the tree."""
MOST_TEXTS = 1_000_000
"""Rows of all text columns of a message."""
MOST_OF_SET = 1000
LONGEST_ERROR = 2000
"""Characters of an error's text."""


class Tag(IntEnum):
    """What a list of the tree stands for."""

    TUPLE = 0
    LIST = 1
    MAPPING = 2
    OBJECT = 3
    COLUMN = 4
    OBJECTS = 5
    FUNCTION = 6
    ERROR = 7
    DATE = 8
    SET = 9
    TEXTS = 10
    BYTES = 11


TAGS: Mapping[int, Tag] = MappingProxyType({int(one): one for one in Tag})


@define(eq=False)
class Packer:
    """Makes one message of values.

    Args:
        functions: Where functions are kept under their references; None leaves them out, so that
            the other side has the field's default.
    """

    functions: dict[str, Function] | None = None
    buffers: list[memoryview] = field(factory=list, init=False)
    size: int = field(default=0, init=False)
    """Bytes of the buffers."""

    def message(self, value: object, place: str = "") -> bytes:
        """The tree of a value, as MessagePack; `buffers` holds its columns.

        Raises:
            ContractError: if something in it cannot cross.
        """
        try:
            return msgspec.msgpack.encode(self.pack(value, place))
        except (OverflowError, UnicodeEncodeError, RecursionError) as error:
            raise ContractError(f"{place or 'a value'} cannot leave the process: {error}") from None

    def pack(self, value: Any, place: str) -> Tree:  # noqa: C901, PLR0911 (one branch a kind)
        """The tree of a value; ``place`` names it in errors and references."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, np.ndarray):
            return self._column(value, place)
        if isinstance(value, np.generic):
            return self.pack(value.item(), place)
        if isinstance(value, Batch) or (attrs.has(type(value)) and not isinstance(value, type)):
            return self._object(value, place)
        if isinstance(value, tuple | list):
            tag = Tag.TUPLE if isinstance(value, tuple) else Tag.LIST
            return [tag, *(self.pack(one, f"{place}/{at}") for at, one in enumerate(value))]
        if isinstance(value, Mapping):
            return [Tag.MAPPING, *self._pairs(value, place)]
        if isinstance(value, frozenset | set):
            return [Tag.SET, *(self.pack(one, place) for one in value)]
        if isinstance(value, BaseException):
            return self._error(value, place)
        if type(value) is date:
            return [Tag.DATE, value.isoformat()]
        if isinstance(value, str | int | float):
            return self.pack(_plain(value), place)
        raise ContractError(f"{place}: {type(value).__name__} objects cannot cross to the county")

    def _pairs(self, value: Mapping[Any, Any], place: str) -> Iterator[Tree]:
        for key, one in value.items():
            if not isinstance(key, str):
                raise ContractError(f"{place}: the keys of a mapping are texts, got {shown(key)}")
            yield _plain(key)
            yield self.pack(one, f"{place}/{key}")

    def _bytes(self, value: bytes) -> Tree:
        if len(value) < BESIDE:
            return bytes(value)
        self._beside(memoryview(value))
        return [Tag.BYTES, len(value)]

    def _beside(self, buffer: memoryview) -> None:
        self.buffers.append(buffer)
        missing = -buffer.nbytes % ALIGNED
        if missing:
            self.buffers.append(memoryview(bytes(missing)))
        self.size += buffer.nbytes + missing

    def _column(self, column: np.ndarray[Any, Any], place: str) -> Tree:
        if column.ndim != 1:
            raise ContractError(f"{place}: expected one dimension, got shape {column.shape}")
        if column.dtype.kind in "OU":
            values = column.tolist()
            if all(one is None or isinstance(one, str) for one in values):
                return self._texts(values)
            return [Tag.OBJECTS, *(self.pack(one, place) for one in values)]
        column = np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False))
        if column.dtype.str not in DTYPES:
            raise ContractError(f"{place}: columns of {column.dtype} cannot cross")
        self._beside(column.data.cast("B") if len(column) else memoryview(b""))
        return [Tag.COLUMN, column.dtype.str, len(column)]

    def _texts(self, values: Sequence[str | None]) -> Tree:
        encoded = [b"" if one is None else one.encode() for one in values]
        lengths = np.fromiter(map(len, encoded), LENGTHS, len(encoded))
        lengths[[row for row, one in enumerate(values) if one is None]] = -1
        joined = b"".join(encoded)
        self._beside(lengths.data.cast("B") if values else memoryview(b""))
        self._beside(memoryview(joined))
        return [Tag.TEXTS, len(values), len(joined)]

    def _object(self, value: Any, place: str) -> Tree:
        name = type(value).__name__
        if CLASSES.get(name) is not type(value):
            raise ContractError(f"{place}: {name} objects are not part of the contract")
        packed: list[Tree] = [Tag.OBJECT, name]
        for attribute in attrs.fields(CLASSES[name]):
            if not attribute.init:
                continue
            one, where = getattr(value, attribute.name), f"{place}/{attribute.name}"
            of = f"{name}.{attribute.name}"
            if _is_function(one):
                if self.functions is not None:
                    packed += (attribute.alias, self._function(one, where, of))
            elif isinstance(one, tuple) and one and all(map(_is_function, one)):
                if self.functions is not None:
                    found = enumerate(one)
                    several = (self._function(each, f"{where}/{at}", of) for at, each in found)
                    packed += (attribute.alias, [Tag.TUPLE, *several])
            else:
                packed += (attribute.alias, self.pack(one, where))
        return packed

    def _function(self, function: Function, where: str, of: str) -> Tree:
        if self.functions is not None:
            self.functions[where] = function
        return [Tag.FUNCTION, where, of]

    def _error(self, error: BaseException, place: str) -> Tree:
        name = next((one.__name__ for one in type(error).__mro__ if one.__name__ in ERRORS), "")
        if not name:
            return [Tag.ERROR, "", f"{type(error).__name__}: {error}"[:LONGEST_ERROR]]
        members = {key: getattr(error, key, None) for key in members_of(ERRORS[name])}
        return [Tag.ERROR, name, str(error)[:LONGEST_ERROR], *self._pairs(members, place)]


@define(eq=False)
class Unpacker:
    """Makes values of one message; refuses what the contract does not know.

    Args:
        buffers: What travels beside the tree.
        function: Makes a function of a reference and the field that it stands in.
        shapes: Knows what each field must hold.
        bounded: Whether the tree's cost is checked; the county's own messages need it not.
    """

    buffers: memoryview
    function: Callable[[str, str], Function]
    shapes: Shapes
    bounded: bool = True
    _taken: int = field(default=0, init=False)
    _texts_taken: int = field(default=0, init=False)

    def value(self, tree: bytes | memoryview) -> Any:
        """The value of a message.

        Raises:
            ContractError: if it is malformed, costs too much, or does not fit the contract.
        """
        if self.bounded:
            trees.require_bounded(tree)
        try:
            return self.unpack(msgspec.msgpack.decode(tree))
        except ContractError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the message is refused)
            text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
            raise ContractError(f"a message cannot be read: {text}") from None

    def unpack(self, tree: Tree) -> Any:  # noqa: C901, PLR0911, PLR0912 (one branch a kind)
        """The value of a tree."""
        if not isinstance(tree, list):
            if tree is None or type(tree) in (bool, int, float, str, bytes):
                return tree
            raise ContractError(f"a message holds {type(tree).__name__}")
        match _tag(tree):
            case Tag.TUPLE:
                return tuple(map(self.unpack, tree[1:]))
            case Tag.LIST:
                return list(map(self.unpack, tree[1:]))
            case Tag.MAPPING:
                return self._mapping(tree[1:])
            case Tag.SET:
                return self._set(tree[1:])
            case Tag.COLUMN:
                return self._column(*tree[1:])
            case Tag.TEXTS:
                return self._texts(*tree[1:])
            case Tag.BYTES:
                return bytes(self._take(*tree[1:]))
            case Tag.OBJECTS:
                column = np.empty(len(tree) - 1, object)
                for row, one in enumerate(tree[1:]):
                    column[row] = self.unpack(one)
                return column
            case Tag.OBJECT:
                return self._object(tree[1], tree[2:])
            case Tag.FUNCTION:
                return self.function(str(tree[1]), str(tree[2]))
            case Tag.ERROR:
                return self._error(tree[1], tree[2], tree[3:])
            case Tag.DATE:
                return date.fromisoformat(tree[1])

    def _mapping(self, pairs: list[Tree]) -> dict[str, Any]:
        keys = pairs[::2]
        if len(pairs) % 2 or not all(type(key) is str for key in keys):
            raise ContractError("the keys of a mapping are texts, each with its value")
        return {key: self.unpack(one) for key, one in zip(keys, pairs[1::2], strict=True)}

    def _set(self, members: list[Tree]) -> frozenset[Any]:
        if len(members) > MOST_OF_SET:
            raise ContractError(f"a set of {len(members)}; at most {MOST_OF_SET} are taken")
        return frozenset(map(self.unpack, members))

    def _take(self, size: int) -> memoryview:
        """The next bytes beside the tree; each is taken once."""
        if type(size) is not int or not 0 <= size <= len(self.buffers) - self._taken:
            raise ContractError(f"{shown(size)} bytes beside a message are not there")
        found = self.buffers[self._taken : self._taken + size]
        self._taken = min(self._taken + size + -size % ALIGNED, len(self.buffers))
        return found

    def _column(self, dtype: str, count: int) -> Any:
        if type(dtype) is not str or dtype not in DTYPES or type(count) is not int or count < 0:
            raise ContractError(f"a column of {shown(count)} {shown(dtype)} is not possible")
        found = self._take(count * np.dtype(dtype).itemsize)
        return np.frombuffer(found, np.dtype(dtype), count)

    def _texts(self, count: int, size: int) -> Any:
        lengths = self._column(LENGTHS, count)
        self._texts_taken += count
        if self.bounded and self._texts_taken > MOST_TEXTS:
            raise ContractError(f"more than {MOST_TEXTS} texts in one message: give fewer at once")
        raw = bytes(self._take(size))
        longest = int(lengths.max(initial=0))
        shortest = int(lengths.min(initial=0))
        if shortest < -1 or longest > trees.MOST_BYTES:
            raise ContractError(
                f"texts of {shortest} to {longest} bytes are not possible; at most "
                f"{trees.MOST_BYTES} are taken"
            )
        ends = np.maximum(lengths, 0).cumsum(dtype=np.int64)
        if size != (int(ends[-1]) if count else 0):
            raise ContractError(f"a column of texts has {size} bytes, its lengths say otherwise")
        column = np.empty(count, object)
        column[:] = [
            None if length < 0 else raw[stop - length : stop].decode()
            for length, stop in zip(lengths.tolist(), ends.tolist(), strict=True)
        ]
        return column

    def _object(self, name: str, pairs: list[Tree]) -> Any:
        cls = CLASSES.get(name) if type(name) is str else None
        if cls is None:
            raise ContractError(f"{shown(name)} is no class of the contract")
        values = self._mapping(pairs)
        self.shapes.require(cls, values)
        return cls(**values)

    def _error(self, name: str, told: str, pairs: list[Tree]) -> Exception:
        if type(name) is not str or type(told) is not str or (name and name not in ERRORS):
            raise ContractError(f"{shown(name)} is no error of the contract")
        told = told[:LONGEST_ERROR]
        if not name:
            return errors.PluginFailed(told, raised=True)
        cls, members = ERRORS[name], self._mapping(pairs)
        expected = members_of(cls)
        if members.keys() != expected.keys():
            raise ContractError(f"{name} needs {', '.join(expected) or 'nothing'} beside its text")
        for key, one in members.items():
            if not fits(one, expected[key]):
                raise ContractError(
                    f"{name}.{key}: expected {words(expected[key])}, got {shown(one)}"
                )
        error = cls.__new__(cls, told)
        error.args = (told,)
        for key, one in members.items():
            setattr(error, key, one)
        return error


def members_of(cls: type[CountyGovError]) -> Mapping[str, Any]:
    """What an error carries beside its text, with the types."""
    known = {"Sequence": Sequence, "Words": Text}
    hints = typing.get_type_hints(cls.__init__, localns=known)
    return {key: hint for key, hint in hints.items() if key not in ("message", "return")}


def _tag(tree: list[Tree]) -> Tag:
    tag = TAGS.get(tree[0]) if tree and type(tree[0]) is int else None
    if tag is None:
        raise ContractError(f"a list of a message begins with {shown(tree[0] if tree else None)}")
    return tag


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type) and not attrs.has(type(value))


def _plain(value: Any) -> Any:
    """A value of a subclass as one of its builtin class."""
    kinds: tuple[Any, ...] = (int, float, str)
    return next(kind(value) for kind in kinds if isinstance(value, kind))
