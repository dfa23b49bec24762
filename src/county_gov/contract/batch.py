"""Batches: rows travel as columns. One record is a batch of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from county_gov.errors import ContractError

Int64s: TypeAlias = NDArray[np.int64]
Int32s: TypeAlias = NDArray[np.int32]
Int8s: TypeAlias = NDArray[np.int8]
UInt8s: TypeAlias = NDArray[np.uint8]
Float64s: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Texts: TypeAlias = NDArray[np.object_]

NO_TIME = np.iinfo(np.int64).min
"""Stands in an int64 column of instants where none is given."""


@frozen(eq=False)
class Batch(Mapping[str, NDArray[Any]]):
    """Equally long, read-only columns under their names.

    It is a mapping from names to columns: ``len(batch)`` counts the columns, ``batch.rows`` the
    rows.

    Args:
        columns: One array of shape (n,) per name. They are made read-only in place.

    Raises:
        ContractError: if a column is not one-dimensional, or lengths differ.

    >>> batch = Batch({"value": np.array([1, 2, 3])})
    >>> len(batch), batch.rows
    (1, 3)
    """

    columns: Mapping[str, NDArray[Any]]

    def __attrs_post_init__(self) -> None:
        lengths = {name: column.shape for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
            msg = f"columns of a batch are one-dimensional and equally long; got shapes {lengths}"
            raise ContractError(msg)
        for column in self.columns.values():
            column.flags.writeable = False

    @property
    def rows(self) -> int:
        """Number of rows."""
        return next((len(column) for column in self.columns.values()), 0)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, rows: NDArray[Any]) -> Batch:
        """The rows selected by an index or a boolean mask, as a new batch."""
        return Batch({name: column[rows] for name, column in self.columns.items()})
