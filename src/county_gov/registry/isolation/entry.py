"""Where a plugin's process begins: ``python -I -S entry.py '<order>'``.

Started without the ``site`` module, so no ``.pth`` file runs and no environment variable counts.
Modules come from the folders that the order names, and from nowhere else.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class Roots:
    """Finds top-level modules that do not lie in an installation's folder (editable installs).

    Args:
        places: Folder of a package, or file of a module, by its name.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = places

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The place of a module that was named, or None."""
        place = self.places.get(name)
        if place is None:
            return None
        path = Path(place)
        if path.is_dir():
            return importlib.util.spec_from_file_location(
                name, path / "__init__.py", submodule_search_locations=[place]
            )
        return importlib.util.spec_from_file_location(name, path)


def main() -> None:
    """Confine this process, then answer the county until it hangs up."""
    order = json.loads(sys.argv[1])
    sys.path[:] = [*order["standard"], *order["installed"]]
    sys.meta_path.insert(0, Roots(order["roots"]))
    from county_gov.registry.isolation.channel import Channel
    from county_gov.registry.isolation.confinement import close_threads, confine
    from county_gov.registry.isolation.threads import waiting_threads

    closed = confine(
        limits=order["limits"],
        readable=order["readable"],
        parent=order["parent"],
    )
    threads = waiting_threads(order["threads"])
    closed["threads"] = close_threads()
    from county_gov.registry.isolation.worker import serve

    channel = Channel(order["incoming"], order["outgoing"], order["message_bytes"])
    serve(channel, closed, threads)


if __name__ == "__main__":
    main()
