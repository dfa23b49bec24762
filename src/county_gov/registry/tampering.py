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

    _known: dict[tuple[str, str], object] = field(factory=dict, init=False)

    def look(self) -> tuple[Replaced, ...]:
        """Compare everything that is known, and remember what is new."""
        found = []
        for name, attribute, value in _public():
            before = self._known.setdefault((name, attribute), value)
            if before is not value:
                found.append(Replaced(f"{name}.{attribute}", _origin(value)))
        return tuple(found)


def _public() -> Iterator[tuple[str, str, object]]:
    """Module, dotted name and object of everything that is looked at."""
    for name, names in STANDARD.items():
        module = sys.modules.get(name)
        for attribute in names if module is not None else ():
            yield name, attribute, getattr(module, attribute, None)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == OURS:
            yield from _of_module(name, module)


def _of_module(name: str, module: ModuleType) -> Iterator[tuple[str, str, object]]:
    for attribute, value in list(vars(module).items()):
        if isinstance(value, FunctionType | type):
            yield name, attribute, value
            if isinstance(value, type) and value.__module__ == name:
                yield from (
                    (name, f"{attribute}.{member}", one)
                    for member, one in list(vars(value).items())
                    if isinstance(one, FunctionType | property | classmethod | staticmethod)
                )


def _origin(value: Any) -> str:
    function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    code = getattr(function, "__code__", None)
    module = str(getattr(function, "__module__", "") or "")
    return module or (str(code.co_filename) if code else "")
