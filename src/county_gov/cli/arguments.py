"""Arguments that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LAST_NUMBER = 2**63 - 1
"""The largest number that a database keeps."""
DeploymentFile = Annotated[
    Path, typer.Argument(help="The deployment file, for example county.toml.", show_default=False)
]
