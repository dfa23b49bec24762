"""Notices of proposals and decisions, written into the outbox in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from county_gov.contract.text import Text
from county_gov.parameters.words import COUNTY, decided_notice, proposed_notice
from county_gov.store.cases import accounts_by_number, area_names

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from county_gov.contract.parameter import Parameter
    from county_gov.store import Snapshot, Transaction
    from county_gov.store.parameters import Proposal

log = structlog.get_logger(__name__)

Compose = Callable[[str], tuple[str, str]]
"""Subject and body in a language."""


@frozen(eq=False)
class Notices:
    """Tells who may approve that something waits, and who proposed what became of it.

    Args:
        channels: Ids of the notifiers.
        approvers: The accounts that hold a permission for an area on a local day.
        timezone: The county's local time.
        county: The county's code.
        drill: Whether everything is an exercise.
    """

    channels: tuple[str, ...]
    approvers: Callable[[Snapshot, str, str, int], Collection[int]]
    timezone: ZoneInfo
    county: str
    drill: bool

    def tell_approvers(
        self, tx: Transaction, parameter: Parameter, proposal: Proposal, place: str, day: int
    ) -> None:
        """Tell those who may approve a value that reaches a place, but for who proposed."""
        area = place or self.county
        found = set(self.approvers(tx, parameter.approval_permission, area, day))
        numbers = found - {proposal.proposed_account}
        if self.channels and not numbers:
            log.warning("nobody may approve", parameter=parameter.id, area=area)
        where = _where(tx, parameter, proposal)
        self._send(
            tx,
            proposal,
            numbers,
            lambda language: proposed_notice(
                parameter, proposal, where, timezone=self.timezone, language=language
            ),
        )

    def tell_proposer(self, tx: Transaction, parameter: Parameter, proposal: Proposal) -> None:
        """Tell who proposed how it was decided."""
        where = _where(tx, parameter, proposal)
        self._send(
            tx,
            proposal,
            {proposal.proposed_account},
            lambda language: decided_notice(
                parameter, proposal, where, timezone=self.timezone, language=language
            ),
        )

    def _send(
        self, tx: Transaction, proposal: Proposal, numbers: Collection[int], compose: Compose
    ) -> None:
        for number, facts in sorted(accounts_by_number(tx, numbers).items()):
            subject, body = compose(facts.language)
            for channel in self.channels:
                tx.append_outbox(
                    key=f"parameter:{proposal.id}:{proposal.state}:{channel}:{number}",
                    notifier=channel,
                    recipient=facts.login,
                    subject=subject,
                    body=body,
                    drill=self.drill,
                )


def _where(tx: Transaction, parameter: Parameter, proposal: Proposal) -> Text:
    """What a value is for, in words."""
    if proposal.subject:
        return dict(parameter.choices).get(proposal.subject, Text(zh=proposal.subject))
    return (area_names(tx, proposal.area) or Text(zh=proposal.area)) if proposal.area else COUNTY
