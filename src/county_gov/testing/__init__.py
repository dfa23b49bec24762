"""What a plugin's own tests may import beside `county_gov.api`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from attrs import define

from county_gov.errors import DeploymentError
from county_gov.registry.configuration import structure

C = TypeVar("C")

__all__ = ["SetClock", "configuration"]


@define
class SetClock:
    """A clock that stands until a test moves it. Instants are microseconds UTC."""

    at: int = 0

    def now(self) -> int:
        """The instant that was set."""
        return self.at


def configuration(
    cls: type[C], data: Mapping[str, object], *, folder: Path | str = ".", place: str = "config"
) -> C:
    """A plugin's configuration from plain data, checked as the deployment file is.

    Raises:
        DeploymentError: with every mistake at once.
    """
    made, problems = structure(data, cls, place=place, folder=Path(folder))
    if made is None:
        raise DeploymentError(problems)
    return made
