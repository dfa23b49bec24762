"""What people do: cases, pages, commands, endpoints, records, parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from county_gov.contract.access import SYSTEM, Scope
from county_gov.contract.endpoint import Endpoint, Request, Response
from county_gov.contract.workflow import CaseView
from county_gov.errors import AccessDenied, NotFound
from county_gov.testing.stage import Stage
from county_gov.testing.world import EVERYTHING_ROLE, TOWNSHIP

if TYPE_CHECKING:
    from county_gov.contract.page import View
    from county_gov.contract.records import Record
    from county_gov.contract.schema import Schema, Value
    from county_gov.contract.text import Text


class Acting(Stage):
    """A stage that people act on."""

    async def open(
        self,
        workflow: str,
        *,
        by: str = "",
        title: str = "",
        area: str = TOWNSHIP,
        subject: str = "",
        **data: Value,
    ) -> CaseView:
        """Open a case, as the system or as somebody."""
        definition = self.county.cases.workflows.get(workflow)
        view = await self.county.cases.open(
            workflow,
            title=title or workflow,
            area=area,
            subject=subject,
            data=self._values(data, definition.data if definition else None),
            actor=await self.actor(by) if by else SYSTEM,
            key=self._key(),
        )
        await self.settle()
        return view

    async def act(self, who: str, case: CaseView | str, event: str, **data: Value) -> CaseView:
        """Make an event of a case as the holder of a role, and return the case as it is then.

        Args:
            who: A role, or the login of a person: ``dispatcher``, ``dispatcher-2``.
            case: The case, or its id.
            event: Id of the event.
            **data: The form's values; a login may stand for an account's number, and a
                moment ("08:00") for an instant.

        Raises:
            CaseError: if it is not allowed.
        """
        detail = await self.county.cases.get(Scope.everything(), id_of(case))
        definition = self.county.cases.workflows.get(detail.view.workflow)
        wanted = definition.event(event) if definition else None
        await self.county.cases.send_event(
            detail.view.id,
            event,
            data=self._values(data, wanted.form if wanted else None),
            actor=await self.actor(who),
            expected_version=detail.view.version,
            key=self._key(),
        )
        await self.settle()
        return (await self.county.cases.get(Scope.everything(), id_of(case))).view

    async def allowed(self, who: str, case: CaseView | str) -> tuple[str, ...]:
        """The events that somebody may make with a case now; guards are not asked."""
        detail = await self.county.cases.get(Scope.everything(), id_of(case))
        return tuple(one.id for one in self.county.cases.actions(detail, await self.actor(who)))

    async def look(self, who: str, path: str, **query: str) -> tuple[View, ...]:
        """What a page shows to somebody.

        Raises:
            NotFound: if there is no such page.
            AccessDenied: if that person may not open it.
        """
        pages = self.county.registry.contributions.pages
        page = pages.get(path)
        if page is None:
            raise NotFound(f"there is no page {path!r}; there are {sorted(pages)}")
        actor = await self.actor(who)
        if not actor.may(page.permission):
            raise AccessDenied(f"{who} may not open {path}: it needs {page.permission}")
        owner = self.county.registry.contributions.owner("pages", path)
        return await page.views(self.county.page_context(owner, actor, query))

    async def command(
        self, who: str, command: str, *, query: Mapping[str, str] | None = None, **values: Value
    ) -> Text:
        """Give a page's command as somebody, and return what is said afterwards.

        Raises:
            AccessDenied: if that person may not give it.
            CommandInvalid: with each field's problem.
            CommandRefused: in the plugin's own words.
        """
        found = self.county.registry.contributions.commands.get(command)
        data = self._values(values, found.form if found else None)
        said = await self.county.commands.run(
            await self.actor(who), command, data, key=self._key(), query=query
        )
        await self.settle()
        return said

    async def request(
        self, who: str, method: str, path: str, body: bytes = b"", **headers: str
    ) -> Response:
        """Ask a plugin's endpoint as somebody.

        Args:
            who: A role or login.
            method: Its method.
            path: Its path, with the parts filled in and the query behind a "?".
            body: The request's body.
            **headers: Headers, ``content_type`` for ``content-type``.

        Raises:
            NotFound: if no endpoint has this address.
            AccessDenied: if that person may not call it.
        """
        address, _, query = path.partition("?")
        endpoint, parts = self._endpoint(method, address)
        actor = await self.actor(who)
        if not (endpoint.public or actor.may(endpoint.permission)):
            raise AccessDenied(f"{who} may not call {path}: it needs {endpoint.permission}")
        pairs = (one.partition("=") for one in query.split("&") if one)
        request = Request(
            method=method,
            path=address,
            parts=parts,
            query={name: value for name, _, value in pairs},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=body,
            actor=actor,
        )
        context = self.county.endpoint_context(endpoint.id, actor, "")
        response = await endpoint.handler(context, request)
        await self.settle()
        return response

    async def run(self, job: str) -> str:
        """Let a job run now, as somebody who asks for it, and return its words.

        Raises:
            NotFound: if there is no such job.
        """
        await self.county.jobs.ask(job, actor=SYSTEM, key=self._key())
        await self.settle()
        (last, *_), _count = await self.county.jobs.history(job, limit=1)
        return last.words

    async def put(self, dataset: str, /, **values: Value) -> Record:
        """Add or change a record, as the system.

        Logins may stand for accounts' numbers, and moments ("08:00") for instants.

        Raises:
            RecordInvalid: naming each field that is wrong.
        """
        declared = self.county.registry.contributions.datasets.get(dataset)
        data = self._values(values, declared.schema if declared else None)
        made = await self.county.records.put(SYSTEM, dataset, data, idempotency_key=self._key())
        await self.settle()
        return made

    async def remove(self, dataset: str, key: str) -> None:
        """Remove a record, as the system.

        Raises:
            NotFound: if there is none.
        """
        await self.county.records.remove(SYSTEM, dataset, key, idempotency_key=self._key())
        await self.settle()

    async def set(
        self,
        parameter: str,
        value: Value,
        *,
        area: str = "",
        subject: str = "",
        on: date | str = "",
        document: str = "测试文件",
        number: str = "测〔2026〕1号",
    ) -> None:
        """Set a parameter from a day on (today): one person proposes it, another approves it.

        Raises:
            ProposalInvalid: with each field's problem.
        """
        proposer, approver = EVERYTHING_ROLE, f"{EVERYTHING_ROLE}-2"
        proposal = await self.county.parameters.propose(
            await self.actor(proposer),
            parameter,
            value=value,
            effective_from=on or self.local.date(),
            document=document,
            number=number,
            reason="测试",
            area=area,
            subject=subject,
            key=self._key(),
        )
        await self.county.parameters.approve(
            await self.actor(approver), proposal.id, reason="测试", key=self._key()
        )
        await self.settle()

    def _endpoint(self, method: str, address: str) -> tuple[Endpoint, dict[str, str]]:
        for endpoint in self.county.registry.contributions.endpoints.values():
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(endpoint.path))
            found = re.fullmatch(pattern, address)
            if found and endpoint.method == method:
                return endpoint, found.groupdict()
        raise NotFound(f"no endpoint answers {method} {address}")

    def _values(self, values: Mapping[str, Value], schema: Schema | None) -> dict[str, Value]:
        """Values with accounts' numbers where logins stand, and instants where moments stand."""
        found = dict(values)
        fields = {one.name: one for one in schema.fields} if schema else {}
        for name, value in values.items():
            one = fields.get(name)
            if not isinstance(value, str) or one is None:
                continue
            if one.dtype == "instant":
                found[name] = self.at(value)
            elif one.dtype == "int64" and (one.refers == "person" or name.endswith("_account")):
                found[name] = self.account(value)
        return found


def id_of(case: CaseView | str) -> str:
    """The id of a case, or the id itself."""
    return case if isinstance(case, str) else case.id
