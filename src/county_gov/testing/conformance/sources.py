"""Checks of sources: decoding is pure, takes nothing for good, and refuses nonsense in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from county_gov.contract.source import Decoded, Delivery, Source
from county_gov.errors import IntakeError
from county_gov.testing.conformance.check import Check, Nonconformity, Subject, require
from county_gov.testing.fakes.context import NOON
from county_gov.testing.fakes.source import FakeThings

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch

FORMATS = (
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "application/octet-stream",
    "text/plain; charset=gb18030",
)
NONSENSE = (
    b"",
    b"\x00",
    b"\xff\xfe\xff",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b"[[]]",
    b'{"a":NaN}',
    b'{"value":1e999}',
    b"[1,2",
    b"a,b\n1",
    b"\xed\xa0\x80",
    "读数\n".encode("gb18030"),
    b"#" * 2000,
)
THINGS = FakeThings({"station.level": 1, "station.rain": 2})
COLUMNS = {"datastream": "OU", "time": "i", "value": "f"}
EXAMPLES = 60


def source_checks(subject: Subject) -> Iterator[Check]:
    """Checks of each source's decoder."""
    for source in subject.declared("sources"):
        samples = subject.samples.get(source.id, ())
        for name, (question, look) in CHECKS.items():
            yield Check(f"source:{source.id}:{name}", question, partial(look, source, samples))


def delivery(raw: bytes, wire_format: str = "application/json") -> Delivery:
    """A delivery of some bytes."""
    return Delivery(raw, wire_format, "test:conformance", NOON)


def _tries(samples: tuple[Delivery, ...]) -> Iterator[Delivery]:
    yield from samples
    for wire_format in {*FORMATS, *(one.wire_format for one in samples)}:
        for raw in NONSENSE:
            yield delivery(raw, wire_format)
    for one in samples:
        yield delivery(one.raw[: len(one.raw) // 2], one.wire_format)


def _decoded(source: Source, one: Delivery) -> Decoded | None:
    """What a decoder makes of a delivery; None where it refuses it, in whatever way."""
    try:
        return source.decode(one, THINGS)
    except Exception:  # noqa: BLE001 (the check "garbage" looks at how)
        return None


def _empty(source: Source, samples: tuple[Delivery, ...]) -> None:
    for wire_format in {*FORMATS, *(one.wire_format for one in samples)}:
        found = _decoded(source, delivery(b"", wire_format))
        rows = found.batch.rows if isinstance(found, Decoded) else 0
        require(not rows, f"an empty delivery ({wire_format}) became {rows} rows")


def _garbage(source: Source, samples: tuple[Delivery, ...]) -> None:
    def attempt(one: Delivery) -> None:
        try:
            source.decode(one, THINGS)
        except IntakeError:
            return
        except Exception as error:
            raise Nonconformity(
                f"{one.raw[:60]!r} ({one.wire_format}) raised {type(error).__name__}: {error};"
                " raise MalformedDelivery, or reject the row with a reason"
            ) from error

    for one in _tries(samples):
        attempt(one)
    formats = st.sampled_from(sorted({*FORMATS, *(one.wire_format for one in samples)}))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=200), formats)
    def examples(raw: bytes, wire_format: str) -> None:
        attempt(delivery(raw, wire_format))

    examples()


def _repeatable(source: Source, samples: tuple[Delivery, ...]) -> None:
    tries = list(_tries(samples))
    first = [_decoded(source, one) for one in tries]
    again = [_decoded(source, one) for one in reversed(tries)][::-1]
    for one, before, after in zip(tries, first, again, strict=True):
        require(
            _same(before, after),
            f"{one.raw[:60]!r} ({one.wire_format}) is decoded otherwise the second time",
        )


def _same(first: Decoded | None, second: Decoded | None) -> bool:
    if not isinstance(first, Decoded) or not isinstance(second, Decoded):
        return isinstance(first, Decoded) == isinstance(second, Decoded)
    return (
        set(first.batch) == set(second.batch)
        and all(_equal(first.batch, second.batch, name) for name in first.batch)
        and np.array_equal(first.rows, second.rows)
        and len(first.rejected) == len(second.rejected)
    )


def _equal(first: Batch, second: Batch, name: str) -> bool:
    numbers = first[name].dtype.kind == "f" == second[name].dtype.kind
    return bool(np.array_equal(first[name], second[name], equal_nan=numbers))


def _shape(source: Source, samples: tuple[Delivery, ...]) -> None:
    for one in _tries(samples):
        found = _decoded(source, one)
        if found is None:
            continue
        where = f"{one.raw[:60]!r} ({one.wire_format})"
        require(isinstance(found, Decoded), f"{where}: decode gave {type(found).__name__}")
        for name, kinds in COLUMNS.items():
            require(name in found.batch, f"{where}: the column {name!r} is missing")
            kind = found.batch[name].dtype.kind
            require(kind in kinds, f"{where}: {name} is {found.batch[name].dtype}")
        require(
            len(found.rows) == found.batch.rows,
            f"{where}: {len(found.rows)} row numbers for {found.batch.rows} rows",
        )


def _samples(source: Source, samples: tuple[Delivery, ...]) -> None:
    for one in samples:
        try:
            found = source.decode(one, THINGS)
        except IntakeError as error:
            raise Nonconformity(f"the sample {one.raw[:60]!r} was refused: {error}") from error
        require(
            found.batch.rows or found.rejected, f"the sample {one.raw[:60]!r} gave no row at all"
        )


CHECKS: dict[str, tuple[str, Callable[[Source, tuple[Delivery, ...]], None]]] = {
    "empty": ("Does an empty delivery give no row?", _empty),
    "garbage": ("Is nonsense refused with an IntakeError, and nothing else?", _garbage),
    "repeatable": ("Does the same delivery always give the same rows?", _repeatable),
    "shape": ("Has what it decodes the columns that it must have?", _shape),
    "samples": ("Are the samples that the test gives taken?", _samples),
}
