"""What the kernel is asked to close, and what is left open."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county_gov.registry.isolation import confinement, syscalls
from county_gov.registry.isolation.confinement import filter_program
from county_gov.registry.isolation.loading import missing_protections
from county_gov.registry.isolation.places import Places
from county_gov.registry.limits import MIB, ProcessLimits

THREAD = 0x3D0F00
"""The flags with which the C library makes a thread."""


def outcome(program: bytes, architecture: int, number: int, first: int = 0) -> int:
    """What the kernel would do, by an interpreter of the instructions that we use."""
    steps = list(struct.iter_unpack("<HBBI", program))
    data = {0: number, 4: architecture, 16: first}
    value, at = 0, 0
    while True:
        code, then, otherwise, operand = steps[at]
        if code == confinement.RETURN:
            return int(operand)
        if code == confinement.LOAD:
            value, holds = data[operand], None
        elif code == confinement.EQUAL:
            holds = value == operand
        elif code == confinement.AT_LEAST:
            holds = value >= operand
        else:
            assert code == confinement.ANY_BIT
            holds = bool(value & operand)
        at += 1 + (0 if holds is None else then if holds else otherwise)


REFUSED = confinement.REFUSE | errno.EPERM


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_the_filter_on_every_machine(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads may be made, processes may not; sockets and signals are refused; the rest is not."""
    monkeypatch.setattr(syscalls, "machine", lambda: machine)
    own, architecture = syscalls.forbidden(), syscalls.ARCHITECTURES[machine]
    program = filter_program(architecture, own)

    assert len(program) // 8 < 4096
    assert {REFUSED} == {outcome(program, architecture, one) for one in own}
    assert confinement.ALLOW == outcome(program, architecture, syscalls.clone(), THREAD)
    assert REFUSED == outcome(program, architecture, syscalls.clone(), 17)
    assert confinement.REFUSE | errno.ENOSYS == outcome(program, architecture, syscalls.CLONE3)
    assert confinement.ALLOW == outcome(program, architecture, syscalls.prlimit(), 0)
    assert REFUSED == outcome(program, architecture, syscalls.prlimit(), 1)
    assert confinement.END_PROCESS == outcome(program, architecture + 1, 0)


@given(st.integers(0, 2**31))
def test_what_is_not_named_is_allowed(number: int) -> None:
    """The filter refuses what it names and, on x86_64, the second table of numbers."""
    architecture = syscalls.ARCHITECTURES["x86_64"]
    program = filter_program(architecture, (41, 57))

    named = number in (41, 57) or number >= confinement.X32_BIT
    if number in (syscalls.CLONE3, syscalls.clone(), syscalls.prlimit()):
        return
    assert (REFUSED if named else confinement.ALLOW) == outcome(program, architecture, number)


def test_limits_have_the_kernels_names() -> None:
    """Each is a limit of `resource`, and none is for ever."""
    import resource

    limits = ProcessLimits(memory_bytes=300 * MIB).rlimits()

    assert 300 * MIB == limits["RLIMIT_AS"]
    assert all(isinstance(getattr(resource, name), int) for name in limits)


def test_modules_come_from_the_installation_and_what_is_named_only() -> None:
    """No other entry of the path is handed on: it may be the folder of the deployment."""
    places = Places.of(("county_gov_sensors",))
    readable = [str(one) for one in places.as_order()["readable"]]  # type: ignore[attr-defined] # a list

    assert {"county_gov", "county_gov_sensors"} >= {name for name, _place in places.roots}
    assert not {"", "/", ".", "/root", "/home"} & set(readable)
    assert all("/" in one for one in readable)


def test_what_is_missing_is_said_in_words() -> None:
    """Each missing protection is one of those that are known."""
    known = {"files (Landlock)", "system calls (seccomp)", "network (namespaces)"}

    assert set(missing_protections()) <= known
