"""Noticing that functions and classes were replaced."""

from __future__ import annotations

import secrets

import pytest

from county_gov.contract.batch import Batch
from county_gov.registry import results
from county_gov.registry.tampering import Tampering


def forged(_size: int) -> bytes:
    """Not random at all."""
    return b"0"


@pytest.fixture
def tampering() -> Tampering:
    """Everything as it is now."""
    made = Tampering()
    made.look()
    return made


def test_nothing_replaced_is_nothing_said(tampering: Tampering) -> None:
    """A second look finds nothing new."""
    assert () == tampering.look()


def test_replaced_functions_methods_and_standard_ones_are_named(
    tampering: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is named with the module that the new one comes from."""
    monkeypatch.setattr(secrets, "token_bytes", forged)
    monkeypatch.setattr(results, "check_decoded", forged)
    monkeypatch.setattr(Batch, "take", forged)

    found = {(one.name, one.by) for one in tampering.look()}

    assert {
        ("secrets.token_bytes", __name__),
        ("county_gov.registry.results.check_decoded", __name__),
        ("county_gov.contract.batch.Batch.take", __name__),
    } == found


def test_what_was_taken_away_is_noticed(
    tampering: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that is gone was replaced by nothing."""
    monkeypatch.delattr(results, "check_decoded")

    assert ["county_gov.registry.results.check_decoded"] == [one.name for one in tampering.look()]
