"""Hatch's build hook: what is not in git is fetched before a wheel or an archive is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsBuildHook(BuildHookInterface[Any]):
    """Fetch the front-end files that the server serves, unless they are there already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before files are collected; an editable installation leaves the fetching to make."""
        if version == "editable":
            return
        script = Path(self.root) / "scripts" / "fetch_assets.py"
        subprocess.run([sys.executable, script, "echarts"], check=True)
