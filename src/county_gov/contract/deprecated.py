"""Deprecations of the contract: each a named constant, so that a search lists all that is owed.

A part of the contract that is to go is announced here, with what to use instead and the version of
`API` in which it is gone. Until then it works and warns; at that version it is removed together
with its constant:

    SOURCE_FETCH = Deprecation("Source.fetch", instead="Source.open", since=1, gone=2)

    def fetch(self) -> None:
        warn_deprecated(SOURCE_FETCH)

`DEPRECATIONS` lists them all; `county-gov upgrade --plan` prints it, and a test refuses one that
is overdue.
"""

from __future__ import annotations

import warnings

from attrs import frozen

from county_gov.contract.plugin import API
from county_gov.errors import ContractError


class CountyGovDeprecationWarning(DeprecationWarning):
    """A part of the contract that will be gone."""


@frozen
class Deprecation:
    """Something that is to go.

    Args:
        what: As plugins write it.
        instead: What to use.
        since: Version of the contract that announced it.
        gone: Version of the contract in which it is gone.

    Raises:
        ContractError: if it would be gone before it was announced.
    """

    what: str
    instead: str
    since: int
    gone: int

    def __attrs_post_init__(self) -> None:
        if self.gone <= self.since:
            text = f"announced with api = {self.since}, so it can be gone with {self.since + 1}"
            raise ContractError(f"deprecation of {self.what}: {text} at the earliest")

    @property
    def overdue(self) -> bool:
        """Whether this version of the contract should no longer have it."""
        return self.gone <= API

    def __str__(self) -> str:
        return f"{self.what} will be gone with api = {self.gone}: use {self.instead}"


DEPRECATIONS: tuple[Deprecation, ...] = ()
"""All that is announced."""


def warn_deprecated(deprecation: Deprecation, *, stacklevel: int = 3) -> None:
    """Warn whoever uses what is to go.

    Args:
        deprecation: A constant of this module.
        stacklevel: Frames up to the caller's line; 3 is whoever called the deprecated function.
    """
    warnings.warn(str(deprecation), CountyGovDeprecationWarning, stacklevel=stacklevel)
