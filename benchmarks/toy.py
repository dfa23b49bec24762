"""The toy that many small systems begin as: one Flask request, one INSERT, one commit.

Run by ``gunicorn --workers 2 benchmarks.toy:app`` with ``TOY_DATABASE`` naming its file.
"""

from __future__ import annotations

import os
import sqlite3

from flask import Flask, Response, g, request

app = Flask(__name__)
DATABASE = os.environ.get("TOY_DATABASE", "toy.db")


def connection() -> sqlite3.Connection:
    """One connection per worker and request context."""
    if "connection" not in g:
        g.connection = sqlite3.connect(DATABASE, timeout=30)
    found: sqlite3.Connection = g.connection
    return found


@app.teardown_appcontext
def close(_error: BaseException | None) -> None:
    """Close the request's connection."""
    found = g.pop("connection", None)
    if found is not None:
        found.close()


@app.post("/readings")
def add() -> tuple[Response, int]:
    """Insert one reading and commit it."""
    reading = request.get_json()
    database = connection()
    database.execute(
        "INSERT INTO readings (sensor, time, value) VALUES (?, ?, ?)",
        (reading["datastream"], reading["time"], reading["value"]),
    )
    database.commit()
    return Response('{"status": "ok"}', mimetype="application/json"), 201


def create() -> None:
    """Make the toy's table, with the write-ahead log that it would be given by a kind friend."""
    database = sqlite3.connect(DATABASE)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor TEXT, time INTEGER, value REAL)"
    )
    database.commit()
    database.close()
