"""The command line, verb by verb, on a deployment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import structlog
from typer.testing import CliRunner, Result

from county_gov.cli.app import app, run
from county_gov.cli.running import tell_passwords, with_county
from county_gov.errors import MigrationPending, StoreLocked
from county_gov.store import tables
from county_gov.store.lock import FileLock

if TYPE_CHECKING:
    from county_gov.deployment import County
    from county_gov.store import Transaction

DEMO = Path("examples/demo_county")
CSV = """datastream,time,value
aotizhongxin.pm25,2026-01-01T00:00:00+08:00,35
aotizhongxin.pm25,2026-01-01T01:00:00+08:00,36
nowhere.pm25,2026-01-01T00:00:00+08:00,37
"""


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """What a command says of its logs ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A deployment without accounts, quick to start."""
    shutil.copytree(DEMO / "registers", tmp_path / "registers")
    text = (DEMO / "county.toml").read_text(encoding="utf-8")
    text = text.replace('accounts = "registers/accounts.csv"\n', "")
    cheap = "[access]\npassword_memory_kib = 8192\npassword_passes = 1\n\n[secrets]"
    (tmp_path / "county.toml").write_text(text.replace("[secrets]", cheap), encoding="utf-8")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "device-master.key").write_text("m" * 40, encoding="utf-8")
    return tmp_path / "county.toml"


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """Two good rows and one of an unknown datastream."""
    path = tmp_path / "readings.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def call(*arguments: object, status: int = 0) -> Result:
    """Run a command in this process, and expect its status."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert status == result.exit_code, result.output
    return result


def test_check_says_what_is_there(file: Path) -> None:
    """A sound file is named with its plugins and what they bring."""
    said = call("check", file).stdout

    assert "示范县 (990101)" in said
    assert "plugin sensors (county-gov-sensors" in said
    assert "1 workflows" in said


def test_a_mistake_ends_with_status_one_and_its_place(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command prints each problem on a line of its own, and no traceback."""
    text = file.read_text(encoding="utf-8").replace("port = 8080", 'port = "8080"')
    file.write_text(text.replace('use = "sensors"', 'use = "sensor"'), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["county-gov", "check", str(file)])

    with pytest.raises(SystemExit) as ended:
        run()

    assert 1 == ended.value.code
    said = capsys.readouterr().err
    assert "county.toml: server.port: expected a whole number, got '8080'" in said
    assert "1 problem found" in said


def test_registers_are_checked_too(file: Path) -> None:
    """A thing in an unknown area is found before anything starts."""
    path = file.parent / "registers" / "things.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("environment", "enviroment", 1))

    from county_gov.errors import RegisterError

    with pytest.raises(RegisterError, match="enviroment"):
        call("check", file)


def test_migrate_plans_prints_and_does(file: Path) -> None:
    """The plan names the steps, --sql prints them, and after the run nothing is left to do."""
    assert "0001" in call("migrate", file, "--plan").stdout
    assert "CREATE TABLE" in call("migrate", file, "--sql").stdout
    assert re.search(r"\d steps done", call("migrate", file).stdout)
    assert "nothing to do" in call("migrate", file, "--plan").stdout
    call("migrate", file, "--plan", "--sql", status=2)


def test_ingest_counts_and_goes_on_where_it_stopped(file: Path, readings: Path) -> None:
    """The first run takes rows in, the second has nothing left to do."""
    first = call("ingest", file, readings, "--quiet").stdout
    second = call("ingest", file, readings, "--quiet").stdout

    assert "3 rows: 2 accepted, 0 duplicate, 0 revised, 1 quarantined" in first
    assert "row 2: unknown_datastream" in first
    assert "3 rows (3 before): 0 accepted" in second


def test_the_quarantine_is_listed_mended_and_emptied(
    file: Path, readings: Path, tmp_path: Path
) -> None:
    """An item is looked at, retried with a mended text, and is then no longer open."""
    call("ingest", file, readings, "--quiet")
    line = call("quarantine", "list", file).stdout.splitlines()[0]
    number = line.split("\t", maxsplit=1)[0]
    raw = call("quarantine", "look", file, number).stdout_bytes
    assert b"nowhere.pm25" in raw

    mended = tmp_path / "mended"
    mended.write_bytes(raw.replace(b"nowhere.pm25", b"dongsi.pm25").rstrip(b"\n"))
    said = call("quarantine", "retry", file, number, "--corrected", mended).stdout

    assert "1 resolved, 0 remaining" in said
    assert "0 of 0 open items" in call("quarantine", "list", file).stderr


def test_the_quarantine_is_dismissed_and_exported(
    file: Path, readings: Path, tmp_path: Path
) -> None:
    """A dismissal needs a reason; the export has the item."""
    call("ingest", file, readings, "--quiet")
    target = tmp_path / "out.csv"
    call("quarantine", "export", file, target)
    assert "unknown_datastream" in target.read_text(encoding="utf-8-sig")

    call("quarantine", "dismiss", file, 1, status=2)
    assert "1 dismissed" in call("quarantine", "dismiss", file, 1, "--reason", "测试").stdout


def test_what_only_reads_runs_beside_the_server(file: Path, readings: Path, tmp_path: Path) -> None:
    """The list and a look need no lock; what writes is refused with the holder's number."""
    call("ingest", file, readings, "--quiet")
    lock = FileLock(tmp_path / "var" / "county.db.lock")
    lock.acquire()
    try:
        assert "unknown_datastream" in call("quarantine", "list", file).stdout
        assert b"nowhere.pm25" in call("quarantine", "look", file, 1).stdout_bytes
        holder = f"process {os.getpid()} is writing"
        with pytest.raises(StoreLocked, match=holder):
            call("quarantine", "dismiss", file, 1, "--reason", "测试")
        with pytest.raises(StoreLocked, match=f"{holder}.*page /quarantine"):
            call("quarantine", "export", file, tmp_path / "out.csv")
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quarantine", "look"), "9223372036854775807"),
        (("quarantine", "retry"), "9223372036854775807"),
        (("quarantine", "dismiss", "--reason", "x"), "9223372036854775807"),
        (("outbox", "requeue"), "9223372036854775807"),
        (("serve", "--port"), "65535"),
    ],
)
def test_a_number_that_nothing_can_have_is_refused(
    file: Path, words: tuple[str, ...], said: str
) -> None:
    """What no database keeps as a number is wrong use, with the bound, and no fault inside."""
    if words[-1] == "--port":
        result = call("serve", file, "--port", 10**30, status=2)
    else:
        result = call(*words, file, 10**30, status=2)
    assert said in result.stderr


