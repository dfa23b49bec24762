"""A plugin that misbehaves as its configuration says, beside one that does not."""

from __future__ import annotations

import hmac
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from attrs import frozen

from county_gov.api import (
    AlertPolicy,
    Batch,
    Citation,
    Condition,
    Hooks,
    Judgement,
    Latest,
    Level,
    Rule,
    Text,
    implements,
)

GIB = 1 << 30
RELEASE = threading.Event()
"""Lets go of a thread that hangs within the tests' own process."""


@frozen
class Config:
    mode: str = "well"
    key_file: str = ""
    port: int = 0


def answer(batch: Batch) -> dict[str, Judgement]:
    """Whether each level is above five, and whether it is not."""
    values = np.asarray(batch["level"], np.float64)
    above = (values > 5).astype(np.int8)
    limits = np.full(len(values), 5.0)
    return {
        "above": Judgement(above, values, limits),
        "below": Judgement((1 - above).astype(np.int8), values, limits),
    }


def fail(_config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """Raise."""
    msg = "broken"
    raise ValueError(msg)


def hang(_config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """Never return."""
    while True:
        pass


def wait(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Return when the test lets go."""
    RELEASE.wait()
    return answer(batch)


def fork(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Make another process."""
    if os.fork() == 0:
        os._exit(0)
    return answer(batch)


def leave(_config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """End the process."""
    os._exit(3)


def allocate(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Take ten gigabytes."""
    np.ones(10 * GIB, np.uint8)
    return answer(batch)


def return_much(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Return one gigabyte."""
    found = answer(batch)
    found["above"] = Judgement(found["above"].outcomes, np.zeros(GIB // 8), found["above"].limits)
    return found


def not_a_number(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Pass without a value."""
    found = answer(batch)
    nothing = np.full(batch.rows, np.nan)
    found["above"] = Judgement(np.ones(batch.rows, np.int8), nothing, found["above"].limits)
    return found


def wrong_schema(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Return columns of another type."""
    found = answer(batch)
    outcomes = found["above"].outcomes.astype(np.int64)
    found["above"] = Judgement(outcomes, found["above"].values, found["above"].limits)  # type: ignore[arg-type] # the mistake under test
    return found


def flood(_config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """Print for ever."""
    while True:
        print("flood " * 200)  # noqa: T201 (the mistake under test)


def chatter(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Print something, and answer."""
    print("it rains")  # noqa: T201 (what is tested)
    return answer(batch)


def replace(config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Replace what checks the answer, then give a wrong one."""
    import county_gov.registry.results as checks

    vars(checks)["check_judgements"] = lambda _rule, answers, _rows: answers
    vars(hmac)["compare_digest"] = lambda _one, _other: True
    return not_a_number(config, batch)


def read_key(config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """Tell what a key file says."""
    raise ValueError(Path(config.key_file).read_text(encoding="utf-8"))


def read_environment(_config: Config, _batch: Batch) -> Mapping[str, Judgement]:
    """Tell the environment of the county."""
    raise ValueError(Path(f"/proc/{os.getppid()}/environ").read_text(encoding="utf-8"))


def connect(config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """Call somebody."""
    with socket.create_connection(("127.0.0.1", config.port), timeout=1) as connection:
        connection.sendall(b"hello")
    return answer(batch)


def kill(_config: Config, batch: Batch) -> Mapping[str, Judgement]:
    """End the county."""
    os.kill(os.getppid(), 9)
    return answer(batch)


MODES: dict[str, Callable[[Config, Batch], Mapping[str, Judgement]]] = {
    "well": lambda _config, batch: answer(batch),
    "raise": fail,
    "hang": hang,
    "wait": wait,
    "fork": fork,
    "exit": leave,
    "allocate": allocate,
    "return_much": return_much,
    "nan": not_a_number,
    "schema": wrong_schema,
    "flood": flood,
    "chatter": chatter,
    "monkeypatch": replace,
    "key": read_key,
    "environment": read_environment,
    "socket": connect,
    "kill": kill,
}


@frozen(eq=False)
class RoguePlugin:
    config: Config
    api: ClassVar[int] = 0
    Config: ClassVar[type[Config]] = Config

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """Its rules."""
        judge = MODES[self.config.mode]
        return (_rule("rogue", lambda batch: judge(self.config, batch)),)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """Its alert policies."""
        return (_policy("rogue"),)


@frozen(eq=False)
class SteadyPlugin:
    config: Config
    api: ClassVar[int] = 0
    Config: ClassVar[type[Config]] = Config

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """Its rules."""
        return (_rule("steady", answer),)

    @implements(Hooks.alert_policies)
    def alert_policies(self) -> Iterable[AlertPolicy]:
        """Its alert policies."""
        return (_policy("steady"),)


def _rule(plugin: str, judge: Callable[[Batch], Mapping[str, Judgement]]) -> Rule:
    words, citation = Text(zh="水位", en="Level"), Citation("test")
    return Rule(
        id=f"{plugin}.level",
        title=words,
        inputs={"level": Latest("water_level")},
        conditions=(Condition("above", words, citation), Condition("below", words, citation)),
        judge=judge,
    )


def _policy(plugin: str) -> AlertPolicy:
    return AlertPolicy(
        id=f"{plugin}.high",
        title=Text(zh="水位高", en="High"),
        rule=f"{plugin}.level",
        levels=(Level("warning", "above", "below"),),
    )
