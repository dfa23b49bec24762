"""A check of the conformance suite, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen

from county_gov.contract.dataset import Dataset
from county_gov.contract.source import Delivery
from county_gov.contract.text import Text
from county_gov.registry.discovery import LoadedPlugin
from county_gov.registry.registry import DECLARATIONS, implementation

Outcome = Literal["passed", "failed", "expected", "unexpected"]


class Nonconformity(AssertionError):
    """A contribution does not keep the contract; the message says what it did and what to do."""


def require(holds: object, message: str) -> None:
    """Fail the check unless something holds.

    Raises:
        Nonconformity: if it does not.
    """
    if not holds:
        raise Nonconformity(message)


@frozen(eq=False)
class Subject:
    """What is checked.

    Args:
        plugin: The plugin, loaded with its configuration.
        cls: Its class.
        config: The configuration as plain data.
        package: The package that is searched for imports.
        samples: Deliveries by source's id that its decoder is tried with beside nonsense.
        folder: Where relative paths of the configuration begin.
        datasets: Datasets of other plugins that it reads.
    """

    plugin: LoadedPlugin
    cls: type[Any]
    config: Mapping[str, object]
    package: str
    samples: Mapping[str, tuple[Delivery, ...]] = field(factory=dict)
    folder: Path = field(factory=Path)
    datasets: tuple[Dataset, ...] = ()

    def declared(self, kind: str) -> tuple[Any, ...]:
        """What the plugin contributes of a kind; nothing where the hook fails."""
        function = implementation(self.plugin.instance, kind)
        try:
            return tuple(function()) if function else ()
        except Exception:  # noqa: BLE001 (the check "declares" tells it)
            return ()

    def contributions(self) -> dict[str, Any]:
        """All contributions by "<kind>:<id>"."""
        return {
            f"{kind}:{identifier(item)}": item
            for kind in DECLARATIONS
            for item in self.declared(kind)
        }


def identifier(item: object) -> str:
    """A contribution's id, or a page's path."""
    return str(getattr(item, "id", "") or getattr(item, "path", ""))


@frozen(eq=False)
class Check:
    """One question about one contribution.

    Args:
        id: ``<kind>:<contribution>:<check>``, for example ``rule:sensors.pm25_heavy:order``.
        question: What is asked, one sentence.
        run: Raises `Nonconformity` where the answer is no.
        expected: Why it is expected to fail; empty where it is not.
    """

    id: str
    question: str
    run: Callable[[], None]
    expected: str = ""

    def __call__(self) -> None:
        """Run it.

        Raises:
            Nonconformity: where the answer is no.
        """
        self.run()

    def __str__(self) -> str:
        return self.id


@frozen(eq=False)
class Result:
    """What came of a check.

    Args:
        check: The check.
        outcome: "expected" is a failure that was expected, "unexpected" a pass that was not.
        message: Why it failed.
    """

    check: Check
    outcome: Outcome
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.outcome in ("passed", "expected")


def run(check: Check) -> Result:
    """Run a check and say what came of it."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 (whatever a plugin raises is the result)
        message = str(error) if isinstance(error, Nonconformity) else _told(error)
        return Result(check, "expected" if check.expected else "failed", message)
    if check.expected:
        message = f"passes, although it was expected to fail: {check.expected}; remove it"
        return Result(check, "unexpected", message)
    return Result(check, "passed")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def texts_in(value: object, place: str) -> list[tuple[str, Text]]:
    """All `Text` within a contribution, each with its place."""
    if isinstance(value, Text):
        return [(place, value)]
    if isinstance(value, tuple | list):
        return [
            found
            for number, one in enumerate(value)
            for found in texts_in(one, f"{place}[{getattr(one, 'id', number)}]")
        ]
    cls: Any = type(value)
    if attrs.has(cls):
        return [
            found
            for one in attrs.fields(cls)
            for found in texts_in(getattr(value, one.name), f"{place}.{one.name}")
        ]
    return []
