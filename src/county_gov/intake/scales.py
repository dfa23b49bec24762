"""Whether readings may still land as they were scaled.

A delivery is checked against the registers that are current when it arrives, outside of any
transaction. Until it lands, a datastream that has no readings yet may be given another period or
other decimals. So the change that lands it asks once more; where the registers have not changed at
all, which is nearly always, that is one small statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from county_gov.errors import StoreBusy
from county_gov.store.registers import read_scales, read_version

if TYPE_CHECKING:
    from county_gov.intake.validation import Registers
    from county_gov.store.transaction import Transaction


def check_scales(tx: Transaction, registers: Registers, datastreams: Iterable[int]) -> None:
    """Refuse readings that were scaled by what the registers no longer say.

    Args:
        tx: The transaction in which they land.
        registers: The snapshot that they were checked against.
        datastreams: Their datastreams' numbers.

    Raises:
        StoreBusy: if one has another period or other decimals now; the same delivery sent again is
            scaled anew.
    """
    if read_version(tx) == registers.version:
        return
    for number, code, scale in read_scales(tx, sorted(set(datastreams))):
        if scale != (registers.period.item(number), registers.decimals.item(number)):
            msg = (
                f"the register of datastream {code!r} was changed while this delivery was on its "
                "way; send it again"
            )
            raise StoreBusy(msg)
