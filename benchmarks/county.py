"""The county that benchmarks and tortures run: 2,000 datastreams, one signing gateway."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.load import post
from county_gov.access.devices import derive_key, sign

PATH = "/api/v1/observations"
COLUMNS = "application/vnd.county-gov.columns+json"
DATASTREAMS = 2000
START = 1_699_999_200_000_000
MINUTE = 60_000_000
DEVICE = "gateway"
MASTER = "a master secret of the benchmark only"

TOML = """
[county]
name = "基准县"
code = "990102"
api = 0
[store]
url = "sqlite:///county.db"
migrate = true
[server]
port = {port}
secure_cookies = false
device_requests_per_second = 1000000.0
[secrets]
device_master = {{ env = "BENCHMARK_MASTER" }}
[registers]
areas = "areas.csv"
units = "units.csv"
things = "things.csv"
datastreams = "datastreams.csv"
[[plugin]]
use = "sensors"
"""


def write_county(folder: Path, port: int) -> None:
    """A county with 2,000 datastreams of one minute's period."""
    (folder / "county.toml").write_text(TOML.format(port=port), encoding="utf-8")
    (folder / "areas.csv").write_text(
        "code,kind,name,parent,valid_from\n990102,county,基准县,,2013-01-01\n", encoding="utf-8"
    )
    (folder / "units.csv").write_text(
        "code,name,kind,area\nenvironment,环境部门,department,990102\n", encoding="utf-8"
    )
    things = ["code,name,longitude,latitude,area,unit"]
    streams = ["code,thing,observed_property,name,unit,period_seconds,decimals,minimum,maximum"]
    for number in range(DATASTREAMS):
        things.append(f"t{number},站点{number},116.4,40.0,990102,environment")
        streams.append(f"s{number},t{number},pm25,PM2.5,µg/m³,60,1,0,1000")
    (folder / "things.csv").write_text("\n".join(things), encoding="utf-8")
    (folder / "datastreams.csv").write_text("\n".join(streams), encoding="utf-8")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Signer:
    """Signs requests as a device does."""

    def __init__(self) -> None:
        self.key = derive_key(MASTER.encode(), DEVICE, 1)

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that sign a body now."""
        stamp = str(time.time_ns() // 1000)
        signature = sign(
            self.key,
            method="POST",
            path=PATH,
            device=DEVICE,
            timestamp=stamp,
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
        return {"X-Device": DEVICE, "X-Timestamp": stamp, "X-Signature": signature}

    def __call__(self, body: bytes, content_type: str) -> bytes:
        """A ready, signed request."""
        return post(PATH, body, content_type, self.headers(body))


def issue_key(folder: Path) -> None:
    """Register the device; its first key is of epoch 1."""
    subprocess.run(
        [sys.executable, "-m", "county_gov.cli", "device", "key", "county.toml", DEVICE],
        cwd=folder,
        env={**os.environ, "BENCHMARK_MASTER": MASTER},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
