"""Values on their way to a plugin's process and back."""

from __future__ import annotations

import inspect
import tracemalloc
import typing
from datetime import date
from typing import Any

import attrs
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.contract import context as contexts
from county_gov.contract.batch import Batch
from county_gov.contract.endpoint import Endpoint, Response
from county_gov.contract.page import Figure
from county_gov.contract.text import Text
from county_gov.errors import CaseConflict, CommandRefused, ContractError, PluginFailed
from county_gov.registry.isolation.calls import KINDS, LOCAL, SIGNATURES
from county_gov.registry.isolation.tree import MOST_ELEMENTS, require_bounded
from county_gov.registry.isolation.wire import (
    BESIDE,
    CLASSES,
    MOST_TEXTS,
    Packer,
    Tag,
    Unpacker,
)
from county_gov.registry.shape import Shapes

SHAPES = Shapes()


def there_and_back(value: object) -> Any:
    """A value after both ways."""
    packer = Packer()
    tree = packer.message(value)
    return unpacked(tree, b"".join(bytes(one) for one in packer.buffers))


def unpacked(tree: bytes, buffers: bytes = b"") -> Any:
    """The value of a message without functions."""

    def no_function(reference: str, _of: str) -> Any:
        raise ContractError(reference)

    return Unpacker(memoryview(buffers), no_function, SHAPES).value(tree)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.binary(min_size=BESIDE, max_size=BESIDE + 9)
    | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    """Scalars, days and containers keep their value and type."""
    found = there_and_back(value)

    assert value == found
    assert type(value) is type(found)


@given(
    st.sampled_from(["int8", "uint8", "int32", "int64", "float64", "float32", "bool"]),
    st.lists(st.integers(0, 1), max_size=40),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
)
def test_columns_come_back_as_they_were(
    dtype: str, numbers: list[int], texts: list[str | None]
) -> None:
    """Columns of numbers keep dtype and values, columns of texts their texts, beside each other."""
    column = np.array(numbers, dtype)
    words = np.empty(len(texts), object)
    words[:] = texts

    first, second, third = there_and_back((column, words, column[::-1]))

    assert column.dtype == first.dtype
    assert np.array_equal(column, first)
    assert texts == second.tolist()
    assert np.array_equal(column[::-1], third)


def test_objects_of_the_contract_come_back() -> None:
    """Objects are made anew by their class, with nested ones."""
    figure = Figure(Text(zh="数", en="Number"), 3.5, n=4)

    found = there_and_back(figure)

    assert isinstance(found, Figure)
    assert (figure.label, 3.5, 4) == (found.label, found.value, found.n)


def test_errors_of_ours_come_back_with_what_they_carry() -> None:
    """An error keeps its class, its text and its members; another's becomes a failure."""
    conflict = there_and_back(CaseConflict("somebody was first", current=4))
    refused = there_and_back(CommandRefused(Text(zh="不行", en="No")))
    other = there_and_back(KeyError("x"))

    assert (CaseConflict, "somebody was first", 4) == (
        type(conflict),
        str(conflict),
        conflict.current,
    )
    assert "No" == refused.why.en
    assert (PluginFailed, "KeyError: 'x'", True) == (type(other), str(other), other.raised)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ([Tag.OBJECT, "Popen"], "Popen"),
        ([Tag.OBJECT, ["Text"]], "list of 1 is no class"),
        ([Tag.OBJECT, "Text", "zh", 3], "Text.zh: expected str, got int 3"),
        ([Tag.OBJECT, "Text", "zh", "x", "xx", "y"], "Text has no field 'xx'"),
        ([Tag.OBJECT, "Text", "zh"], "each with its value"),
        ([Tag.OBJECT, "Text"], "missing"),
        ([Tag.MAPPING, 1, 2], "keys of a mapping are texts"),
        ([Tag.SET, *range(1001)], "a set of 1001"),
        ([Tag.COLUMN, "|O8", 1], "not possible"),
        ([Tag.COLUMN, "<i8", -1], "not possible"),
        ([Tag.COLUMN, "<i8", 9], "72 bytes beside a message are not there"),
        ([Tag.BYTES, -1], "int -1 bytes beside"),
        ([Tag.TEXTS, 1, 0], "4 bytes beside"),
        ([Tag.FUNCTION, "rules/x", "Rule.judge"], "rules/x"),
        ([Tag.DATE, "yesterday"], "cannot be read"),
        ([99, 1], "begins with int 99"),
        ([True, 1], "begins with bool True"),
        ([Tag.ERROR, "SystemExit", "x"], "SystemExit"),
        ([Tag.ERROR, "PluginFailed", "x"], "PluginFailed needs raised, hung"),
        (
            [Tag.ERROR, "CommandRefused", "x", "why", 3],
            "CommandRefused.why: expected Text, got int",
        ),
        ([], "begins with NoneType"),
        ({"a": 1}, "0x81 where a value begins"),
        (msgspec.msgpack.Ext(1, b"x"), "0xd4 where a value begins"),
    ],
)
def test_what_the_contract_does_not_know_is_refused(tree: object, words: str) -> None:
    """Messages that were made by hand give an error of the contract, and nothing else."""
    with pytest.raises(ContractError, match=words):
        unpacked(msgspec.msgpack.encode(tree))


