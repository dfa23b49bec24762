"""The server: an aiohttp application with the interface for programs and the console."""

from __future__ import annotations

from county_gov.server.application import application as application
from county_gov.server.serving import serve as serve
