"""Every error that county_gov raises on purpose.

::

    CountyGovError
    ├── DeploymentError           the deployment cannot start; carries every problem found
    ├── ContractError             a plugin broke the contract
    ├── PluginFailed              a plugin's function failed, hung or was cut off
    ├── StoreError
    │   ├── MigrationPending      the database is older than this program
    │   ├── StoreBusy             the writer's queue is full: try again later
    │   ├── StoreClosed           the store is stopping or stopped
    │   ├── StoreFull             the disk is full
    │   └── LeaseLost             another worker has taken this follower over
    ├── IntakeError               a delivery as a whole cannot be read
    │   ├── MalformedDelivery     its bytes are not what its wire format says
    │   ├── UnsupportedWireFormat no decoder for its content type
    │   └── DeliveryTooLarge      more bytes or rows than are taken at once
    ├── CaseError
    │   ├── CaseNotFound          no such case within the actor's scope
    │   ├── CaseConflict          somebody else acted first: the expected version is gone
    │   ├── EventNotAllowed       the case's state, a guard or a permission forbids the event
    │   └── EventDataInvalid      the data sent with an event breaks its form
    ├── RegisterError             a register (areas, units, things) would become inconsistent
    ├── RecordError
    │   ├── RecordInvalid         a record's values break its schema
    │   └── RecordConflict        somebody else changed the record first
    ├── CommandError
    │   ├── CommandRefused        a command of a page says why it was not done
    │   ├── CommandInvalid        the values sent with a command break its form
    │   └── CommandFailed         the plugin behind a command failed, or was too slow
    ├── ParameterError
    │   ├── ProposalInvalid       a proposal of a value breaks its field or lacks what it needs
    │   └── ProposalConflict      the proposal was decided before: look at it as it is now
    ├── AccessDenied              who asks may not do this
    ├── AuthenticationFailed      who asks is not known
    ├── NotifyError
    │   └── TargetRefused         a webhook or request points where it may not go
    ├── RequestFailed             another server gave no answer that could be used
    └── NotFound                  the thing asked for does not exist, or not for this actor
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Words(Protocol):
    """A text in Chinese and, where there is one, in English, as `county_gov.api.Text` is."""

    @property
    def zh(self) -> str:
        """In Chinese."""
        ...

    @property
    def en(self) -> str:
        """In English, or empty."""
        ...


class CountyGovError(Exception):
    """Root of all errors raised by county_gov."""


@frozen
class Problem:
    """One thing that is wrong, where it is, and the way out."""

    place: str
    """File and dotted path, for example ``county.toml: plugin[1].config.token``."""
    message: str
    """What was expected, what was found, and what to do."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class DeploymentError(CountyGovError, ValueError):
    """The deployment cannot start; ``problems`` lists all that was found at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the deployment"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))


class ContractError(CountyGovError, TypeError):
    """A plugin broke the contract: a wrong shape, dtype, value or signature."""


class PluginFailed(CountyGovError, RuntimeError):
    """A plugin's function failed, hung, gave what it must not, or is cut off; the text says which.

    ``raised`` is true where the function itself raised an error and did nothing worse; ``hung``
    where it did not answer in time.
    """

    def __init__(self, message: str, *, raised: bool = False, hung: bool = False) -> None:
        super().__init__(message)
        self.raised = raised
        self.hung = hung


class StoreError(CountyGovError):
    """Something that the database refused."""


class StoreLocked(StoreError, RuntimeError):
    """Another process is writing the database, and only one may; the message names it."""


class MigrationPending(StoreError, RuntimeError):
    """The database is older than this program; run ``county-gov migrate`` first."""


class StoreBusy(StoreError, RuntimeError):
    """The writer's queue is full; ``retry_after`` says in how many seconds to try again."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreClosed(StoreError, RuntimeError):
    """The store is stopping or stopped, and takes no more work."""


class StoreFull(StoreError, OSError):
    """The disk is full; nothing of the refused work was kept."""


class LeaseLost(StoreError, RuntimeError):
    """Another worker holds this follower's lease now; what was computed must be dropped."""


class IntakeError(CountyGovError, ValueError):
    """A delivery as a whole cannot be taken in."""


class MalformedDelivery(IntakeError):
    """The bytes are not what the wire format says; ``place`` names row, line or byte."""

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place


class UnsupportedWireFormat(IntakeError):
    """No decoder is known for the content type."""


class DeliveryTooLarge(IntakeError):
    """More bytes or rows than are taken in one delivery."""


class CaseError(CountyGovError):
    """Something that a case refuses."""


class NotFound(CountyGovError, LookupError):
    """The thing does not exist, or not for the one who asks."""


class CaseNotFound(CaseError, NotFound):
    """No such case within the actor's scope."""


class CaseConflict(CaseError, RuntimeError):
    """Somebody else acted first; ``current`` is the version to read before trying again."""

    def __init__(self, message: str, *, current: int) -> None:
        super().__init__(message)
        self.current = current


class EventNotAllowed(CaseError, ValueError):
    """State, guard or permission forbids the event; ``code`` names which.

    ``zh`` and ``en`` are a guard's own words for the person, empty for any other reason.
    """

    def __init__(self, message: str, *, code: str = "state", zh: str = "", en: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.zh = zh
        self.en = en


class EventDataInvalid(CaseError, ValueError):
    """The data sent with an event breaks its form; ``problems`` names each field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class RecordError(CountyGovError):
    """A record cannot be written."""


class RecordInvalid(RecordError, ValueError):
    """A record's values break its schema; ``problems`` lists each field that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class RecordConflict(RecordError, RuntimeError):
    """Somebody else changed the record first: look at it as it is now, then decide anew.

    ``current`` is the version it has now, 0 where there is none; ``code`` is "idempotency" where
    the idempotency key was used for another request instead.
    """

    def __init__(self, message: str, *, current: int = 0, code: str = "version") -> None:
        super().__init__(message)
        self.current = current
        self.code = code


class CommandError(CountyGovError):
    """A command was not done."""


class CommandInvalid(CommandError, ValueError):
    """The values sent with a command break its form; ``problems`` names each field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class CommandFailed(CommandError, RuntimeError):
    """The plugin behind a command failed or was too slow; part of it may have been done."""


class CommandRefused(CommandError):
    """A command of a page was not done; the text says why, for the person who asked for it."""

    def __init__(self, why: Words) -> None:
        self.why = why
        super().__init__(why.zh)


class ParameterError(CountyGovError):
    """A value of a parameter cannot be proposed, or a proposal not be decided."""


class ProposalInvalid(ParameterError, ValueError):
    """A proposal is wrong or incomplete; ``problems`` lists each field that is."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class ProposalConflict(ParameterError, RuntimeError):
    """The proposal was decided before: look at it as it is now."""


class RegisterError(CountyGovError, ValueError):
    """A register would become inconsistent; ``problems`` names each row."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class AccessDenied(CountyGovError, PermissionError):
    """The actor is known and may not do this."""


class AuthenticationFailed(CountyGovError, PermissionError):
    """The actor is not known: wrong password, signature, or an expired session."""


class NotifyError(CountyGovError):
    """A notice could not be handed over."""


class TargetRefused(NotifyError, ValueError):
    """A host is not allowed, or its address is private, link-local or otherwise refused."""


class RequestFailed(CountyGovError, OSError):
    """Another server gave no answer in time, too long a one, or none that can be read."""
