"""Importing the library is cheap."""

from __future__ import annotations

import subprocess
import sys

ALLOWED = {"attr", "attrs", "county_gov", "pluggy"}

CODE = """\
import sys
before = set(sys.modules)
import county_gov
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_import_loads_only_the_standard_library_attrs_and_pluggy() -> None:
    """A plugin's tests, a script or a shell completion must not wait for numpy or SQLAlchemy."""
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, check=True, text=True, timeout=60
    )
    loaded = set(result.stdout.split())
    assert "county_gov" in loaded
    assert set() == loaded - ALLOWED - sys.stdlib_module_names
