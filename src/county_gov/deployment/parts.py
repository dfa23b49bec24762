"""The parts of a county, made from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from county_gov.access.roles import check_permissions, reaches_of
from county_gov.deployment.permissions import CORE_PERMISSIONS
from county_gov.errors import DeploymentError, Problem, RegisterError, TargetRefused
from county_gov.intake.limits import IntakeLimits
from county_gov.notify import WebhookSettings, log_notifier, webhook_notifier
from county_gov.parameters import Notices
from county_gov.registers import RegisterFile, RegisterSnapshot, read_people
from county_gov.registers.entries import read_entries
from county_gov.registers.importing import plan_import
from county_gov.registry.configuration import did_you_mean
from county_gov.registry.discovery import LoadedPlugin, load_plugins
from county_gov.registry.registry import Registry, build_registry
from county_gov.rules.fitting import input_faults, policy_faults
from county_gov.store.access import holders
from county_gov.store.registers import RegisterContents

if TYPE_CHECKING:
    from pathlib import Path

    from county_gov.contract.notifier import Notifier
    from county_gov.deployment.settings import Settings
    from county_gov.store import Snapshot

MINUTE = 60_000_000
REGISTERS = ("areas", "units", "things", "datastreams")


def read_registry(settings: Settings, plugins: Sequence[LoadedPlugin]) -> Registry:
    """Load the plugins and collect what they contribute.

    Raises:
        DeploymentError: with every problem at once, those of the roles and channels included.
    """
    loaded, problems = load_plugins(settings.plugin_requests())
    registry, found = build_registry(
        [*loaded, *plugins],
        {"permissions": CORE_PERMISSIONS, "notifiers": _core_channels(settings, problems)},
        place=settings.name,
        listed=[one.use for one in settings.plugin if one.enabled],
    )
    problems += found
    known = [*sorted(registry.contributions.permissions), *_permissions_of_disabled(settings)]
    problems += _rule_problems(registry)
    if not problems:
        problems += check_permissions(settings.roles, known, place=f"{settings.name}: ")
        problems += _unknown_channels(settings, registry)
    if problems:
        for plugin in loaded:
            if plugin.process is not None:
                plugin.process.close()
        raise DeploymentError(problems)
    return registry


def _rule_problems(registry: Registry) -> list[Problem]:
    """What rules and alert policies name that there is not."""
    found = registry.contributions
    faults = [
        (f"rules:{rule.id}", fault)
        for rule in found.rules.values()
        for fault in input_faults(rule, found.datasets, found.parameters)
    ] + [
        (f"alert_policies:{policy.id}", fault)
        for policy in found.alert_policies.values()
        for fault in policy_faults(policy, found.alert_policies, found.rules, found.workflows)
    ]
    return [
        Problem(f"{found.owners[owner].place}.use", f"{found.owners[owner]}: {fault}")
        for owner, fault in faults
    ]


def _permissions_of_disabled(settings: Settings) -> list[str]:
    """The permissions in roles that belong to disabled plugins: their data can still be read."""
    disabled = settings.disabled_plugins()
    return [
        name
        for role in settings.roles.values()
        for name, _reach in reaches_of(role)
        if name.split(".", maxsplit=1)[0] in disabled
    ]


def _core_channels(settings: Settings, problems: list[Problem]) -> list[Notifier]:
    found = [log_notifier()]
    webhook = settings.notify.webhook
    if webhook is not None:
        try:
            found.append(
                webhook_notifier(
                    WebhookSettings(
                        url=webhook.url,
                        secret=webhook.secret.reveal(),
                        allowed_hosts=webhook.allowed_hosts,
                        allow_http=webhook.allow_http,
                    )
                )
            )
        except DeploymentError as error:
            place = f"{settings.name}: notify.webhook"
            problems += [Problem(place, one.message) for one in error.problems]
        except TargetRefused as error:
            problems.append(Problem(f"{settings.name}: notify.webhook.url", str(error)))
    return found


def _unknown_channels(settings: Settings, registry: Registry) -> list[Problem]:
    known = sorted(registry.contributions.notifiers)
    return [
        Problem(
            f"{settings.name}: notify.channels[{number}]",
            f"there is no notifier {channel!r}; {did_you_mean(channel, known)}",
        )
        for number, channel in enumerate(settings.notify.channels)
        if channel not in known
    ]


def channels(settings: Settings, registry: Registry) -> Mapping[str, Notifier]:
    """The notifiers that notices go to, by id."""
    return {key: registry.contributions.notifiers[key] for key in settings.notify.channels}


def parameter_notices(settings: Settings) -> Notices:
    """Tells those who may approve a parameter's value: who holds it in a role, where it reaches."""

    def approvers(snapshot: Snapshot, permission: str, area: str, day: int) -> set[int]:
        roles = [
            name
            for name, role in settings.roles.items()
            if (permission, "area") in set(reaches_of(role))
        ]
        found = (holders(snapshot, role, area, day) for role in roles)
        return {holder.account for held in found for holder in held}

    return Notices(
        channels=settings.notify.channels,
        approvers=approvers,
        timezone=ZoneInfo(settings.county.timezone),
        county=settings.county.code,
        drill=settings.county.drill,
    )


def intake_limits(settings: Settings) -> IntakeLimits:
    """How much is taken at once."""
    return IntakeLimits(
        max_bytes=settings.intake.maximum_bytes,
        max_rows=settings.intake.maximum_rows,
        future_tolerance=settings.intake.future_minutes * MINUTE,
        day_offset=_offset_of(settings.county.timezone),
    )


def _offset_of(timezone: str) -> int:
    """Microseconds by which local midnight precedes midnight UTC, on the first of January 2026."""
    offset = datetime(2026, 1, 1, tzinfo=ZoneInfo(timezone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * 1_000_000


def register_files(settings: Settings) -> list[RegisterFile]:
    """The register files that the settings name.

    Raises:
        DeploymentError: if one cannot be read; all of them at once.
    """
    problems: list[Problem] = []
    files = [_file(settings, register, problems) for register in REGISTERS]
    if problems:
        raise DeploymentError(problems)
    return [file for file in files if file is not None]


def people_file(settings: Settings) -> RegisterFile | None:
    """The file of accounts and posts that the settings name.

    Raises:
        DeploymentError: if it cannot be read.
    """
    problems: list[Problem] = []
    file = _file(settings, "accounts", problems)
    if problems:
        raise DeploymentError(problems)
    return file


def _file(settings: Settings, register: str, problems: list[Problem]) -> RegisterFile | None:
    path: Path | None = getattr(settings.registers, register)
    if path is None:
        return None
    try:
        return RegisterFile(register, path.name, path.read_bytes())
    except OSError as error:
        place = f"{settings.name}: registers.{register}"
        problems.append(Problem(place, f"cannot read {path}: {error.strerror}"))
        return None


def check_registers(settings: Settings) -> None:
    """Check the register files as far as that is possible without the database.

    References are checked where all four files are given; else the database may hold what a file
    refers to.

    Raises:
        DeploymentError: if a file cannot be read.
        RegisterError: with all problems of all files at once.
    """
    files = register_files(settings)
    entries = read_entries(files)
    if entries.problems:
        raise RegisterError(entries.problems)
    if len(files) < len(REGISTERS):
        return
    plan = plan_import(RegisterContents(versions={}), entries, has_readings=lambda _number: False)
    people = people_file(settings)
    if people is not None:
        contents = RegisterContents(
            versions={},
            areas={row.code: row for row in plan.changes.areas},
            units={row.code: row for row in plan.changes.units},
        )
        read_people(people, RegisterSnapshot.of(contents), settings.roles)
