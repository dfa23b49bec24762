"""The suite: all checks of a plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from county_gov.errors import ContractError
from county_gov.registry.configuration import did_you_mean
from county_gov.testing.configuring import loaded
from county_gov.testing.conformance.check import Check, Subject
from county_gov.testing.conformance.endpoints import endpoint_checks
from county_gov.testing.conformance.importing import import_checks
from county_gov.testing.conformance.notifiers import notifier_checks
from county_gov.testing.conformance.pages import page_checks
from county_gov.testing.conformance.plugins import plugin_checks
from county_gov.testing.conformance.rules import rule_checks
from county_gov.testing.conformance.sources import source_checks
from county_gov.testing.conformance.work import work_checks
from county_gov.testing.conformance.workflows import workflow_checks

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from county_gov.contract.source import Delivery

FAMILIES = (
    plugin_checks,
    import_checks,
    source_checks,
    rule_checks,
    workflow_checks,
    page_checks,
    notifier_checks,
    endpoint_checks,
    work_checks,
)


def suite(
    plugin: type[Any],
    config: Mapping[str, object] | None = None,
    *,
    name: str = "",
    package: str = "",
    also: Mapping[type[Any], Mapping[str, object]] | None = None,
    samples: Mapping[str, Sequence[Delivery]] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    folder: Path | str = ".",
) -> tuple[Check, ...]:
    """All checks of a plugin.

    Args:
        plugin: Its class.
        config: What ``[plugin.config]`` says.
        name: Its name; found out where it is left empty.
        package: The package that it lives in; the topmost one of its class where left empty.
        also: Plugins whose datasets it reads, each with its configuration.
        samples: Deliveries by source's id, which its decoder must take.
        expected_failures: Reason by id of each check that is expected to fail.
        folder: Where relative paths of the configuration begin.

    Raises:
        ContractError: if an expected failure names no check or has no reason.
        DeploymentError: if the configuration is not sound.
    """
    others = [loaded(cls, of, folder=folder) for cls, of in (also or {}).items()]
    subject = Subject(
        plugin=loaded(plugin, config, name=name, folder=folder),
        cls=plugin,
        config=dict(config or {}),
        package=package or plugin.__module__.partition(".")[0],
        samples={key: tuple(found) for key, found in (samples or {}).items()},
        folder=Path(folder),
        datasets=tuple(
            dataset
            for one in others
            if callable(declare := getattr(one.instance, "datasets", None))
            for dataset in declare()
        ),
    )
    found = [check for family in FAMILIES for check in family(subject)]
    expected = dict(expected_failures or {})
    known = [one.id for one in found]
    for key, reason in expected.items():
        if key not in known:
            raise ContractError(f"there is no check {key!r}; {did_you_mean(key, known)}")
        if not reason.strip():
            raise ContractError(f"{key}: say why it is expected to fail")
    return tuple(evolve(one, expected=expected.get(one.id, "")) for one in found)


def checks(
    plugin: type[Any], config: Mapping[str, object] | None = None, **more: Any
) -> list[ParameterSet]:
    """The suite as parameters of a pytest test, one id per contribution and check.

    A check that is expected to fail and passes fails the test::

        @pytest.mark.parametrize("check", checks(ReservoirPlugin, CONFIG))
        def test_conformance(check: Check) -> None:
            check()

    Args:
        plugin: The plugin's class.
        config: What ``[plugin.config]`` says.
        **more: As of `suite`.
    """
    import pytest

    return [
        pytest.param(
            one,
            id=one.id,
            marks=pytest.mark.xfail(reason=one.expected, strict=True) if one.expected else (),
        )
        for one in suite(plugin, config, **more)
    ]
