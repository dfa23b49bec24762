"""Every way in which somebody may type store.url works, or is told what is wrong with it."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from county_gov.errors import StoreError
from county_gov.store import migration, open_database
from county_gov.store.address import complete_address, read_address

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {
    "sqlite:///county.db": "county.db",
    "sqlite:///var/deep/er/county.db": "var/deep/er/county.db",
    "sqlite:///a b/c d.db": "a b/c d.db",
    "sqlite:///数据/示范县.db": "数据/示范县.db",
    "sqlite:///a%20b%3Fc%25.db": "a b?c%.db",
    "sqlite:///../county.db": "../county.db",
    "sqlite:///county": "county",
}


@pytest.mark.parametrize("url", FILES)
@pytest.mark.parametrize("folder", ["县 100%20", "what?", "plain"])
def test_a_file_is_made_where_its_address_says(tmp_path: Path, url: str, folder: str) -> None:
    """Relative to its folder, whatever characters are in the names of either."""
    place = tmp_path / folder
    place.mkdir()
    database = open_database(complete_address(url, folder=place))
    migration.upgrade(database)
    database.close()
    assert (place / FILES[url]).stat().st_size > 0
    assert (place / FILES[url]).resolve() == Path(
        read_address(database.url).database or ""
    ).resolve()


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    """Four slashes begin an absolute path; the folder does not matter."""
    url = complete_address(f"sqlite:///{tmp_path}/county.db", folder=Path("/elsewhere"))
    assert f"{tmp_path}/county.db" == read_address(url).database


@pytest.mark.parametrize(
    "url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"]
)
def test_the_usual_names_of_postgresql_are_known(url: str) -> None:
    """All of them are opened with psycopg 3, with the password that stands apart."""
    whole = complete_address(url, folder=Path(), password="p@ss")
    assert "postgresql+psycopg://u:p%40ss@h/d" == whole


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begins with ''"),
        ("county.db", "begins with 'county.db'"),
        (" sqlite:///county.db", "begins with ' sqlite'"),
        ("sqlite:", "begins with"),
        ("sqlite://", "names no file"),
        ("sqlite://var/county.db", "three slashes"),
        ("sqlite:///", "names a folder"),
        ("sqlite:////", "names a folder"),
        ("sqlite:///var/", "names a folder"),
        ("sqlite:///var/..", "names a folder"),
        ("sqlite:///:memory:", "is no file"),
        ("sqlite:///file:county.db", "is no file"),
        ("sqlite:///county\0.db", "no file's name may have"),
        ("sqlite:///county.db?mode=ro", "takes none"),
        ("sqlite+aiosqlite:///county.db", "begins with 'sqlite+aiosqlite'"),
        ("postgresql+psycopg2://u@h/d", "begins with 'postgresql+psycopg2'"),
        ("mysql://h/d", "begins with 'mysql'"),
        ("postgresql://u@h:port/d", "the port is a number"),
        ("postgresql://u@h", "names no database"),
        ("postgresql://", "names no database"),
        ("postgresql://u@h/d?nope=1", "does not know"),
    ],
)
def test_what_is_no_address_is_told(url: str, words: str) -> None:
    """The setting is named, and what was expected."""
    with pytest.raises(StoreError, match=r"^store\.url ") as told:
        open_database(url)
    assert words in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret@h:x/d",
        "postgresql://u:secret@h",
        "postgresql+asyncpg://u:secret@h/d",
        "mysql://u:secret@h/d",
        "oracle:secret",
        "u:secret@h/d",
    ],
)
def test_a_password_is_not_repeated(url: str) -> None:
    """Errors go to logs and screens."""
    with pytest.raises(StoreError) as told:
        open_database(url)
    assert "secret" not in str(told.value)


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL needs an extra, and the error says which."""
    whole: Callable[..., Any] = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "county_gov.store.postgresql":
            msg = "No module named 'psycopg'"
            raise ModuleNotFoundError(msg)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreError, match=r"county-gov\[postgresql\]"):
        open_database("postgresql://u@h/d")


@pytest.mark.parametrize("name", ["x" * 300 + ".db", "blocked/county.db"])
def test_a_place_that_cannot_be_made_is_told(tmp_path: Path, name: str) -> None:
    """A name too long, a file where a folder should be: an error of the setting, at once."""
    (tmp_path / "blocked").write_text("a file")
    database = open_database(f"sqlite:///{tmp_path}/{name}")
    for work in (database.connect_writer, lambda: database.read(lambda found: found)):
        with pytest.raises(StoreError, match=r"^store\.url names .* cannot be made"):
            work()
    database.close()


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Tables that no migration of ours has made are not mixed with ours."""
    database = open_database(f"sqlite:///{tmp_path}/county.db")
    connection = database.connect_writer()
    connection.exec_driver_sql("CREATE TABLE invoices (number INTEGER)")
    database.disconnect_writer(connection)
    for work in (migration.require_current, migration.upgrade, migration.plan, migration.sql):
        with pytest.raises(StoreError, match=r"another program's database.*invoices"):
            work(database)
    database.close()
