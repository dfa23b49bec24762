"""The records of a county: one service before all datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
import structlog

from county_gov.contract.access import Actor
from county_gov.contract.dataset import Dataset
from county_gov.contract.records import Record
from county_gov.contract.schema import Value
from county_gov.errors import AccessDenied, DeploymentError, NotFound, StoreError
from county_gov.records.authority import Known
from county_gov.records.declaration import check_datasets, decode_declaration, records_only
from county_gov.records.importing import RecordImports
from county_gov.records.keys import parse_key
from county_gov.records.references import RegisterCodes, unknown_codes
from county_gov.records.starting import Starting, plan_start
from county_gov.records.viewing import record_of
from county_gov.records.writing import Request, fingerprint
from county_gov.store import records as tables
from county_gov.store import records_declared as declared

if TYPE_CHECKING:
    from county_gov.contract.clock import Clock
    from county_gov.store import Snapshot, Store

log = structlog.get_logger(__name__)


class Records(RecordImports):
    """All records of a county: reading, writing, importing and exporting them.

    Args:
        store: Where they are kept.
        datasets: The datasets that the plugins declare, by id; those of observations are left out.
        clock: Tells today.
        timezone: The county's: "Asia/Shanghai".
        registers: Gives the areas and units of now.

    Raises:
        DeploymentError: with all problems of all datasets.
    """

    def __init__(
        self,
        store: Store,
        datasets: Mapping[str, Dataset],
        *,
        clock: Clock,
        timezone: str,
        registers: Callable[[], RegisterCodes],
    ) -> None:
        if problems := check_datasets(datasets):
            raise DeploymentError(problems)
        super().__init__(store, clock=clock, timezone=timezone)
        self._declared = records_only(datasets)
        self._registers = registers
        self._applying = set()
        self._know(self._declared)

    async def start(self) -> None:
        """Make and change the datasets' tables as they are declared now.

        Raises:
            DeploymentError: if a dataset was changed in a way that its rows cannot follow.
        """
        await Starting(self._store, self._declared).run()
        await self.load()

    async def load(self) -> None:
        """Learn what datasets of disabled plugins have left; `start` does it as well."""
        rows = await self._store.read(declared.read_declared)
        self._know(self._declared)
        for key, row in rows.items():
            if key not in self._declared:
                dataset = decode_declaration(row.declaration)
                self._known[key] = Known(dataset, enabled=False)
                self._tables[key] = tables.table_of(dataset, name=row.table)

    def plan(self, snapshot: Snapshot) -> tuple[str, ...]:
        """What the next start would change of the datasets' tables, a line for each.

        Raises:
            DeploymentError: if it would refuse.
        """
        return plan_start(snapshot, self._declared)

    async def put(
        self,
        actor: Actor,
        dataset: str,
        values: Mapping[str, Value],
        *,
        idempotency_key: str,
        expected_version: int | None = None,
        request: str = "",
        plugin: str = "",
    ) -> Record:
        """Add a row, or change the one of the same key; durable when it returns.

        Args:
            actor: Who does it.
            dataset: Its id.
            values: Its fields; those that are not named keep their value, or are empty. A masked
                value that comes back as it was shown changes nothing.
            idempotency_key: The same key again changes nothing and gives the row of the first time
                as it is now.
            expected_version: The row's version as it was read, 0 for one that must be new; None
                overwrites whatever is there.
            request: Id of the HTTP request, for the audit trail.
            plugin: Through which plugin the actor asks. A plugin's key names its command: repeated
                with other values (the clock has gone on) it is the same command. Anybody else's
                key names one request, and another request under it is refused.

        Raises:
            NotFound: if there is no such dataset for this actor, the row is there and not theirs to
                see, or the row that the idempotency key stands for was removed since.
            AccessDenied: if the actor may not write there, or a new day of a key whose rows are not
                all theirs to write.
            RecordInvalid: naming each field that is wrong.
            RecordConflict: if the row has another version, or the key stands for another request.
        """
        desk = self._desk(dataset)
        what = () if plugin else (dict(values), expected_version)
        hashed = fingerprint("put", dataset, *what)
        asked = Request(actor, idempotency_key, hashed, request, plugin, dataset)
        try:
            row = await self._store.write(lambda tx: desk.put(tx, asked, values, expected_version))
        except (AccessDenied, NotFound) as error:
            await self._note_refusal(actor, "record.put", dataset, error, request)
            raise
        return record_of(desk.known, row)

    async def remove(
        self,
        actor: Actor,
        dataset: str,
        key: str,
        *,
        idempotency_key: str,
        expected_version: int | None = None,
        request: str = "",
        plugin: str = "",
    ) -> None:
        """Remove a row; its history stays. Durable when it returns.

        Args:
            actor: Who does it.
            dataset: Its id.
            key: Its key; of a dated dataset with its day: ``key/2026-06-01``.
            idempotency_key: The same key again changes nothing.
            expected_version: The row's version as it was read, None for whatever is there.
            request: Id of the HTTP request, for the audit trail.
            plugin: As in `put`.

        Raises:
            NotFound: if there is no such dataset or row for this actor.
            AccessDenied: if the actor may not write there.
            RecordConflict: if the row has another version, or the key stands for another request.
        """
        desk = self._desk(dataset)
        row = parse_key(desk.known.dataset, key)
        hashed = fingerprint("remove", dataset, *(() if plugin else (key, expected_version)))
        asked = Request(actor, idempotency_key, hashed, request, plugin, dataset)
        try:
            await self._store.write(lambda tx: desk.remove(tx, asked, row, expected_version))
        except AccessDenied as error:
            await self._note_refusal(actor, "record.remove", f"{dataset}:{key}", error, request)
            raise

    async def unknown(self, reference: str, value: Value) -> bool:
        """Whether a value is no code of what a form's field refers to.

        Args:
            reference: "area", "unit", "thing", "person" or a dataset's id.
            value: In the shape of `county_gov.contract.values.normalise`.
        """
        return await self._store.read(
            lambda snapshot: bool(
                unknown_codes(snapshot, self._registers, self._tables, reference, [value])
            )
        )

    def _know(self, datasets: Mapping[str, Dataset]) -> None:
        self._known = {key: Known(one, enabled=True) for key, one in datasets.items()}
        self._tables = {key: tables.table_of(one) for key, one in datasets.items()}

    async def _note_refusal(
        self, actor: Actor, action: str, target: str, error: AccessDenied | NotFound, request: str
    ) -> None:
        """Record in a transaction of its own that somebody was refused."""
        details = msgspec.json.encode({"reason": str(error)[:200]}).decode()
        try:
            await self._store.write(
                lambda tx: tx.append_audit(
                    actor, action, target[:200], outcome="refused", request=request, details=details
                )
            )
        except StoreError as failure:
            log.warning("refusal not audited", action=action, target=target, problem=str(failure))
