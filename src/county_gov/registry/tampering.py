"""Whether somebody replaced functions or classes of ours, or of the standard library.

A plugin within the county's own process can do anything that the county can; what it replaces for
everybody is at least noticed. What had been replaced before the first look is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

from attrs import define, field, frozen

OURS = "county_gov"
STANDARD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "builtins": ("open", "print", "exec", "eval", "compile", "__import__", "isinstance"),
        "hashlib": ("sha256", "sha512", "new", "scrypt", "pbkdf2_hmac"),
        "hmac": ("new", "digest", "compare_digest"),
        "json": ("loads", "dumps"),
        "logging": ("getLogger",),
        "os": ("open", "urandom", "getenv", "system", "fork", "kill"),
        "secrets": ("token_bytes", "token_hex", "token_urlsafe", "compare_digest"),
        "socket": ("socket", "create_connection", "getaddrinfo"),
        "sqlite3": ("connect",),
        "ssl": ("SSLContext", "create_default_context"),
        "subprocess": ("Popen", "run"),
        "time": ("time", "time_ns", "monotonic", "perf_counter", "sleep"),
        "urllib.request": ("urlopen",),
    }
)
"""Functions of the standard library that security or time rests on."""


@frozen
class Replaced:
    """Something that is not what it was.

    Args:
        name: Module and attribute.
        by: Module that the new one comes from, where that can be told.
    """

    name: str
    by: str

    def __str__(self) -> str:
        return f"{self.name} was replaced" + (f" by {self.by}" if self.by else "")


@define(eq=False)
class Tampering:
    """Remembers what functions and classes were, and compares.

    A module that is loaded later is remembered when it is first seen.
    """

    _seen: set[str] = field(factory=set, init=False)
    _names: list[tuple[str, Mapping[str, object], dict[str, object]]] = field(
        factory=list, init=False
    )
    """Place, its names as they are, and as they were."""

    def look(self) -> tuple[Replaced, ...]:
        """Compare everything that is known, and remember what is new."""
        found = [
            Replaced(f"{place}.{name}", _origin(now.get(name)))
            for place, now, before in self._names
            for name, value in before.items()
            if now.get(name) is not value
        ]
        for name, module in list(sys.modules.items()):
            if name not in self._seen:
                self._seen.add(name)
                self._names += _of_module(name, module)
        return tuple(found)


def _of_module(
    name: str, module: ModuleType
) -> Iterator[tuple[str, Mapping[str, object], dict[str, object]]]:
    if name in STANDARD:
        names = vars(module)
        yield name, names, {one: names[one] for one in STANDARD[name] if one in names}
    if name.partition(".")[0] != OURS:
        return
    names = vars(module)
    public: dict[str, object] = {
        key: one for key, one in names.items() if isinstance(one, FunctionType | type)
    }
    yield name, names, public
    for key, one in public.items():
        if isinstance(one, type) and one.__module__ == name:
            members = vars(one)
            yield (
                f"{name}.{key}",
                members,
                {
                    member: value
                    for member, value in members.items()
                    if isinstance(value, FunctionType | property | classmethod | staticmethod)
                },
            )


def _origin(value: Any) -> str:
    function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    code = getattr(function, "__code__", None)
    module = str(getattr(function, "__module__", "") or "")
    return module or (str(code.co_filename) if code else "")
