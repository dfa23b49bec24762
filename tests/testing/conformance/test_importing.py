"""The checks of imports, each with a package that is written for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from county_gov.testing.configuring import loaded
from county_gov.testing.conformance.check import Check, Nonconformity, Subject
from county_gov.testing.conformance.importing import import_checks
from tests.testing.conformance.gauges import GaugesPlugin

GOOD = "from county_gov.api import Text\nNAME = Text('名')\n"
THREAD = "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\n"
BARE = "import _thread\n_thread.start_new_thread(int, ())\n"
POOL = (
    "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(1) as pool:\n    pool.submit(int).result()\n"
)
DATAGRAM = (
    "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\n"
    "s.sendto(b'', ('127.0.0.1', 9))\ns.close()\n"
)
LOOKUP = "import socket\nsocket.getaddrinfo('127.0.0.1', 9)\n"
PROGRAM = "import subprocess\nsubprocess.run(['true'], check=True)\n"
SOCKET = "import socket\ns = socket.socket()\ns.connect_ex(('127.0.0.1', 9))\ns.close()\n"
FILE = "from pathlib import Path\n(Path(__file__).parent / 'x.txt').write_text('x')\n"
HIDDEN = "import importlib\nimportlib.import_module('county_gov.' + 'store')\n"


def failed(name: str) -> dict[str, str]:
    """Checks that fail for a package, each with its message."""
    subject = Subject(loaded(GaugesPlugin, name="gauges"), GaugesPlugin, {}, name)
    return {
        one.id.rpartition(":")[2]: told for one in import_checks(subject) if (told := _run(one))
    }


def _run(check: Check) -> str:
    try:
        check()
    except Nonconformity as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "text", "expected", "words"),
    [
        ("cg_good", GOOD, set(), ""),
        ("cg_store", "from county_gov.contract.text import Text\n", {"imports"}, "cg_store"),
        (
            "cg_late",
            "def f():\n    from county_gov import store\n",
            {"imports"},
            "county_gov.store",
        ),
        ("cg_hidden", HIDDEN, {"side_doors"}, "county_gov.store"),
        ("cg_thread", THREAD, {"quiet_import"}, "starts a thread"),
        ("cg_bare", BARE, {"quiet_import"}, "starts a thread"),
        ("cg_pool", POOL, {"quiet_import"}, "starts a thread"),
        ("cg_datagram", DATAGRAM, {"quiet_import"}, "sends to another machine"),
        ("cg_lookup", LOOKUP, {"quiet_import"}, "looks up a name"),
        ("cg_program", PROGRAM, {"quiet_import"}, "runs a program"),
        ("cg_socket", SOCKET, {"quiet_import"}, "opens a connection"),
        ("cg_file", FILE, {"quiet_import"}, "writes a file"),
        ("cg_broken", "1 / 0\n", {"side_doors", "quiet_import"}, "ZeroDivisionError"),
    ],
)
def test_imports(  # noqa: PLR0917 (what is written, and what is said of it)
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    expected: set[str],
    words: str,
) -> None:
    """The door is the only way in, and an import does nothing but define."""
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\n", encoding="utf-8")
    (package / "part.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = failed(name)

    assert expected == set(found), found
    assert all(words in one for one in found.values()) or name == "cg_store"
