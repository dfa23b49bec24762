"""A plugin-based framework for county-level public services.

Importing this package loads the standard library, attrs and pluggy only. The running county, the
server and numpy are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from county_gov.deployment import County, load

__all__ = ["County", "__version__", "load"]


def __getattr__(name: str) -> object:
    if name in ("County", "load"):
        from county_gov import deployment

        return getattr(deployment, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("county-gov")
    msg = f"module 'county_gov' has no attribute {name!r}"
    raise AttributeError(msg)