def test_a_broken_database_is_told_in_words(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on the error stream, status 1, no traceback."""
    (file.parent / "var" / "county.db").write_text("no database" * 100, encoding="utf-8")
    for words in (("quarantine", "list"), ("migrate",), ("upgrade", "--plan"), ("ingest",)):
        more = [str(file)] if words == ("ingest",) else []
        monkeypatch.setattr("sys.argv", ["county-gov", *words, str(file), *more])
        with pytest.raises(SystemExit, match="1"):
            run()
        said = capsys.readouterr().err
        assert "county.db: SQLite cannot read it" in said
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("cut off", "county.db: SQLite cannot read it"),
        ("foreign", "another program's database: it has tables (invoices)"),
        ("newer", "'9999' is not known to this program"),
    ],
)
def test_a_database_that_is_not_ours_to_write_is_told_in_words(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
    words: str,
) -> None:
    """Cut off, another program's, or a newer program's: status 1, a way out, no traceback."""
    path = file.parent / "var" / "county.db"
    if damage != "foreign":
        call("migrate", file)
    with closing(sqlite3.connect(path)) as connection:
        if damage == "foreign":
            connection.execute("CREATE TABLE invoices (number INTEGER)")
        elif damage == "newer":
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    if damage == "cut off":
        os.truncate(path, 50_000)
    for verb in (("quarantine", "list"), ("migrate",), ("quarantine", "retry")):
        more = ["1"] if verb[-1] == "retry" else []
        monkeypatch.setattr("sys.argv", ["county-gov", *verb, str(file), *more])
        with pytest.raises(SystemExit, match="1"):
            run()
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said


def test_a_list_needs_tables(file: Path) -> None:
    """Reading migrates nothing, whatever the settings say."""
    with pytest.raises(MigrationPending, match="county-gov migrate"):
        call("quarantine", "list", file)


def test_only_serving_and_ingesting_follow_the_journal(file: Path, readings: Path) -> None:
    """A verb that takes a command runs no followers, no sources and no outbox."""
    call("ingest", file, readings, "--quiet")
    seen: list[int] = []

    async def work(county: County) -> None:
        seen.append(len(asyncio.all_tasks()))
        assert county.ready()

    with_county(file, work)

    assert [1] == seen


def test_passwords_of_new_accounts_are_shown_once(file: Path) -> None:
    """The start that makes an account tells its password on the error stream; the next does not."""
    people = (
        "login,name,name_en,role,unit,area\nnew1,示范·新,New,grid_worker,environment,990101001\n"
    )
    (file.parent / "registers" / "accounts.csv").write_text(people, encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    text = text.replace("[registers]", '[registers]\naccounts = "registers/accounts.csv"')
    file.write_text(text, encoding="utf-8")

    first = call("device", "key", file, "gateway")
    again = call("device", "key", file, "gateway")

    assert "shown this once" in first.stderr
    assert re.search(r"^  new1: \w{4}-\w{4}-\w{4}-\w{4}$", first.stderr, re.MULTILINE)
    assert "new1" not in first.stdout
    assert "new1" not in again.stderr


def test_serve_tells_passwords_before_it_listens(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb hands the server what shows them."""
    handed: dict[str, object] = {}
    monkeypatch.setattr("county_gov.server.serve", lambda _county, **named: handed.update(named))

    call("serve", file)

    assert {"tell_passwords": tell_passwords} == handed


def test_accounts_and_device_keys_are_shown_once(file: Path) -> None:
    """An account is made with a post, gets another password, and is closed; a device gets a key."""
    post = "grid_worker:environment:990101001"
    made = call("account", "create", file, "demo", "--name", "示范·测", "--post", post).stdout
    again = call("account", "password", file, "demo").stdout
    key = call("device", "key", file, "gateway").stdout

    assert made.startswith("demo: ")
    assert made != again
    assert "demo: closed" in call("account", "close", file, "demo").stdout
    assert 64 == len(key.strip().removeprefix("gateway: "))
    call("device", "key", file, "gateway", "--area", "990101001")
    call("device", "key", file, "gateway", "--area", "nowhere", status=2)
    assert "gateway: closed" in call("device", "close", file, "gateway").stdout


def test_a_backup_comes_back_in_another_place(file: Path, readings: Path, tmp_path: Path) -> None:
    """What was taken in is there after a restore into an empty database."""
    call("ingest", file, readings, "--quiet")
    call("backup", file, tmp_path / "copy")
    (file.parent / "var" / "county.db").rename(tmp_path / "old.db")

    assert "rows of" in call("restore", tmp_path / "copy", file).stdout
    assert "3 rows (3 before)" in call("ingest", file, readings, "--quiet").stdout


def test_plugins_are_listed_without_importing_them() -> None:
    """As lines and as JSON."""
    assert "sensors  county-gov-sensors" in call("plugin", "list").stdout
    (row,) = [
        one for one in json.loads(call("plugin", "list", "--json").stdout)
        if one["name"] == "sensors"
    ]  # fmt: skip
    assert "county_gov_sensors:SensorsPlugin" == row["entry_point"]


def test_dead_letters_are_listed_and_sent_again(file: Path) -> None:
    """A letter that died is told with its reason, and is due again once it is named."""

    async def bury(county: County) -> None:
        def put(tx: Transaction) -> None:
            tx.append_outbox(key="k", notifier="core.log", recipient="2", subject="催办", body="b")
            tx.execute(sa.update(tables.outbox).values(state="dead", attempts=10, detail="lost"))

        await county.store.write(put)

    with_county(file, bury)
    listed = call("outbox", "list", file)
    assert "1\tcore.log\t2\t催办\t10 attempts\tlost\n" == listed.stdout
    assert "core.log: 1 dead\n1 of 1 dead letters" in listed.stderr
    assert "1 of 2 will be sent again" in call("outbox", "requeue", file, 1, 99).stdout
    assert "core.log: 1 pending\n0 of 0 dead letters" in call("outbox", "list", file).stderr


def test_an_account_is_checked_as_in_a_register(file: Path) -> None:
    """Unknown roles, units and areas and unfit logins are refused with the same words."""
    from county_gov.errors import RegisterError

    with pytest.raises(RegisterError) as refused:
        call("account", "create", file, "c ob", "--name", "", "--post", "nosuch:nosuch:000000")
    assert {"login", "name", "role", "unit", "area"} == {
        problem.place.rsplit(": ", 1)[-1] for problem in refused.value.problems
    }
