"""Starting a plugin's process, and telling how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from county_gov.registry.isolation.channel import Channel
from county_gov.registry.isolation.places import Places
from county_gov.registry.limits import ProcessLimits

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",  # each thread's would take 64 MiB of its address space
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""All that a plugin's process finds in its environment."""


@frozen(eq=False)
class Order:
    """What a plugin's process is told to load.

    Args:
        name: Name of the plugin.
        value: Module and class, as the entry point names them.
        distribution, version: Where it comes from.
        place: File and dotted path of its entry, for messages.
        config: Its configuration as the file has it.
        secrets: The secrets that the configuration names.
    """

    name: str
    value: str
    distribution: str
    version: str
    place: str
    config: Mapping[str, object]
    secrets: Mapping[str, Mapping[str, str]] = field(repr=False)

    def told(self) -> dict[str, object]:
        """What the process is told, once it is closed."""
        names = ("name", "value", "distribution", "version", "place", "config", "secrets")
        return {name: getattr(self, name) for name in names}


def launch(limits: ProcessLimits, places: Places) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start a process, which closes itself before it waits for its order.

    It ends with the thread that calls this.

    Args:
        limits: What it may use.
        places: Where it may read.
    """
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    os.set_blocking(ours_out, False)
    order = {
        **places.as_order(),
        "limits": limits.rlimits(),
        "threads": limits.threads,
        "parent": os.getpid(),
        "incoming": theirs_in,
        "outgoing": theirs_out,
        "message_bytes": limits.message_bytes,
    }
    entry = Path(__file__).with_name("entry.py")
    try:
        popen = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-I", "-S", "-B", str(entry), json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
    except BaseException:
        os.close(ours_in)
        os.close(ours_out)
        raise
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    return popen, Channel(ours_in, ours_out, limits.message_bytes)


def how_it_ended(code: int) -> str:
    """What an exit code says, in words."""
    if code >= 0:
        return f"it left with exit status {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"
