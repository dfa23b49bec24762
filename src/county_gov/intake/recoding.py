"""Rows of a plugin's own decoder, with a raw text for each that can be decoded by itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from county_gov.contract.batch import NO_TIME, Int64s
from county_gov.contract.source import Decoded
from county_gov.errors import ContractError
from county_gov.intake.readable import Readable, Refused
from county_gov.intake.reasons import FIELDS, REQUIRED

_DTYPES = {"time": np.int64, "value": np.float64, "result_time": np.int64}


def recode(decoded: Decoded, wire_format: str) -> Readable:
    """Take what a plugin decoded; its rows get their text from the decoded values.

    Args:
        decoded: What the plugin's ``decode`` returned.
        wire_format: The delivery's, which the plugin's rejected rows have too.

    Raises:
        ContractError: if columns are missing, unknown or of another type than the contract says.
    """
    batch = decoded.batch
    for name in REQUIRED:
        if name not in batch:
            msg = f"decode returned no column {name!r}; a batch of observations has {REQUIRED}"
            raise ContractError(msg)
    for name, column in batch.items():
        if name not in FIELDS:
            msg = f"decode returned an unknown column {name!r}; known are {FIELDS}"
            raise ContractError(msg)
        expected = np.dtype(_DTYPES.get(name, np.object_))
        if column.dtype != expected:
            msg = f"decode returned {name!r} as {column.dtype}; expected {expected}"
            raise ContractError(msg)
    if decoded.rows.shape != (batch.rows,):
        msg = f"decode returned {batch.rows} rows, but numbers of shape {decoded.rows.shape}"
        raise ContractError(msg)
    position = {row: index for index, row in enumerate(decoded.rows.tolist())}

    def raw_of(numbers: Sequence[int]) -> list[bytes]:
        return [_row(decoded, position[number]) for number in numbers]

    refused = tuple(Refused(reason, raw) for reason, raw in decoded.rejected)
    rows: Int64s = decoded.rows
    return Readable(batch, rows, refused, raw_of, refused_format=wire_format)


def _row(decoded: Decoded, index: int) -> bytes:
    row = {name: column[index] for name, column in decoded.batch.items()}
    plain = {name: one.item() if hasattr(one, "item") else one for name, one in row.items()}
    if plain.get("result_time") == NO_TIME:
        del plain["result_time"]
    return msgspec.json.encode(plain)
