"""Deprecations: announced in time, named, and gone when they said."""

from __future__ import annotations

import warnings

import pytest

from county_gov.contract import deprecated
from county_gov.contract.deprecated import (
    DEPRECATIONS,
    CountyGovDeprecationWarning,
    Deprecation,
    warn_deprecated,
)
from county_gov.contract.plugin import API
from county_gov.errors import ContractError

OLD = Deprecation("Source.fetch", instead="Source.open", since=API, gone=API + 1)


def test_the_warning_names_what_when_and_instead_at_the_callers_line() -> None:
    """Who calls the deprecated function is told, not the function itself."""

    def fetch() -> None:
        warn_deprecated(OLD)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fetch()
    (warning,) = caught
    assert CountyGovDeprecationWarning is warning.category
    wanted = f"Source.fetch will be gone with api = {API + 1}: use Source.open"
    assert wanted == str(warning.message)
    assert __file__ == warning.filename


def test_nothing_is_gone_before_it_was_announced() -> None:
    """At least one version of the contract announces it."""
    with pytest.raises(ContractError, match="at the earliest"):
        Deprecation("Source.fetch", instead="Source.open", since=1, gone=1)


def test_all_are_named_constants_and_none_is_overdue() -> None:
    """Each stands in the list, under a name of its own, and is removed when its time has come."""
    named = {one for one in vars(deprecated).values() if isinstance(one, Deprecation)}
    assert named == set(DEPRECATIONS)
    assert [] == [str(one) for one in DEPRECATIONS if one.overdue]
    assert not OLD.overdue
