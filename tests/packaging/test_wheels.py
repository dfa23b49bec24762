"""What is installed from wheels is whole: files, entry points, commands."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.0.dev0"

# A session builds once; building takes a few seconds, and nothing in the tree changes by it.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the wheels of the core and of the sensors plugin, by distribution name."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "plugins" / "sensors"):
        command: list[Path | str] = [
            "-m",
            "build",
            "--no-isolation",
            "--wheel",
            "--outdir",
            folder,
            project,
        ]
        _run([sys.executable, *command])
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Path:
    """Install the wheels into a fresh environment and give the folder of its commands.

    Third-party packages are those of the running interpreter, so that no index is asked.
    """
    environment = tmp_path_factory.mktemp("environment")
    _run([sys.executable, "-m", "venv", "--without-pip", environment])
    python = environment / "bin" / "python"
    pip: list[Path | str] = [sys.executable, "-m", "pip", "--python", python]
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", *wheels.values()])
    own = Path(_run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))
    # A plain path in a .pth file comes after the environment's own packages, and the .pth files
    # found there are not read: the editable installation stays out of sight.
    (own / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin"


def test_one_wheel_per_distribution(wheels: dict[str, Path]) -> None:
    """The plugin is a distribution of its own, with the version of the core."""
    assert {"county_gov", "county_gov_sensors"} == set(wheels)
    assert all(f"-{VERSION}-py3-none-any" in path.name for path in wheels.values())


@pytest.mark.parametrize(
    ("distribution", "source"),
    [("county_gov", ROOT / "src"), ("county_gov_sensors", ROOT / "plugins" / "sensors" / "src")],
)
def test_the_wheel_holds_every_file_of_the_package(
    wheels: dict[str, Path], distribution: str, source: Path
) -> None:
    """Templates, static files, translations and migrations are installed with the code."""
    tracked = _run(["git", "-C", source, "ls-files", "--", distribution]).splitlines()
    assert tracked
    with zipfile.ZipFile(wheels[distribution]) as wheel:
        assert set() == set(tracked) - set(wheel.namelist())


def test_the_wheel_holds_the_fetched_assets_and_their_licences(wheels: dict[str, Path]) -> None:
    """The server serves its charts itself, so the wheel carries them."""
    folder = "county_gov/server/static/vendor/echarts"
    with zipfile.ZipFile(wheels["county_gov"]) as wheel:
        names = set(wheel.namelist())
    expected = {f"{folder}/{name}" for name in ("echarts.min.js", "LICENSE", "NOTICE")}
    assert set() == expected - names


@pytest.mark.parametrize("distribution", ["county_gov", "county_gov_sensors"])
def test_the_wheel_holds_nothing_but_the_package(
    wheels: dict[str, Path], distribution: str
) -> None:
    """Tests, caches and other folders of the checkout are not installed into site-packages."""
    with zipfile.ZipFile(wheels[distribution]) as wheel:
        names = wheel.namelist()
    allowed = (f"{distribution}/", f"{distribution}-{VERSION}.dist-info/")
    assert [] == [name for name in names if not name.startswith(allowed)]
    assert [] == [name for name in names if name.endswith((".pyc", ".orig", ".db"))]
    assert f"{distribution}/py.typed" in names


def test_the_entry_point_of_the_plugin_loads(installed: Path) -> None:
    """The registry finds `sensors` by its entry point, from the wheel, and its class loads."""
    code = (
        "from importlib.metadata import entry_points\n"
        "point, = entry_points(group='county_gov.plugins', name='sensors')\n"
        "import sys\n"
        "plugin = point.load()\n"
        "print(plugin.__name__, sys.modules[plugin.__module__].__file__)\n"
    )
    name, place = _run([installed / "python", "-c", code]).split()
    assert "SensorsPlugin" == name
    assert Path(place).is_relative_to(installed.parent)


def test_the_command_prints_its_version(installed: Path) -> None:
    """`county-gov --version` runs from the wheel."""
    assert VERSION in _run([installed / "county-gov", "--version"])


def _run(command: list[Path | str]) -> str:
    """Run a command outside the checkout's influence and return what it printed."""
    result = subprocess.run(command, capture_output=True, check=False, text=True, timeout=240)
    assert 0 == result.returncode, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout.strip()
