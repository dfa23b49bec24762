"""What the journal tells of a changed record or an approved parameter."""

from __future__ import annotations

import msgspec
from attrs import frozen

from county_gov.contract.clock import DAY, EARLIEST
from county_gov.errors import StoreError

FIRST_DAY = EARLIEST // DAY


class _Told(msgspec.Struct, frozen=True):
    """What a change may tell of itself."""

    day: int | None = None
    keys: tuple[str, ...] | None = None


@frozen
class Changed:
    """A change of what is joined by the day.

    Args:
        day: First local day that it may touch, days since 1970-01-01.
        keys: Codes of the things or areas that it may touch, None for all.
    """

    day: int
    keys: frozenset[str] | None

    def joined(self, other: Changed | None) -> Changed:
        """The smallest change that holds both."""
        if other is None:
            return self
        anybody = self.keys is None or other.keys is None
        keys = None if anybody else (self.keys or frozenset()) | (other.keys or frozenset())
        return Changed(min(self.day, other.day), keys)


_decoder = msgspec.json.Decoder(int | None | _Told)


def read_change(payload: bytes | None) -> Changed:
    """Read an entry of kind "record" or "parameter".

    Args:
        payload: JSON: the first day, or an object with ``day`` and ``keys``; what is missing means
            that everything may be touched.

    Raises:
        StoreError: if it is something else.
    """
    try:
        told = _decoder.decode(payload or b"null")
    except msgspec.DecodeError as error:
        raise StoreError(f"journal: expected a day, or day and keys, got {payload!r}") from error
    if isinstance(told, int):
        told = _Told(told)
    if told is None:
        told = _Told()
    return Changed(
        FIRST_DAY if told.day is None else told.day,
        None if told.keys is None else frozenset(told.keys),
    )