@pytest.mark.parametrize(
    ("lengths", "raw", "words"),
    [
        ([1, 1], b"ab", None),
        ([-1, 2], b"ab", None),
        ([-2, 4], b"ab", "texts of -2 to 4 bytes are not possible"),
        ([3], b"ab", "say otherwise"),
        ([1, 1], "中".encode(), "say otherwise"),
        ([1, 2], "中".encode(), "cannot be read: UnicodeDecodeError"),
        ([2**31 - 1] * 2, b"ab", "at most 16777216 are taken"),
    ],
)
def test_a_column_of_texts_is_what_its_lengths_say(
    lengths: list[int], raw: bytes, words: str | None
) -> None:
    """Lengths and bytes that do not fit together are refused."""
    tree = msgspec.msgpack.encode([Tag.TEXTS, len(lengths), len(raw)])
    beside = np.array(lengths, "<i4").tobytes()
    beside += bytes(-len(beside) % 8) + raw

    if words is None:
        assert len(lengths) == len(unpacked(tree, beside))
        return
    with pytest.raises(ContractError, match=words):
        unpacked(tree, beside)


async def no_answer(_ctx: object, _request: object) -> Response:
    """An endpoint's handler."""
    return Response()


@pytest.mark.parametrize(
    "path",
    ["/a" * 45 + " ", "/" * 90 + " ", "/{a}" * 45 + " ", "/" + "a" * 190 + " ", "/a" * 1_000_000],
)
def test_an_endpoints_path_cannot_cost_the_county_its_time(path: str) -> None:
    """A path that is none is refused at once, however it is made."""
    text = Text(zh="址", en="At")
    endpoint = Endpoint("x.y", text, "GET", "/a", "x.read", no_answer)
    tree = msgspec.msgpack.decode(Packer({}).message(endpoint, "endpoint"))
    tree[tree.index("path") + 1] = path
    raw = msgspec.msgpack.encode(tree)

    with pytest.raises(ContractError, match=r"endpoint x\.y: the path") as refused:
        Unpacker(memoryview(b""), lambda _reference, _of: no_answer, SHAPES).value(raw)

    assert len(str(refused.value)) < 400


def test_nothing_beside_the_tree_is_taken_twice() -> None:
    """A small message cannot name the same columns again and again."""
    tree = msgspec.msgpack.encode([Tag.LIST, [Tag.COLUMN, "<i8", 2], [Tag.COLUMN, "<i8", 1]])

    with pytest.raises(ContractError, match="8 bytes beside a message are not there"):
        unpacked(tree, bytes(16))


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_noise_is_refused(noise: bytes, beside: bytes) -> None:
    """Any bytes give a value or an error of the contract."""
    try:
        unpacked(noise, beside)
    except ContractError:
        return


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.floats()
    | st.sampled_from(["", "zh", "Text", "Figure", "CommandRefused", "PluginFailed", "<i8", "<f4"])
    | st.binary(max_size=5),
    lambda inner: st.lists(st.sampled_from([*map(int, Tag), 12]) | inner, max_size=6),
    max_leaves=30,
)


@given(TREES, st.binary(max_size=200))
def test_trees_that_look_like_ours_are_read_or_refused(tree: object, beside: bytes) -> None:
    """Whatever tags and names are put together, there is a value or an error of the contract."""
    try:
        unpacked(msgspec.msgpack.encode(tree), beside)
    except ContractError:
        return


@given(TREES)
def test_the_walk_knows_every_tree_of_lists(tree: object) -> None:
    """What is bounded and well formed passes, and a byte more or less is noticed."""
    encoded = msgspec.msgpack.encode(tree)

    require_bounded(encoded)
    for wrong in (encoded[:-1], encoded + b"\xc0"):
        with pytest.raises(ContractError):
            require_bounded(wrong)


