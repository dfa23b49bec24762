"""Cut the demonstration county's readings out of the Beijing Multi-Site Air Quality data.

Reads the station files of Chen, S. (2017), Beijing Multi-Site Air Quality, UCI Machine Learning
Repository, https://doi.org/10.24432/C5RK5G (CC BY 4.0), and writes two gzip CSV files with the
columns ``datastream,time,value``, ordered by time and then datastream:

``winters.csv.gz``
    December, January and February of four stations, six pollutants.
``aotizhongxin_pm25.csv.gz``
    the whole PM2.5 column of Aotizhongxin, 2013-03-01 to 2017-02-28.

The winter hours of ``aotizhongxin.pm25`` stand in both files on purpose: replayed one after the
other, they arrive twice and must be counted as duplicates.

Run it with::

    COUNTY_GOV_REFERENCE_DATA=/path/to/data python build_excerpt.py
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

STATIONS = ("Aotizhongxin", "Changping", "Dongsi", "Shunyi")
POLLUTANTS = {
    "CO": "co",
    "NO2": "no2",
    "O3": "o3",
    "PM10": "pm10",
    "PM2.5": "pm25",
    "SO2": "so2",
}
"""Column of the source file -> observed property in the datastream's code; all in µg/m³."""

WINTER_MONTHS = frozenset({12, 1, 2})
MISSING = "NA"
NUMBER = re.compile(r"\d+(\.\d+)?")


class Reading(NamedTuple):
    """One hour of one datastream, its value as the source wrote it."""

    time: str
    """Start of the hour, RFC 3339 with the offset of Beijing."""
    datastream: str
    value: str


def station_file(reference: Path, station: str) -> Path:
    """The file of one station below the folder of reference data."""
    folder = reference / "sensors" / "beijing_multisite"
    return folder / f"PRSA_Data_{station}_20130301-20170228.csv.gz"


def read_station(
    path: Path, station: str, columns: Iterable[str], months: frozenset[int]
) -> Iterator[Reading]:
    """Yield the readings of one station that are not missing.

    Args:
        path: gzip CSV of the source.
        station: the station's name, as in the source.
        columns: pollutant columns to take.
        months: calendar months to take, 1 to 12.

    Raises:
        ValueError: a taken cell is neither a plain decimal number nor ``NA``.
    """
    wanted = [(column, f"{station.lower()}.{POLLUTANTS[column]}") for column in columns]
    with gzip.open(path, "rt", encoding="ascii", newline="") as stream:
        rows = csv.DictReader(stream)
        for row in rows:
            year, month, day, hour = (int(row[part]) for part in ("year", "month", "day", "hour"))
            if month not in months:
                continue
            time = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:00:00+08:00"
            for column, datastream in wanted:
                value = row[column]
                if value == MISSING:
                    continue
                if not NUMBER.fullmatch(value):
                    raise ValueError(
                        f"{path.name}:{rows.line_num}: column {column}: expected a number or "
                        f"{MISSING}, got {value!r}; compare the file with the published one"
                    )
                yield Reading(time, datastream, value)


def winters(reference: Path) -> list[Reading]:
    """All stations and pollutants in the winter months, in file order."""
    return sorted(
        reading
        for station in STATIONS
        for reading in read_station(
            station_file(reference, station), station, POLLUTANTS, WINTER_MONTHS
        )
    )


def aotizhongxin_pm25(reference: Path) -> list[Reading]:
    """The whole PM2.5 column of Aotizhongxin, in file order."""
    station = "Aotizhongxin"
    every_month = frozenset(range(1, 13))
    path = station_file(reference, station)
    return sorted(read_station(path, station, ("PM2.5",), every_month))


def write_readings(path: Path, readings: list[Reading]) -> None:
    """Write readings as a gzip CSV whose bytes depend on nothing but the readings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("datastream", "time", "value"))
    writer.writerows((reading.datastream, reading.time, reading.value) for reading in readings)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as packed,
    ):
        packed.write(text.getvalue().encode("ascii"))


def main() -> int:
    """Write both files and print their row counts."""
    parser = argparse.ArgumentParser(description="Build the demonstration county's readings.")
    parser.add_argument(
        "--reference",
        type=Path,
        default=os.environ.get("COUNTY_GOV_REFERENCE_DATA"),
        help="folder of reference data (default: $COUNTY_GOV_REFERENCE_DATA)",
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    if arguments.reference is None:
        parser.error("set COUNTY_GOV_REFERENCE_DATA or give --reference FOLDER")

    winter_readings = winters(arguments.reference)
    column_readings = aotizhongxin_pm25(arguments.reference)
    for name, readings in (
        ("winters.csv.gz", winter_readings),
        ("aotizhongxin_pm25.csv.gz", column_readings),
    ):
        path = arguments.output / name
        write_readings(path, readings)
        sys.stdout.write(f"{name}: {len(readings):,} rows, {path.stat().st_size:,} bytes\n")
    repeated = len(set(winter_readings) & set(column_readings))
    sys.stdout.write(f"rows in both files: {repeated:,}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
