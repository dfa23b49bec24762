"""Draw every page with invented data, to look at it: ``python -m tests.server.render.preview``.

The pages are served from memory under the same strict Content-Security-Policy as the real server.
With ``--shots FOLDER`` the system's Chromium takes pictures of each, in both languages, light and
dark, at a phone's and at two desks' sizes.
"""

from __future__ import annotations

import argparse
import mimetypes
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import county_gov.server.render
from county_gov.server.render import LANGUAGES
from tests.server.render.specimens import renderer, specimens

STATIC = Path(county_gov.server.render.__file__).parents[1] / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
SIZES = {"phone": (390, 844), "desk": (1440, 900), "wide": (1920, 1080)}
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)


def drawn() -> dict[str, str]:
    """Every specimen in every language by path, ``/zh/dashboard``."""
    draw = renderer()
    return {
        f"/{language}/{one.name}": draw.page(
            one.template, language=language, chrome=one.chrome, fragment=False, **one.values
        )
        for one in specimens()
        for language in LANGUAGES
    }


class Stage(ThreadingHTTPServer):
    """Serves pages that may change while they are looked at, and tells of it.

    Args:
        pages: HTML by path; ``/zh/cases?fragment=1`` is asked for after an event.
    """

    daemon_threads = True

    def __init__(self, pages: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = dict(pages)
        self.listeners: list[queue.Queue[str]] = []
        self.connected = True

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def tell(self, kind: str) -> None:
        """Send an event to everybody who listens; "" ends their streams."""
        for listener in self.listeners:
            listener.put(kind)


class _Handler(BaseHTTPRequestHandler):
    server: Stage

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = self.server.pages.get(self.path) or self.server.pages.get(path)
        if page is not None:
            self._answer("text/html; charset=utf-8", page.encode())
        elif path == "/events" and self.server.connected:
            self._stream()
        elif path.startswith("/static/") and ".." not in path:
            file = STATIC / path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._answer(kind, file.read_bytes())
        else:
            self.send_error(503 if path == "/events" else 404)

    def _stream(self) -> None:
        heard: queue.Queue[str] = queue.Queue()
        self.server.listeners.append(heard)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 100\n\n")
        while kind := heard.get():
            self.wfile.write(f"event: {kind}\ndata: {{}}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Stay silent."""


@contextmanager
def served(pages: Mapping[str, str]) -> Iterator[Stage]:
    """Serve pages and static files under the strict policy."""
    stage = Stage(pages)
    thread = threading.Thread(target=stage.serve_forever, daemon=True)
    thread.start()
    try:
        yield stage
    finally:
        stage.connected = False
        stage.tell("")
        stage.shutdown()
        stage.server_close()
        thread.join()


@contextmanager
def browser(executable: Path = Path("/usr/bin/chromium")) -> Iterator[Browser]:
    """The system's Chromium, with background networking off."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(executable), args=list(ARGUMENTS))
        try:
            yield running
        finally:
            running.close()


def settle(page: Page) -> None:
    """Wait until the charts of a page are drawn."""
    page.wait_for_load_state("load")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]')]"
        ".every((one) => one.querySelector('canvas'))"
    )


def _shoot(folder: Path, names: list[str], sizes: list[str], schemes: list[str]) -> None:
    pages = drawn()
    with served(pages) as stage, browser() as chromium:
        for size in sizes:
            for scheme in schemes:
                width, height = SIZES[size]
                context = chromium.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                    reduced_motion="reduce",
                )
                page = context.new_page()
                page.on("console", lambda message: print("console:", message.text))  # noqa: T201
                for path in pages:
                    language, name = path.strip("/").split("/")
                    if names and name not in names:
                        continue
                    page.goto(stage.address + path)
                    settle(page)
                    page.wait_for_timeout(200)
                    target = folder / f"{name}-{language}-{size}-{scheme}.png"
                    page.screenshot(path=str(target), full_page=True)
                context.close()


def main() -> None:
    """Write the pages to a folder, or take their pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, help="folder for the HTML")
    parser.add_argument("--shots", type=Path, help="folder for the pictures")
    parser.add_argument("--only", nargs="*", default=[], help="names of specimens")
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--schemes", nargs="*", default=["light", "dark"])
    chosen = parser.parse_args()
    if chosen.pages:
        for path, text in drawn().items():
            target = chosen.pages / f"{path.strip('/').replace('/', '-')}.html"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    if chosen.shots:
        chosen.shots.mkdir(parents=True, exist_ok=True)
        _shoot(chosen.shots, chosen.only, chosen.sizes, chosen.schemes)


if __name__ == "__main__":
    main()
