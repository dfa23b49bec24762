"""A bare aiohttp server that reads a body and answers: the ceiling for single requests."""

from __future__ import annotations

import sys

from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    """Read the body and say how long it was."""
    body = await request.read()
    return web.json_response({"bytes": len(body)})


def main() -> None:
    """Serve on the port that the command line names."""
    import uvloop

    app = web.Application()
    app.router.add_post("/", echo)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
