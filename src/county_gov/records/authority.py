"""Who may read and write which rows, and see personal fields as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from county_gov.contract.access import Actor, Scope
from county_gov.errors import AccessDenied, NotFound

if TYPE_CHECKING:
    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field, Value

READ_DISABLED = "core.disabled_records.read"
"""Permission to read what plugins that are not enabled any more have left."""

Reader = Actor | Scope
"""Who reads: an actor within the reach of the dataset's permission; a bare scope sees masked."""


@frozen(eq=False)
class Known:
    """A dataset that the county knows.

    Args:
        dataset: Its declaration, of an earlier start where its plugin is disabled.
        enabled: Whether its plugin is enabled.
    """

    dataset: Dataset
    enabled: bool

    @property
    def personal(self) -> frozenset[str]:
        """Names of the fields that most see masked."""
        fields = self.dataset.schema.fields
        return frozenset(one.name for one in fields if one.classification == "personal")

    @property
    def public(self) -> bool:
        """Whether anybody at all may read it, as each of its fields is classified "public"."""
        fields = self.dataset.schema.fields
        return self.enabled and all(one.classification == "public" for one in fields)


def no_dataset(dataset: str) -> NotFound:
    """The error for a dataset that does not exist, or not for who asks."""
    return NotFound(f"there is no dataset {dataset[:80]!r}")


def may_read(reader: Reader, known: Known) -> bool:
    """Whether a dataset is visible at all."""
    return isinstance(reader, Scope) or known.public or reader.may(_read_permission(known))


def reading(reader: Reader, known: Known) -> Scope:
    """Which rows of a dataset are visible.

    Raises:
        NotFound: if none are, so that nobody learns of a dataset that is not theirs to read.
    """
    if isinstance(reader, Scope):
        return reader
    if not may_read(reader, known):
        raise no_dataset(known.dataset.id)
    return Scope.everything() if known.public else reader.scope(_read_permission(known))


def _read_permission(known: Known) -> str:
    return known.dataset.read_permission if known.enabled else READ_DISABLED


def unmasking(reader: Reader, known: Known) -> Scope:
    """In which rows personal fields are seen as they are."""
    if isinstance(reader, Scope):
        return Scope()
    if reader.kind == "system":
        return Scope.everything()
    permission = known.dataset.unmasked_permission
    return reader.scope(permission) if permission and known.enabled else Scope()


def writing(actor: Actor, known: Known, *, importing: bool = False) -> Scope:
    """Which rows of a dataset somebody may write.

    Raises:
        NotFound: if the dataset is not visible either.
        AccessDenied: if the permission is missing, the plugin is disabled, or a person would edit
            what another system decides.
    """
    dataset = known.dataset
    if not may_read(actor, known) and not actor.may(dataset.write_permission):
        raise no_dataset(dataset.id)
    if not known.enabled:
        raise AccessDenied(f"{dataset.id}: its plugin is disabled; its records can only be read")
    if not actor.may(dataset.write_permission):
        raise AccessDenied(f"writing {dataset.id} needs {dataset.write_permission!r}")
    if dataset.system_of_record == "external" and actor.kind != "system" and not importing:
        raise AccessDenied(f"{dataset.id} is kept by another system: change it there and import it")
    return actor.scope(dataset.write_permission)


def may_write(actor: Actor, known: Known) -> bool:
    """Whether somebody may add and change rows of a dataset, within whatever scope."""
    try:
        writing(actor, known)
    except (AccessDenied, NotFound):
        return False
    return True


def mask(one: Field, kept: object) -> Value:
    """A personal value as most see it: of a text its first character, else nothing.

    Where the first character would tell all, as of a choice, it is hidden as well.
    """
    if one.dtype != "text" or not isinstance(kept, str):
        return None
    if one.choices or len(kept) == 1:
        return "*"
    return kept[0] + "*" * (len(kept) - 1)