MIB = 1 << 20
HOSTILE = {
    "a list of nothings": b"\xdd\x00\x80\x00\x00" + b"\xc0" * (8 * MIB),
    "a list of lists": b"\xdd\x00\x80\x00\x00" + b"\x90" * (8 * MIB),
    "a list that is not there": b"\xdd\xff\xff\xff\xff",
    "lists within lists": b"\x91" * (8 * MIB),
    "lists of lists within lists": b"\x9f" * (8 * MIB),
    "a mapping": b"\xdf\x00\x40\x00\x00" + b"\x01\x90" * (4 * MIB),
    "a text that is not there": b"\xdb\xff\xff\xff\xff",
    "a long text": b"\xdb\x01\x80\x00\x00" + "中".encode() * (8 * MIB),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_message_costs_is_known_before_it_is_decoded(name: str) -> None:
    """Megabytes of tiny values are refused without building them."""
    tracemalloc.start()
    try:
        with pytest.raises(ContractError) as refused:
            unpacked(HOSTILE[name])
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < MIB
    assert len(str(refused.value)) < 200


def test_the_dearest_message_that_is_taken_costs_some_dozen_megabytes() -> None:
    """At the limits, what is made of a message stays within a bound that is known."""
    elements = [Tag.LIST, *[[Tag.LIST]] * (MOST_ELEMENTS // 2 - 1)]
    tree = msgspec.msgpack.encode(elements)
    tracemalloc.start()
    try:
        assert MOST_ELEMENTS // 2 - 1 == len(unpacked(tree))
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 64 * MIB


def test_too_many_texts_are_refused_before_they_are_made() -> None:
    """A million texts in a message are the most."""
    count = MOST_TEXTS + 1
    tree = msgspec.msgpack.encode([Tag.TEXTS, count, 0])

    with pytest.raises(ContractError, match="more than 1000000 texts"):
        unpacked(tree, bytes(4 * count + 4))


def test_an_error_says_little_of_a_long_value() -> None:
    """What is wrong is named without repeating what was sent."""
    for value in (3, b"x" * MIB, [Tag.LIST, *["x" * MIB] * 9]):
        for tree in ([Tag.ERROR, "MalformedDelivery", "x", "place", value], [value, 1]):
            with pytest.raises(ContractError) as refused:
                unpacked(msgspec.msgpack.encode(tree))
            assert len(str(refused.value)) < 200


def test_what_cannot_cross_is_named() -> None:
    """An object that is none of the contract's says its place and class."""
    with pytest.raises(ContractError, match="rules/0: set_iterator objects cannot cross"):
        Packer().message((iter({1}),), "rules")
    with pytest.raises(ContractError, match="cannot leave the process"):
        Packer().message(2**70)
    with pytest.raises(ContractError, match="expected one dimension"):
        Packer().message(np.zeros((2, 2)))
    with pytest.raises(ContractError, match="keys of a mapping are texts, got int 1"):
        Packer().message({1: 2}, "notes")


def test_the_type_of_every_field_of_the_contract_is_known() -> None:
    """What arrives is checked against annotations, so each of them can be read."""
    for cls in CLASSES.values():
        assert SHAPES.of(cls).keys() == {one.alias for one in attrs.fields(cls) if one.init}


def test_every_function_of_the_contract_has_its_signature() -> None:
    """A field that holds functions is called from afar as the contract says."""
    names = {
        f"{name}.{field}"
        for name, cls in CLASSES.items()
        for field, hint in SHAPES.of(cls).items()
        if _holds_functions(hint)
    }

    assert names == names & set(SIGNATURES)


def _holds_functions(hint: Any) -> bool:
    if typing.get_origin(hint) is not None and "Callable" in str(typing.get_origin(hint)):
        return True
    return any(_holds_functions(one) for one in typing.get_args(hint) if one is not Ellipsis)


def test_every_member_of_a_context_is_known() -> None:
    """A member that a context gains is offered to plugins in processes of their own as well."""
    for name, kind in KINDS.items():
        protocol = getattr(contexts, name)
        members = {
            one
            for cls in protocol.__mro__
            for one, value in vars(cls).items()
            if not one.startswith("_")
            and (isinstance(value, property) or inspect.isfunction(value))
        }
        assert members - LOCAL == {*kind.parts, *kind.methods, *kind.values, *kind.inner}


def test_days_and_batches() -> None:
    """A batch keeps its columns read-only on the other side."""
    day, batch = there_and_back((date(2026, 6, 1), Batch({"value": np.array([1.5])})))

    assert date(2026, 6, 1) == day
    assert not batch["value"].flags.writeable
