"""What the template of one parameter is given beside the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from county_gov.contract.text import Text
    from county_gov.server.render.actions import Action


@frozen(eq=False)
class WaitingProposal:
    """A proposal that nobody has decided yet.

    Args:
        number: Within the parameter.
        value: In words, with its unit.
        facts: Label and words of all that was said with it.
        note: Who has to decide, or what deciding would change.
        actions: What this person may do.
    """

    number: int
    value: Text
    facts: tuple[tuple[Text, Text], ...]
    note: Text | None = None
    actions: tuple[Action, ...] = ()
