"""A plugin with commands, forms and endpoints, for the tests of what serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from attrs import define, field, frozen

from county_gov.api import (
    CaseView,
    Command,
    CommandContext,
    CommandRefused,
    Endpoint,
    EndpointContext,
    Field,
    Form,
    Hooks,
    Page,
    PageContext,
    Paragraphs,
    Permission,
    Request,
    Response,
    Schema,
    Text,
    Value,
    View,
    implements,
)
from county_gov.registry.discovery import LoadedPlugin

PERMISSIONS = ("desk.use", "desk.close", "desk.read")


@define
class Book:
    """What the plugin was asked, for the tests to look at."""

    entries: list[dict[str, Value]] = field(factory=list)
    contexts: list[CommandContext] = field(factory=list)
    requests: list[Request] = field(factory=list)
    cases: list[CaseView] = field(factory=list)


@frozen
class NoConfig:
    """A plugin without settings."""


@frozen(eq=False)
class DeskPlugin:
    """A desk at which people enter things."""

    config: NoConfig
    book: Book = field(factory=Book, kw_only=True)
    more: tuple[Endpoint, ...] = field(default=(), kw_only=True)
    answer: Response | None = field(default=None, kw_only=True)
    offered: tuple[str, ...] = field(default=("desk.close", "desk.enter"), kw_only=True)
    shown: Callable[[PageContext], Awaitable[tuple[View, ...]]] | None = field(
        default=None, kw_only=True
    )
    api: ClassVar[int] = 0
    Config: ClassVar[type[NoConfig]] = NoConfig

    @implements(Hooks.permissions)
    def permissions(self) -> Iterable[Permission]:
        """The desk's permissions."""
        return tuple(Permission(one, Text(zh="窗口", en="Desk")) for one in PERMISSIONS)

    @implements(Hooks.pages)
    def pages(self) -> Iterable[Page]:
        """The desk's page, with a form and a button."""
        title = Text(zh="窗口", en="Desk")
        return (Page("desk/entries", title, "desk.read", self._views, actions=self.offered),)

    @implements(Hooks.commands)
    def commands(self) -> Iterable[Command]:
        """Entering something, and closing the desk."""
        return (
            Command("desk.enter", Text(zh="登记", en="Enter"), "desk.use", self._enter, ENTRY),
            Command(
                "desk.close",
                Text(zh="关闭窗口", en="Close the desk"),
                "desk.close",
                self._close,
                consequence=Text(zh="今天不再受理", en="Nothing more is taken today"),
            ),
            Command("desk.hang", Text(zh="卡住", en="Hang"), "desk.use", self._hang, seconds=0.05),
            Command("desk.file", Text(zh="立案", en="File"), "desk.use", self._file),
        )

    @implements(Hooks.endpoints)
    def endpoints(self) -> Iterable[Endpoint]:
        """What other systems ask the desk."""
        title = Text(zh="窗口接口", en="The desk for programs")
        return (
            Endpoint(
                "desk.level", title, "GET", "/desk/v1/Things({code})", "desk.read", self._level
            ),
            Endpoint(
                "desk.take",
                title,
                "POST",
                "/desk/v1/entries",
                "desk.use",
                self._take,
                device=True,
                maximum_bytes=1000,
                seconds=0.2,
            ),
            *self.more,
        )

    async def _views(self, ctx: PageContext) -> tuple[View, ...]:
        title = Text(zh="已登记", en="Entered")
        names = tuple(Text(zh=str(one["name"])) for one in self.book.entries)
        form = Form("enter", Text(zh="登记一项", en="Enter one"), "desk.enter", {"count": 2})
        if self.shown is not None:
            return await self.shown(ctx)
        return (Paragraphs("entries", title, names), form)

    async def _enter(self, ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        self.book.contexts.append(ctx)
        if values["name"] == "重复":
            raise CommandRefused(Text(zh="此人已登记", en="That person is entered already"))
        if values["name"] == "坏":
            raise RuntimeError("the desk broke")
        self.book.entries.append(dict(values))
        await ctx.notify(
            "role:dispatch_centre",
            subject="登记",
            body=str(values["name"]),
            idempotency_key=ctx.key,
        )
        return Text(zh=f"已登记：{values['name']}", en=f"Entered: {values['name']}")

    async def _close(self, ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        self.book.entries.append({"name": "关闭"})
        return Text(zh="窗口已关闭", en="The desk is closed")

    async def _hang(self, ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        await asyncio.Event().wait()
        return Text(zh="不会到这里", en="never")

    async def _file(self, ctx: CommandContext, values: Mapping[str, Value]) -> Text:
        case = await ctx.open_case(
            "sensors.pollution",
            title="群众反映",
            area="990101001001001",
            subject="aotizhongxin.pm25",
            data={},
            idempotency_key=ctx.key,
        )
        self.book.cases.append(case)
        return Text(zh=f"已立案：{case.number}", en=f"Filed: {case.number}")

    async def _level(self, ctx: EndpointContext, request: Request) -> Response:
        self.book.requests.append(request)
        if self.answer is not None:
            return self.answer
        streams = await ctx.read.datastreams()
        return Response.json({"code": request.parts["code"], "streams": len(streams)})

    async def _take(self, ctx: EndpointContext, request: Request) -> Response:
        self.book.requests.append(request)
        if request.body == b"hang":
            await asyncio.Event().wait()
        return Response(request.body, status=201, headers={"Location": "/desk/v1/entries/1"})


ENTRY = Schema(
    fields=(
        Field("name", "text", Text(zh="姓名", en="Name"), maximum=20),
        Field("count", "int64", Text(zh="件数", en="Count"), minimum=1, maximum=9),
        Field("height", "float64", Text(zh="高度", en="Height"), decimals=2, required=False),
        Field("day", "date", Text(zh="日期", en="Day"), required=False),
        Field("place", "text", Text(zh="地点", en="Place"), required=False, refers="area"),
    )
)


def loaded(plugin: DeskPlugin) -> LoadedPlugin:
    """The plugin as discovery gives it."""
    return LoadedPlugin("desk", plugin, "county-gov-desk", "1.0", "county.toml: plugin[1]")


def permit(folder: Path, **roles: tuple[str, ...]) -> None:
    """Give roles further permissions in a county's deployment file."""
    path = folder / "county.toml"
    text = path.read_text(encoding="utf-8")
    for role, permissions in roles.items():
        head, rest = text.split(f"[roles.{role}]", 1)
        words = ", ".join(f'"{one}"' for one in permissions)
        rest = rest.replace("permissions = [", f"permissions = [{words}, ", 1)
        text = f"{head}[roles.{role}]{rest}"
    path.write_text(text, encoding="utf-8")
