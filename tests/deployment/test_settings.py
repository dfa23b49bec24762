"""The deployment file: every mistake at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from county_gov.deployment.settings import read_settings, settings_from
from county_gov.errors import DeploymentError

GOOD = """
[county]
name = "示范县"
code = "990101"
api = 0
[store]
url = "sqlite:///var/county.db"
"""


def write(folder: Path, text: str) -> Path:
    """A deployment file with this text."""
    path = folder / "county.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """Lines of the error that reading the text raises."""
    with pytest.raises(DeploymentError) as caught:
        read_settings(write(folder, text))
    return [str(problem) for problem in caught.value.problems]


def split(line: str) -> tuple[str, str]:
    """Place and message of a line."""
    name, path, message = line.split(": ", 2)
    return f"{name}: {path}", message


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    """Only the county and the store have no defaults; the store's path begins at the file."""
    settings = read_settings(write(tmp_path, GOOD))

    assert "示范县" == settings.county.name.zh
    assert f"sqlite:///{tmp_path}/var/county.db" == settings.store_url()
    assert ("core.log",) == settings.notify.channels


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """One reading names all mistakes, with file and dotted path."""
    text = """
[county]
name = "示范县"
code = "99010"
api = 7
timezone = "Asia/Shanghia"
[store]
url = 3
[server]
port = "8080"
hosst = "0.0.0.0"
[notify]
channels = "core.log"
[roles.clerk]
title = "经办"
permissions = ["a"]
reach = "arae"
[[plugin]]
use = 1
[secrets]
device_master = "in plain sight"
"""

    assert {
        "county.toml: county.code": "expected a county code of six digits (GB/T 2260), got '99010'",
        "county.toml: county.api": "this county_gov implements api = 0, got 7",
        "county.toml: county.timezone": (
            "expected a time zone such as Asia/Shanghai, got 'Asia/Shanghia'"
        ),
        "county.toml: store.url": "expected text, got 3",
        "county.toml: server.port": "expected a whole number, got '8080'",
        "county.toml: server.hosst": "unknown setting; did you mean 'host'?",
        "county.toml: notify.channels": "expected a list, got 'core.log'",
        "county.toml: roles.clerk.reach": "expected 'area' or 'unit' or 'person', got 'arae'",
        "county.toml: plugin[0].use": "expected text, got 1",
        "county.toml: secrets.device_master": (
            'expected { env = "NAME" } or { file = "path" }: '
            "a secret does not stand in the file itself"
        ),
    } == dict(split(line) for line in mistakes(tmp_path, text))


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    """Line and column of the mistake are told."""
    (line,) = mistakes(tmp_path, "[county\n")

    assert line.startswith("county.toml: is not TOML: ")
    assert "line 1" in line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is told."""
    with pytest.raises(DeploymentError, match=r"nowhere\.toml: cannot be read"):
        read_settings(tmp_path / "nowhere.toml")


def test_the_password_of_the_store_is_joined_in_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in no printed form of the settings, only in the URL for the database."""
    monkeypatch.setenv("COUNTY_TEST_PASSWORD", "p@ss/word")
    text = GOOD.replace(
        'url = "sqlite:///var/county.db"',
        'url = "postgresql+psycopg://county@db/county"\n'
        'password = { env = "COUNTY_TEST_PASSWORD" }',
    )

    settings = read_settings(write(tmp_path, text))

    assert "word" not in repr(settings.store).replace("password", "")
    assert "postgresql+psycopg://county:p%40ss%2Fword@db/county" == settings.store_url()


def test_the_demonstration_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that ``make demo`` runs has no mistake beside its key that is made at set-up."""
    path = Path("examples/demo_county/county.toml")
    text = path.read_text(encoding="utf-8").replace(
        '{ file = "var/device-master.key" }', '{ env = "COUNTY_TEST_MASTER" }'
    )
    monkeypatch.setenv("COUNTY_TEST_MASTER", "m" * 32)

    settings = settings_from(tomllib.loads(text), folder=path.parent)

    assert "sensors" == settings.plugin[0].use
    assert {"dispatch_centre", "grid_worker", "department_officer", "administrator"} == set(
        settings.roles
    )
