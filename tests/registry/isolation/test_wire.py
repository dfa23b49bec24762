"""Values on their way to a plugin's process and back."""

from __future__ import annotations

import inspect
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
from county_gov.contract.page import Figure
from county_gov.contract.text import Text
from county_gov.errors import CaseConflict, CommandRefused, ContractError, PluginFailed
from county_gov.registry.isolation.calls import KINDS, LOCAL, SIGNATURES
from county_gov.registry.isolation.wire import CLASSES, Packer, Tag, Unpacker
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
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
)
def test_columns_come_back_as_they_were(dtype: str, numbers: list[int], texts: list[str]) -> None:
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
        ([Tag.OBJECT, "Popen", {}], "Popen"),
        ([Tag.OBJECT, "Text", {"zh": 3}], "Text.zh: expected str, got int 3"),
        ([Tag.OBJECT, "Text", {"zh": "x", "xx": "y"}], "Text has no field 'xx'"),
        ([Tag.OBJECT, "Text", {}], "missing"),
        ([Tag.COLUMN, "|O8", 0, 1], "not possible"),
        ([Tag.COLUMN, "<i8", -8, 1], "not possible"),
        ([Tag.COLUMN, "<i8", 0, 9], "cannot be read"),
        ([Tag.FUNCTION, "rules/x", "Rule.judge"], "rules/x"),
        ([Tag.DATE, "yesterday"], "cannot be read"),
        ([99, 1], "cannot be read"),
        ([Tag.ERROR, "SystemExit", [], []], "SystemExit"),
        ([], "cannot be read"),
        ({"a": 1}, "holds dict"),
    ],
)
def test_what_the_contract_does_not_know_is_refused(tree: object, words: str) -> None:
    """Messages that were made by hand give an error of the contract, and nothing else."""
    with pytest.raises(ContractError, match=words):
        unpacked(msgspec.msgpack.encode(tree))


@given(st.binary(max_size=60))
def test_noise_is_refused(noise: bytes) -> None:
    """Any bytes give a plain value or an error of the contract."""
    try:
        unpacked(noise, noise)
    except ContractError:
        return


def test_what_cannot_cross_is_named() -> None:
    """An object that is none of the contract's says its place and class."""
    with pytest.raises(ContractError, match="rules/0: set_iterator objects cannot cross"):
        Packer().message((iter({1}),), "rules")
    with pytest.raises(ContractError, match="cannot leave the process"):
        Packer().message(2**70)
    with pytest.raises(ContractError, match="expected one dimension"):
        Packer().message(np.zeros((2, 2)))


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
        assert members - LOCAL == {*kind.parts, *kind.methods, *kind.values}


def test_days_and_batches() -> None:
    """A batch keeps its columns read-only on the other side."""
    day, batch = there_and_back((date(2026, 6, 1), Batch({"value": np.array([1.5])})))

    assert date(2026, 6, 1) == day
    assert not batch["value"].flags.writeable
