"""Who acts, and what that person may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from county_gov.contract.text import Text

Reach = Literal["area", "unit", "person"]
"""How far a permission reaches: the post's area and all below it; within that only what the post's
unit takes part in; or only what the person takes part in."""


@frozen(eq=False)
class Permission:
    """Something a role may be given in county.toml.

    Args:
        id: ``<plugin or package>.<thing>.<verb>``, for example ``cases.case.read``.
        title: What it allows, in words.
    """

    id: str
    title: Text


@frozen
class Grant:
    """One way of seeing a row: every part that is set must hold."""

    area: str | None = None
    """Code of an area: rows of it and of every area below it."""
    unit: str | None = None
    """Code of an organisation unit: rows in which it takes part."""
    person: int | None = None
    """An account's number: rows in which the person takes part."""


@frozen
class Scope:
    """What an actor may see: any grant is enough; no grant means nothing.

    The store compiles a scope into the WHERE of every list, count, search and export.
    """

    grants: frozenset[Grant] = frozenset()
    everywhere: bool = False

    @classmethod
    def everything(cls) -> Scope:
        """The scope of the system itself."""
        return cls(everywhere=True)


@frozen
class Post:
    """A person's post: unit, role, area and the local days during which it is held."""

    role: str
    unit: str
    area: str


@frozen
class Actor:
    """Who does something.

    Args:
        kind: A person, the system itself, or a device.
        name: Name shown in histories.
        account: The account's number for a person, else None.
        posts: Posts held now.
        scopes: Permission id to what it reaches; an id that is missing is not permitted.
        name_en: The name in English, empty where none is registered.
    """

    kind: Literal["person", "system", "device"]
    name: str
    account: int | None = None
    posts: tuple[Post, ...] = ()
    scopes: dict[str, Scope] = field(factory=dict, eq=False, hash=False)
    name_en: str = field(default="", eq=False, hash=False)

    def may(self, permission: str) -> bool:
        """Whether the permission is held at all, within whatever scope."""
        return self.kind == "system" or permission in self.scopes

    def scope(self, permission: str) -> Scope:
        """What the permission reaches; nothing where it is not held."""
        if self.kind == "system":
            return Scope.everything()
        return self.scopes.get(permission, Scope())


SYSTEM = Actor(kind="system", name="系统", name_en="System")
"""The framework itself, for what happens without a person."""
