"""Every function that a contribution holds, behind the gateway before anybody calls it.

Sync functions and those without a caller of their own (sources, channels, pages' views) are put
behind it here. Jobs, commands, endpoints, verbs and events have a caller that goes through the
gateway itself, since it alone knows which refusals are answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from county_gov.errors import IntakeError, PluginFailed
from county_gov.registry import results
from county_gov.registry.gateway import SYNC_SECONDS, Answer, Failed, Gateway
from county_gov.registry.registry import Contributions

if TYPE_CHECKING:
    from county_gov.contract.batch import Batch
    from county_gov.contract.context import Context
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.notifier import Message, Notifier, Receipt
    from county_gov.contract.rule import Judgement, Rule
    from county_gov.contract.source import Decoded, Delivery, Source, Things
    from county_gov.contract.text import Text
    from county_gov.contract.workflow import CaseView, Event, Guard, Workflow
    from county_gov.registry.discovery import LoadedPlugin

T = TypeVar("T")

SEND_SECONDS = 28.0
"""How long a channel may take; the outbox itself gives up a little later."""
UPGRADE_SECONDS = 300.0
CORE = "core"


@frozen(eq=False)
class Guarding:
    """Puts contributions behind a gateway.

    Args:
        gateway: Calls the functions.
        owners: Says which plugin an id belongs to, by kind.
        far: Plugins that live in processes of their own.
        seconds: How long a plugin's sync functions may take, where not `SYNC_SECONDS`.
    """

    gateway: Gateway
    owners: Callable[[str, str], str]
    far: frozenset[str]
    seconds: Mapping[str, float]

    def call(
        self,
        owner: str,
        what: str,
        function: Callable[[], T],
        *,
        check: Callable[[T], object] | None = None,
        expected: tuple[type[Exception], ...] = (),
        seconds: float | None = None,
        forgiving: bool = False,
    ) -> T:
        """Call a sync function, or raise.

        Raises:
            PluginFailed: if it gave no usable result.
        """
        answer = self.gateway.call(
            owner,
            what,
            function,
            check=check,
            expected=expected,
            seconds=seconds or self.seconds.get(owner, SYNC_SECONDS),
            far=owner in self.far,
            forgiving=forgiving,
        )
        return _value(answer)

    def rule(self, rule: Rule) -> Rule:
        """The rule with its ``judge`` behind the gateway."""
        owner, what, judge = self.owners("rules", rule.id), f"rule {rule.id}", rule.judge
        self.gateway.circuit(owner, what)

        def guarded(batch: Batch) -> Mapping[str, Judgement]:
            return self.call(
                owner,
                what,
                lambda: judge(batch),
                check=lambda answers: results.check_judgements(rule, answers, batch.rows),
            )

        return evolve(rule, judge=guarded)

    def source(self, source: Source) -> Source:
        """The source with ``decode`` and ``open`` behind the gateway."""
        owner, decode, opening = self.owners("sources", source.id), source.decode, source.open
        check = results.check_decoded(source.id)

        def guarded(delivery: Delivery, things: Things) -> Decoded:
            return self.call(
                owner,
                f"decode {source.id}",
                lambda: decode(delivery, things),
                check=check,
                expected=(IntakeError,),
                forgiving=True,
            )

        changed = evolve(source, decode=guarded)
        if opening is None:
            return changed

        def opened(ctx: Context) -> AsyncIterator[Delivery]:
            return self.gateway.iterate(owner, f"open {source.id}", lambda: opening(ctx))

        return evolve(changed, open=opened)

    def dataset(self, dataset: Dataset) -> Dataset:
        """The dataset with its ``upgrade`` behind the gateway."""
        upgrade = dataset.upgrade
        if upgrade is None:
            return dataset
        owner, what = self.owners("datasets", dataset.id), f"upgrade {dataset.id}"

        def guarded(batch: Batch, from_version: int) -> Batch:
            return self.call(
                owner,
                what,
                lambda: upgrade(batch, from_version),
                check=results.check_batch(what, batch.rows),
                seconds=UPGRADE_SECONDS,
            )

        return evolve(dataset, upgrade=guarded)

    def workflow(self, workflow: Workflow) -> Workflow:
        """The workflow with its guards behind the gateway."""
        owner = self.owners("workflows", workflow.id)
        events = tuple(self._event(owner, workflow, event) for event in workflow.events)
        return evolve(workflow, events=events, earlier=tuple(map(self.workflow, workflow.earlier)))

    def _event(self, owner: str, workflow: Workflow, event: Event) -> Event:
        guards = tuple(
            self._guard(owner, f"{workflow.id}/{event.id}/{number}", guard)
            for number, guard in enumerate(event.guards)
        )
        return evolve(event, guards=guards)

    def _guard(self, owner: str, name: str, guard: Guard) -> Guard:
        check = results.check_objection(name)

        def guarded(case: CaseView, actor: Any, data: Mapping[str, Any]) -> Text | None:
            return self.call(owner, f"guard {name}", lambda: guard(case, actor, data), check=check)

        guarded.__qualname__ = str(getattr(guard, "__qualname__", type(guard).__qualname__))
        return guarded

    def notifier(self, notifier: Notifier) -> Notifier:
        """The channel with its ``send`` behind the gateway."""
        owner, what, send = (
            self.owners("notifiers", notifier.id),
            f"send {notifier.id}",
            notifier.send,
        )

        async def guarded(ctx: Context, messages: tuple[Message, ...]) -> tuple[Receipt, ...]:
            async def attempt() -> tuple[Receipt, ...]:
                receipts = await send(ctx, messages)
                results.check_receipts(receipts)
                return tuple(receipts)

            return _value(await self.gateway.call_async(owner, what, attempt, seconds=SEND_SECONDS))

        return evolve(notifier, send=guarded)


def guarded(
    contributions: Contributions,
    gateway: Gateway,
    plugins: Sequence[LoadedPlugin],
    seconds: Mapping[str, float],
) -> Contributions:
    """The contributions with their functions behind a gateway; the core's own stay as they are.

    Args:
        contributions: What the plugins and the core contribute.
        gateway: Calls the functions.
        plugins: The enabled plugins.
        seconds: How long a plugin's sync functions may take, by its name.
    """
    far = frozenset(one.name for one in plugins if one.process is not None)
    guarding = Guarding(gateway, contributions.owner, far, seconds)

    def each(kind: str, guard: Callable[[T], T], found: Mapping[str, T]) -> dict[str, T]:
        return {
            key: one if contributions.owner(kind, key) == CORE else guard(one)
            for key, one in found.items()
        }

    return evolve(
        contributions,
        rules=each("rules", guarding.rule, contributions.rules),
        sources=each("sources", guarding.source, contributions.sources),
        datasets=each("datasets", guarding.dataset, contributions.datasets),
        workflows=each("workflows", guarding.workflow, contributions.workflows),
        notifiers=each("notifiers", guarding.notifier, contributions.notifiers),
    )


def _value(answer: Answer[T] | Failed) -> T:
    if isinstance(answer, Failed):
        raise PluginFailed(answer.reason)
    return answer.value
