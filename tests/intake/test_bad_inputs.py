"""Every class of bad input is refused or quarantined, and costs no good row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov import errors
from county_gov.contract.access import Scope
from county_gov.contract.source import Delivery
from county_gov.errors import IntakeError
from county_gov.intake.limits import IntakeLimits
from county_gov.intake.reasons import ROW_REASONS
from county_gov.intake.validation import Validated, validate
from county_gov.intake.wire_format import read
from county_gov.store.intake import QuarantineFilter
from tests.intake.bad_inputs import BAD_INPUTS, RECEIVED_AT, BadInput
from tests.intake.sample_registers import SampleRegisters

if TYPE_CHECKING:
    from county_gov.intake.intake import Intake
    from county_gov.intake.quarantine import Quarantine

LIMITS = IntakeLimits()
REFUSED = [bad for bad in BAD_INPUTS if bad.kind == "refused"]
QUARANTINED = [bad for bad in BAD_INPUTS if bad.kind == "quarantined"]


def check(raw: bytes, wire_format: str) -> Validated:
    """Decode and validate."""
    readable = read(raw, wire_format, LIMITS)
    return validate(readable, SampleRegisters.of(), received_at=RECEIVED_AT, limits=LIMITS)


def test_the_list_is_long_and_its_names_are_unique() -> None:
    """There are at least forty classes, each under a name of its own."""
    names = [bad.name for bad in BAD_INPUTS]
    assert len(names) >= 40
    assert len(names) == len(set(names))


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.name)
def test_an_unreadable_delivery_raises_the_fitting_error(bad: BadInput) -> None:
    """What makes the whole unreadable is an error of intake, with words of ours."""
    with pytest.raises(getattr(errors, bad.code)) as caught:
        check(bad.body(), bad.content_type)
    assert isinstance(caught.value, IntakeError)
    assert len(str(caught.value)) <= 400
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("bad", QUARANTINED, ids=lambda bad: bad.name)
def test_a_bad_row_is_rejected_beside_good_ones(bad: BadInput) -> None:
    """A bad row gets its reason; the good rows beside it are readings."""
    validated = check(bad.body(), bad.content_type)
    (rejected,) = validated.rejected
    assert (bad.good, bad.code) == (len(validated.readings), rejected.reason.code)
    assert bad.code in ROW_REASONS
    assert len(rejected.reason.value) <= 200
    assert rejected.reason.value.isprintable()


@pytest.mark.parametrize("bad", QUARANTINED, ids=lambda bad: bad.name)
def test_the_raw_text_of_a_bad_row_is_rejected_again(bad: BadInput) -> None:
    """What is kept of a bad row is that row and no other, and is bad for the same reason."""
    (first,) = check(bad.body(), bad.content_type).rejected
    again = check(first.raw, first.wire_format)
    assert 0 == len(again.readings)
    assert [bad.code] == [one.reason.code for one in again.rejected]


async def test_bad_input_is_never_in_the_data(intake: Intake, quarantine: Quarantine) -> None:
    """Taken in one after another, bad deliveries leave good rows and quarantined ones behind."""
    accepted, expected = 0, []
    for bad in BAD_INPUTS:
        delivery = Delivery(bad.body(), bad.content_type, bad.name, RECEIVED_AT)
        if bad.kind == "refused":
            with pytest.raises(getattr(errors, bad.code)):
                await intake.take(delivery, source="test")
            continue
        outcome = await intake.take(delivery, source=bad.name)
        accepted += outcome.accepted + outcome.duplicate + outcome.revised
        expected.append((bad.name, bad.code))
        assert 1 == outcome.quarantined
    items, total = await quarantine.find(Scope.everything(), QuarantineFilter(), limit=500)
    assert expected == [(item.provenance, item.code) for item in reversed(items)]
    assert (len(expected), sum(bad.good for bad in QUARANTINED)) == (total, accepted)
