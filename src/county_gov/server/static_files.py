"""Static files: styles, scripts and pictures, kept by browsers while their address stays."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from county_gov.contract.text import Text
from county_gov.server.headers import FOR_EVER
from county_gov.server.refusal import NoSuchAddress
from county_gov.server.routes import PUBLIC, Route

if TYPE_CHECKING:
    from county_gov.server.call import Call

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
"""Files of other types are not served."""


async def serve_file(call: Call) -> web.StreamResponse:
    """One file of the package's folder ``static``."""
    root = Path(str(files("county_gov.server"))) / "static"
    path = root.joinpath(call.part("name"))
    media = TYPES.get(path.suffix)
    if media is None or not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        raise NoSuchAddress("there is no such file")
    versioned = "v" in call.request.query
    return web.FileResponse(
        path,
        headers={
            "Content-Type": f"{media}; charset=utf-8" if media.startswith("text/") else media,
            "Cache-Control": FOR_EVER if versioned else "no-cache",
        },
    )


async def icon(_call: Call) -> web.StreamResponse:
    """Browsers ask for it by themselves."""
    return web.Response(status=301, headers={"Location": "/static/icon.svg"})


ROUTES = (
    Route(
        "GET",
        "/static/{name:[A-Za-z0-9_./-]{1,200}}",
        serve_file,
        PUBLIC,
        Text(zh="静态文件", en="Styles, scripts and pictures"),
        "asset",
        answer_media="*/*",
        failures=(404,),
    ),
    Route("GET", "/favicon.ico", icon, PUBLIC, Text(zh="图标", en="Icon"), "asset"),
)
