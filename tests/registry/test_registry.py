"""Plugins: what is refused at start, and that all of it is refused at once."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import frozen

from county_gov.api import (
    AlertPolicy,
    CaseMoved,
    Citation,
    Condition,
    Context,
    Hooks,
    Latest,
    Level,
    Page,
    Permission,
    Rule,
    Text,
    View,
    implements,
)
from county_gov.contract.plugin import hookimpl
from county_gov.registry import discovery
from county_gov.registry.discovery import LoadedPlugin, PluginRequest, configure, load_plugins
from county_gov.registry.registry import build_registry


@frozen
class NoConfig:
    """A plugin without settings."""


@frozen
class LimitConfig:
    limit: float


def rule(rule_id: str) -> Rule:
    """A rule with the condition ``high``."""
    condition = Condition("high", Text("高"), Citation("示例标准"))
    return Rule(rule_id, Text("规则"), {"value": Latest("pm25")}, (condition,), lambda _batch: {})


@frozen(eq=False)
class GoodPlugin:
    config: LimitConfig
    api: ClassVar[int] = 0
    Config: ClassVar[type[LimitConfig]] = LimitConfig

    @implements(Hooks.rules)
    def rules(self) -> Iterable[Rule]:
        """One rule."""
        return (rule("good.rule"),)

    @implements(Hooks.case_moved)
    async def case_moved(self, event: CaseMoved, ctx: Context) -> None:
        """Listen."""


def loaded(instance: object, name: str = "good") -> LoadedPlugin:
    """A plugin as discovery gives it."""
    return LoadedPlugin(name, instance, "county-gov-good", "1.0", "county.toml: plugin[0]")


def request(use: str, config: dict[str, object] | None = None) -> PluginRequest:
    """A request as the deployment file makes it."""
    return PluginRequest(use, config or {}, "county.toml: plugin[0]", Path())


def test_a_good_plugin_contributes_and_listens() -> None:
    """Its rule is found under its id with its owner, its event method is called by name."""
    registry, problems = build_registry([loaded(GoodPlugin(LimitConfig(1.0)))])

    assert [] == problems
    assert ["good.rule"] == list(registry.contributions.rules)
    assert "good" == registry.contributions.owner("rules", "good.rule")
    assert ["case_moved"] == list(registry.listeners_of(registry.plugins[0]))


def broken(**members: Any) -> object:
    """A plugin instance with the given members."""
    return type("Broken", (), {"api": 0, "Config": NoConfig, **members})()


def keyword_only(self: object, *, event: CaseMoved, ctx: Context) -> None:
    """Would never receive its arguments."""


def wrong_colour(self: object, event: CaseMoved, ctx: Context) -> None:
    """Is not async."""


def misspelled(self: object) -> Iterable[Rule]:
    """Would be a new hook that nobody calls."""
    return ()


def eager(self: object) -> Iterable[Rule]:
    """Wants to be called before all others."""
    return ()


def with_default(self: object, extra: int = 3) -> Iterable[Rule]:
    """Has an argument that the specification has not."""
    return ()


def raising(self: object) -> Iterable[Rule]:
    """Fails."""
    msg = "no sensor"
    raise OSError(msg)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"case_moved": hookimpl(keyword_only)}, "event must be a plain argument"),
        ({"case_moved": hookimpl(wrong_colour)}, "must be written as async def"),
        ({"ruless": hookimpl(misspelled)}, "there is no such hook; did you mean 'rules'?"),
        ({"rules": hookimpl(with_default)}, "extra must not have a default"),
        ({"rules": hookimpl(eager, tryfirst=True)}, "the option tryfirst is not available"),
        ({"rules": hookimpl(raising)}, "rules() raised OSError: no sensor"),
        ({"rules": hookimpl(lambda self: ["x"])}, "must return Rule objects, got str"),
        (
            {"rules": hookimpl(lambda self: [rule("other.rule")])},
            "the id 'other.rule' in rules() must begin with 'good.'",
        ),
        (
            {"rules": hookimpl(lambda self: [rule("good." + "a" * 196)])},
            "… in rules() has 201 characters; at most 200 are taken",
        ),
        (
            {"rules": hookimpl(lambda self: [rule("good.a"), rule("good.a")])},
            "'good.a' in rules() is already provided by good (county-gov-good 1.0)",
        ),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_named(members: dict[str, Any], words: str) -> None:
    """The problem says plugin, distribution, version, and what to write instead."""
    _registry, problems = build_registry([loaded(broken(**members))])

    assert problems
    assert any(words in problem.message for problem in problems), problems
    assert all("good (county-gov-good 1.0)" in problem.message for problem in problems)
    assert {"county.toml: plugin[0].use"} == {problem.place for problem in problems}


async def no_views(_context: object) -> tuple[View, ...]:
    """Nothing to see."""
    return ()


def test_references_to_what_does_not_exist_are_all_named() -> None:
    """A policy's rule, workflow and conditions and a page's permission are checked together."""
    level = Level("warning", raise_when="hihg", clear_when="low")
    members = {
        "rules": hookimpl(lambda self: [rule("good.rule")]),
        "alert_policies": hookimpl(
            lambda self: [
                AlertPolicy("good.one", Text("一"), "good.rul", ()),
                AlertPolicy("good.two", Text("二"), "good.rule", (level,), workflow="good.flow"),
            ]
        ),
        "pages": hookimpl(lambda self: [Page("good/page", Text("页"), "good.reed", no_views)]),
        "permissions": hookimpl(lambda self: [Permission("good.read", Text("读"))]),
    }

    _registry, problems = build_registry([loaded(broken(**members))])

    assert [
        "good.one: there is no rule 'good.rul'; did you mean 'good.rule'?",
        "good.two: there is no workflow 'good.flow'; nothing is known here",
        "good.two: there is no condition 'hihg'; did you mean 'high'?",
        "good.two: there is no condition 'low'; known: high",
        "good/page: there is no permission 'good.reed'; did you mean 'good.read'?",
    ] == [problem.message for problem in problems]


def test_configuration_problems_come_with_their_path() -> None:
    """What is wrong with a plugin's own settings is told as of the deployment's."""
    plugin, problems = configure(
        GoodPlugin, request("good", {"limt": 3}), distribution="d", version="1"
    )

    assert plugin is None
    assert {
        "county.toml: plugin[0].config.limit: is missing",
        "county.toml: plugin[0].config.limt: unknown setting; did you mean 'limit'?",
    } == {str(problem) for problem in problems}


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (GoodPlugin(LimitConfig(1.0)), "must name a class"),
        (type("Old", (), {"api": 9, "Config": NoConfig}), "written for api = 9, this county has 0"),
        (
            type("Equal", (), {"api": 0, "Config": NoConfig, "__eq__": lambda a, b: True}),
            "attrs.frozen(eq=False)",
        ),
    ],
)
def test_a_class_that_cannot_be_a_plugin_is_explained(cls: Any, words: str) -> None:
    """An instance, another contract, and a class that pluggy would mistake for another."""
    plugin, problems = configure(cls, request("good"), distribution="d", version="1")

    assert plugin is None
    assert words in problems[0].message


def test_only_listed_plugins_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed plugin that is not listed is never loaded, and a missing one has a hint."""
    points = {
        "good": [EntryPoint("good", f"{__name__}:GoodPlugin", discovery.GROUP)],
        "bomb": [EntryPoint("bomb", "county_gov_no_such_module:Bomb", discovery.GROUP)],
        "twice": [
            EntryPoint("twice", "a:A", discovery.GROUP),
            EntryPoint("twice", "b:B", discovery.GROUP),
        ],
    }
    monkeypatch.setattr(discovery, "available", lambda: points)

    _none, problems = load_plugins(
        [request("goood"), request("bomb"), request("twice"), request("goood")]
    )

    assert [
        "no plugin 'goood' is installed; did you mean 'good'?",
        "an unknown distribution ? (county_gov_no_such_module:Bomb) cannot be imported: "
        "ModuleNotFoundError: No module named 'county_gov_no_such_module'",
        "'twice' is provided by an unknown distribution ? (a:A) and "
        "an unknown distribution ? (b:B); remove one",
        "no plugin 'goood' is installed; did you mean 'good'?",
    ] == [problem.message for problem in problems]
