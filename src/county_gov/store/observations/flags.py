"""What a datastream says about a value besides the value: text outside, a small number inside."""

from __future__ import annotations

from typing import Final

import numpy as np

from county_gov.contract.batch import Bools, UInt8s

FLAGS: Final = (
    "",
    "estimated",
    "suspect",
    "faulty",
    "calibrating",
    "maintenance",
    "manual",
    "above_range",
    "stopped",
)
"""Text by number. Numbers are stored: append, never reorder. After HJ 212-2017's data marks
(N, F, M, S, D, C, T) and what a source or a quality check may add."""

FLAG_NUMBERS: Final = {text: number for number, text in enumerate(FLAGS)}
"""Number by text."""

_UNMEASURED = tuple(
    FLAG_NUMBERS[text] for text in ("faulty", "calibrating", "maintenance", "stopped")
)
_MEASURES = np.array([number not in _UNMEASURED for number in range(256)])
_MEASURES.flags.writeable = False


def measures(flags: UInt8s) -> Bools:
    """Whether each value tells of the environment, and not of the instrument's own state.

    Values of a faulty, calibrating, maintained or stopped instrument are kept and shown, and
    enter no hourly figure.

    Args:
        flags: uint8, shape (n,).
    """
    return _MEASURES[flags]
