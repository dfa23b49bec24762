"""What is kept in memory beside the database, and follows the changes that are made there.

A change may fail by itself, or with all that share its commit; what it did in memory is then undone
as its rows are. Three ways, by what the memory is for:

- `Remembered`: one value that says what the database says, and that later changes of the same
  commit rely on. It is set inside of a change, and undone with it.
- ``Transaction.on_rollback``: for large arrays that are changed in place. What undoes a step is
  registered with the step, and steps are undone from the last to the first.
- ``Transaction.after_commit``: for what others read meanwhile and must not see before it is
  durable; forgotten where nobody knows whether it is.

When the connection breaks during a commit, nobody knows what happened: ``Store.on_reconnect``, or
the number of the writing session, tells that memory has to be read again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from county_gov.store.transaction import Transaction

T = TypeVar("T")


class Remembered(Generic[T]):
    """A value in memory that the database holds as well.

    Args:
        value: What it is before anything was read.
    """

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def value(self) -> T:
        """As the last change left it; only the writer's thread relies on it."""
        return self._value

    def load(self, value: T) -> None:
        """Take what was read from the database, outside of what a change does."""
        self._value = value

    def become(self, tx: Transaction, value: T) -> None:
        """Change with a change; if that is undone, the value is again what it was before it."""
        tx.on_rollback(partial(self.load, self._value))
        self._value = value
