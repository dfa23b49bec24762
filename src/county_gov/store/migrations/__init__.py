"""The history of the tables, one module per step under ``versions``.

To change a table: change `county_gov.store.tables`, then write the next module
(``0002_<what>.py``) with ``revision``, ``down_revision`` and an ``upgrade`` that works on SQLite,
on PostgreSQL, and without a connection (``county-gov migrate --sql``). A test compares what all
steps make with what the tables say. There is no way down: restore a backup.
"""
