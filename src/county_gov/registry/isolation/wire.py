"""Values on their way between the county and a plugin's process: plain data and raw columns.

Scalars travel as MessagePack. Everything else is a list that begins with a tag: containers, objects
of the contract (by the name under which `county_gov.api` exports their class), exceptions of
`county_gov.errors`, and references to functions. Columns of numbers travel beside the tree as raw
buffers. Nothing that arrives is ever executed; what does not fit the contract is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from county_gov.errors import ContractError, CountyGovError
from county_gov.registry.shape import Shapes

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
        if value is None or type(value) in (bool, int, float, str, bytes):
            return value
        if isinstance(value, np.ndarray):
            return self._column(value, place)
        if isinstance(value, np.generic):
            return self.pack(value.item(), place)
        if isinstance(value, Batch) or (attrs.has(type(value)) and not isinstance(value, type)):
            return self._object(value, place)
        if isinstance(value, tuple | list):
            tag = Tag.TUPLE if isinstance(value, tuple) else Tag.LIST
            return [tag, [self.pack(one, f"{place}/{at}") for at, one in enumerate(value)]]
        if isinstance(value, Mapping):
            pairs = [
                [self.pack(key, place), self.pack(one, f"{place}/{key}")]
                for key, one in value.items()
            ]
            return [Tag.MAPPING, pairs]
        if isinstance(value, frozenset | set):
            return [Tag.SET, [self.pack(one, place) for one in value]]
        if isinstance(value, BaseException):
            return self._error(value, place)
        if type(value) is date:
            return [Tag.DATE, value.isoformat()]
        if isinstance(value, str | int | float | bytes):
            return self.pack(_plain(value), place)
        raise ContractError(f"{place}: {type(value).__name__} objects cannot cross to the county")

    def _column(self, column: np.ndarray[Any, Any], place: str) -> Tree:
        if column.ndim != 1:
            raise ContractError(f"{place}: expected one dimension, got shape {column.shape}")
        if column.dtype.kind in "OU":
            return [Tag.OBJECTS, [self.pack(one, place) for one in column.tolist()]]
        column = np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False))
        if column.dtype.str not in DTYPES:
            raise ContractError(f"{place}: columns of {column.dtype} cannot cross")
        start = self.size
        self.buffers.append(column.data.cast("B") if len(column) else memoryview(b""))
        self.size += column.nbytes
        if self.size % ALIGNED:
            missing = ALIGNED - self.size % ALIGNED
            self.buffers.append(memoryview(bytes(missing)))
            self.size += missing
        return [Tag.COLUMN, column.dtype.str, start, len(column)]

    def _object(self, value: Any, place: str) -> Tree:
        name = type(value).__name__
        if CLASSES.get(name) is not type(value):
            raise ContractError(f"{place}: {name} objects are not part of the contract")
        fields = {}
        for attribute in attrs.fields(CLASSES[name]):
            if not attribute.init:
                continue
            one, where = getattr(value, attribute.name), f"{place}/{attribute.name}"
            if _is_function(one):
                if self.functions is not None:
                    self.functions[where] = one
                    fields[attribute.alias] = [Tag.FUNCTION, where, f"{name}.{attribute.name}"]
            elif isinstance(one, tuple) and one and all(map(_is_function, one)):
                if self.functions is not None:
                    fields[attribute.alias] = [
                        Tag.TUPLE,
                        list(self._functions(one, where, f"{name}.{attribute.name}")),
                    ]
            else:
                fields[attribute.alias] = self.pack(one, where)
        return [Tag.OBJECT, name, fields]

    def _functions(self, found: tuple[Function, ...], where: str, of: str) -> Iterator[Tree]:
        for number, one in enumerate(found):
            key = f"{where}/{number}"
            if self.functions is not None:
                self.functions[key] = one
            yield [Tag.FUNCTION, key, of]

    def _error(self, error: BaseException, place: str) -> Tree:
        name = next((one.__name__ for one in type(error).__mro__ if one.__name__ in ERRORS), "")
        if not name:
            return [Tag.ERROR, "", f"{type(error).__name__}: {error}"[:2000], []]
        members = {key: one for key, one in vars(error).items() if not key.startswith("_")}
        return [
            Tag.ERROR,
            name,
            [self.pack(one, place) for one in error.args],
            [[key, self.pack(one, place)] for key, one in members.items()],
        ]


@define(eq=False)
class Unpacker:
    """Makes values of one message; refuses what the contract does not know.

    Args:
        buffers: The columns of the message.
        function: Makes a function of a reference and the field that it stands in.
        shapes: Knows what each field must hold.
    """

    buffers: memoryview
    function: Callable[[str, str], Function]
    shapes: Shapes

    def value(self, tree: bytes | memoryview) -> Any:
        """The value of a message.

        Raises:
            ContractError: if it is malformed, or does not fit the contract.
        """
        try:
            return self.unpack(msgspec.msgpack.decode(tree))
        except ContractError:
            raise
        except (
            msgspec.DecodeError,
            RecursionError,
            ValueError,
            TypeError,
            KeyError,
            LookupError,
        ) as error:
            raise ContractError(f"a message cannot be read: {error}") from error

    def unpack(self, tree: Tree) -> Any:  # noqa: C901, PLR0911 (one branch a kind)
        """The value of a tree."""
        if not isinstance(tree, list):
            if tree is None or type(tree) in (bool, int, float, str, bytes):
                return tree
            raise ContractError(f"a message holds {type(tree).__name__}")
        match Tag(tree[0]):
            case Tag.TUPLE:
                return tuple(self.unpack(one) for one in tree[1])
            case Tag.LIST:
                return [self.unpack(one) for one in tree[1]]
            case Tag.MAPPING:
                return {self.unpack(key): self.unpack(one) for key, one in tree[1]}
            case Tag.SET:
                return frozenset(self.unpack(one) for one in tree[1])
            case Tag.COLUMN:
                return self._column(*tree[1:])
            case Tag.OBJECTS:
                column = np.empty(len(tree[1]), object)
                column[:] = [self.unpack(one) for one in tree[1]]
                return column
            case Tag.OBJECT:
                return self._object(*tree[1:])
            case Tag.FUNCTION:
                return self.function(str(tree[1]), str(tree[2]))
            case Tag.ERROR:
                return self._error(*tree[1:])
            case Tag.DATE:
                return date.fromisoformat(tree[1])

    def _column(self, dtype: str, start: int, count: int) -> Any:
        if dtype not in DTYPES or start < 0 or count < 0:
            raise ContractError(f"a column of {count} {dtype} at {start} is not possible")
        return np.frombuffer(self.buffers, np.dtype(dtype), count, start)

    def _object(self, name: str, fields: Mapping[str, Tree]) -> Any:
        cls = CLASSES[name]
        values = {key: self.unpack(one) for key, one in fields.items()}
        self.shapes.require(cls, values)
        return cls(**values)

    def _error(self, name: str, told: Any, members: Any) -> Exception:
        if not name:
            return errors.PluginFailed(str(told), raised=True)
        cls = ERRORS[name]
        arguments = tuple(self.unpack(one) for one in told)
        error = cls.__new__(cls, *arguments)
        error.args = arguments
        for key, one in members:
            setattr(error, str(key), self.unpack(one))
        return error


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type) and not attrs.has(type(value))


def _plain(value: Any) -> Any:
    """A value of a subclass as one of its builtin class."""
    kinds: tuple[Any, ...] = (int, float, str, bytes)
    return next(kind(value) for kind in kinds if isinstance(value, kind))
