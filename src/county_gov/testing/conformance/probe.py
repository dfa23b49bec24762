"""Import a plugin in an interpreter of its own, and tell what it did: run by `importing`.

    python -B -P probe.py PACKAGE

Prints JSON: the modules of county_gov that the import loaded beside those that the door loads, and
what it did that an import must not do. It needs nothing but the standard library and the door.
"""

from __future__ import annotations

import _thread
import importlib
import json
import os
import sys
import threading
from typing import Any

FORBIDDEN = {
    "os.exec": "runs a program",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.posix_spawn": "runs a program",
    "os.system": "runs a program",
    "subprocess.Popen": "runs a program",
    "socket.bind": "opens a socket",
    "socket.connect": "opens a connection",
    "socket.sendmsg": "sends to another machine",
    "socket.sendto": "sends to another machine",
    "socket.getaddrinfo": "looks up a name",
    "os.mkdir": "makes a folder",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.rmdir": "removes a folder",
    "os.truncate": "truncates a file",
    "shutil.rmtree": "removes a folder",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Import the package and print what happened."""
    package = sys.argv[1]
    importlib.import_module("county_gov.api")
    importlib.import_module("numpy")
    before = {name for name in sys.modules if name.split(".")[0] == "county_gov"}
    told: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if not watching:
            return
        if event in FORBIDDEN:
            shown = " ".join(str(one)[:80] for one in arguments[:2])
            told.append(f"{FORBIDDEN[event]} ({event} {shown}".rstrip() + ")")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            path = str(arguments[0])
            if path != os.devnull:
                told.append(f"writes a file ({path})")

    sys.addaudithook(watch)
    start = threading.Thread.start

    def start_and_tell(thread: threading.Thread) -> None:
        told.append(f"starts a thread ({thread.name})")
        start(thread)

    threading.Thread.start = start_and_tell  # type: ignore[assignment, method-assign]
    bare = _thread.start_new_thread

    def start_bare(*arguments: Any) -> int:
        told.append("starts a thread (_thread)")
        return bare(*arguments)

    _thread.start_new_thread = start_bare
    error = ""
    try:
        importlib.import_module(package)
    except BaseException as raised:  # noqa: BLE001 (told as the result)
        error = f"{type(raised).__name__}: {raised}"
    watching = False
    loaded = {name for name in sys.modules if name.split(".")[0] == "county_gov"} - before
    print(json.dumps({"error": error, "loaded": sorted(loaded), "told": told}))  # noqa: T201


if __name__ == "__main__":
    main()
