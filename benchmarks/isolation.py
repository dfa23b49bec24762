"""What a call of a rule costs: directly, behind the gateway, and in a process of its own.

Run it with ``python benchmarks/isolation.py``; microseconds are printed, the median and the 99th
percentile, and milliseconds from the order of a process to its answer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from attrs import frozen

from county_gov.api import (
    Batch,
    Citation,
    Condition,
    Hooks,
    Judgement,
    Latest,
    Rule,
    Text,
    implements,
)

SIZES = (1, 1_000, 20_000)
CALLS = 400
WARM = 20
STARTS = 5
LIMIT = 75.0


@frozen
class LimitConfig:
    """No settings."""


def judge(batch: Batch) -> Mapping[str, Judgement]:
    """Whether each value is above a limit, and whether it is below a lower one."""
    values = batch["value"]
    known = np.isfinite(values)
    above = np.where(known, values > LIMIT, -1).astype(np.int8)
    below = np.where(known, values < LIMIT * 0.9, -1).astype(np.int8)
    rows = batch.rows
    return {
        "above": Judgement(above, values, np.full(rows, LIMIT)),
        "below": Judgement(below, values, np.full(rows, LIMIT * 0.9)),
    }


@frozen(eq=False)
class LimitPlugin:
    """A plugin with one rule of two conditions."""

    config: LimitConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[LimitConfig]] = LimitConfig

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """The rule."""
        words, citation = Text(zh="限值", en="Limit"), Citation("benchmark")
        return (
            Rule(
                id="limit.both",
                title=words,
                inputs={"value": Latest("pm25")},
                conditions=(
                    Condition("above", words, citation),
                    Condition("below", words, citation),
                ),
                judge=judge,
            ),
        )


def batch_of(rows: int) -> Batch:
    """Readings of as many datastreams."""
    chance = np.random.default_rng(1)
    return Batch(
        {
            "datastream": np.arange(rows, dtype=np.int64),
            "time": np.full(rows, 1_700_000_000_000_000),
            "value": chance.uniform(0, 150, rows),
        }
    )


def measured(function: Callable[[Batch], object], batch: Batch) -> tuple[float, float]:
    """Median and 99th percentile of many calls, microseconds."""
    taken = []
    for call in range(WARM + CALLS):
        started = time.perf_counter()
        function(batch)
        if call >= WARM:
            taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1e6, float(np.percentile(taken, 99)) * 1e6


def main() -> None:
    """Measure and print."""
    from county_gov.contract.clock import SystemClock
    from county_gov.registry.discovery import PluginRequest, configure
    from county_gov.registry.gateway import Gateway
    from county_gov.registry.guarding import guarded
    from county_gov.registry.isolation.loading import load_isolated
    from county_gov.registry.limits import ProcessLimits
    from county_gov.registry.registry import build_registry

    folder = Path(__file__).parent
    sys.path.insert(0, str(folder))
    near, _ = configure(
        LimitPlugin, PluginRequest("limit", {}, "benchmark", folder), distribution="-", version="0"
    )
    starts, far = [], None
    for _ in range(STARTS):
        if far is not None and far.process is not None:
            far.process.close()
        request = PluginRequest("limit", {}, "benchmark", folder, limits=ProcessLimits())
        started = time.perf_counter()
        far, problems = load_isolated(
            request, "isolation:LimitPlugin", distribution="-", version="0"
        )
        starts.append(time.perf_counter() - started)
        if far is None:
            sys.exit("\n".join(map(str, problems)))
    ways: dict[str, Callable[[Batch], object]] = {"direct": judge}
    for name, plugin in (("behind the gateway", near), ("in a process of its own", far)):
        if plugin is not None:
            registry, _ = build_registry([plugin])
            found = guarded(registry.contributions, Gateway(SystemClock()), [plugin], {})
            ways[name] = found.rules["limit.both"].judge
    print(f"start of a process to its first answer: {np.median(starts) * 1e3:.0f} ms")
    print(f"{'rows':>8}  " + "  ".join(f"{name:>24}" for name in ways))
    for rows in SIZES:
        batch = batch_of(rows)
        cells = [measured(function, batch) for function in ways.values()]
        print(
            f"{rows:>8}  " + "  ".join(f"{median:>13.0f} / {most:>8.0f}" for median, most in cells)
        )
    if far is not None and far.process is not None:
        print("closed by this kernel:", dict(far.process.closed))
        far.process.close()


if __name__ == "__main__":
    main()
