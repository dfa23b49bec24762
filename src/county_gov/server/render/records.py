"""What the pages of records are given.

====================  ===========================================================================
template              values
====================  ===========================================================================
records.html          crumbs, links, filters, views
record.html           crumbs, links, record: RecordSheet, actions, views
record_form.html      crumbs, form: Action, facts: tuple[RecordFact, ...], back: Link
record_import.html    crumbs, links, upload: Upload, views, actions, rejected: tuple[Link, ...]
====================  ===========================================================================

``crumbs`` lead back to the catalogue, ``links`` stand beside the headline.
"""

from __future__ import annotations

from attrs import frozen

from county_gov.contract.text import Text


@frozen
class Link:
    """A way on from a page.

    Args:
        label: In words: a verb, where it leads to an action.
        href: Where to.
        primary: Whether it is the usual next step.
    """

    label: Text
    href: str
    primary: bool = False


@frozen
class RecordFact:
    """A field of a row in words; ``masked`` where who looks does not see it as it is."""

    label: Text
    value: Text
    masked: bool = False
    href: str = ""


@frozen(eq=False)
class RecordSheet:
    """One row.

    Args:
        facts: Its fields in their order.
        version: Raised with each change.
        changed_at: Instant of the last change, microseconds UTC.
        changed_by: Who made it.
        holds: Of a dated dataset: from when until when it holds, in words.
    """

    facts: tuple[RecordFact, ...]
    version: int
    changed_at: int
    changed_by: str
    holds: Text | None = None


@frozen(eq=False)
class Upload:
    """A form that takes a file.

    Args:
        href: Where it is posted.
        accept: Endings and media types that a browser offers.
        largest: Bytes that a file may have.
        error: What is wrong with the file that was sent.
    """

    href: str
    accept: str
    largest: int
    error: Text | None = None
