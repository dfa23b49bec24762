"""Loading a plugin into a process of its own, without importing it here."""

from __future__ import annotations

from county_gov.contract.text import Text
from county_gov.errors import PluginFailed, Problem
from county_gov.registry.configuration import Secrets
from county_gov.registry.discovery import LoadedPlugin, PluginRequest
from county_gov.registry.isolation import confinement, seccomp
from county_gov.registry.isolation.launching import Order
from county_gov.registry.isolation.places import Places
from county_gov.registry.isolation.process import PluginProcess
from county_gov.registry.isolation.proxy import far_plugin
from county_gov.registry.limits import ProcessLimits

PROTECTIONS: tuple[tuple[str, Text], ...] = (
    ("landlock", Text(zh="文件（Landlock）", en="files (Landlock)")),
    ("seccomp", Text(zh="系统调用（seccomp）", en="system calls (seccomp)")),
    ("namespaces", Text(zh="网络（命名空间）", en="network (namespaces)")),
    ("signals", Text(zh="信号", en="signals")),
    ("threads", Text(zh="线程数", en="number of threads")),
)
"""What the kernel may close to a process, and how it is called."""


def load_isolated(
    request: PluginRequest, value: str, *, distribution: str, version: str
) -> tuple[LoadedPlugin | None, list[Problem]]:
    """Start a plugin's process and learn what it declares.

    Args:
        request: What the deployment says.
        value: Module and class, as its entry point names them.
        distribution: Where it comes from.
        version: Version of that distribution.
    """
    secrets = request.secrets or Secrets(request.folder)
    order = Order(
        name=request.use,
        value=value,
        distribution=distribution,
        version=version,
        place=request.place,
        config=request.config,
        secrets=secrets.named_in(request.config),
    )
    top = value.partition(":")[0].partition(".")[0]
    process = PluginProcess(order, request.limits or ProcessLimits(), Places.of((top,)))
    try:
        hello = process.start()
    except PluginFailed as error:
        process.close()
        text = f"{request.use} ({distribution} {version}): {error}"
        return None, [Problem(f"{request.place}.use", text)]
    if hello["problems"]:
        process.close()
        return None, list(hello["problems"])
    instance = far_plugin(process, hello)
    loaded = LoadedPlugin(request.use, instance, distribution, version, request.place, process)
    return loaded, []


def missing_protections() -> tuple[str, ...]:
    """What this kernel could not close to any process, in words; looked up without trying."""
    landlock, filters = confinement.landlock_version(), seccomp.offers()
    offered = {
        "landlock": bool(landlock),
        "seccomp": filters,
        "namespaces": confinement.offers_namespaces(),
        "signals": filters or landlock >= confinement.SCOPED_SINCE,
        "threads": filters,
    }
    return tuple(words.in_language("en") for name, words in PROTECTIONS if not offered[name])


def closed_doors(process: PluginProcess) -> tuple[Text, ...]:
    """What the kernel closed to a process."""
    return tuple(words for name, words in PROTECTIONS if process.closed.get(name))


def open_doors(process: PluginProcess) -> tuple[Text, ...]:
    """What the kernel could not close to a process; empty where all is closed."""
    return tuple(words for name, words in PROTECTIONS if not process.closed.get(name))
