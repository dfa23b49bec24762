"""How a column and a table are written down, the same for every subject."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, MetaData, Table

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Real: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
Words = sa.Text()
Bytes = sa.LargeBinary()

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *items: sa.schema.SchemaItem) -> Table:
    """A table of the county; its name, then columns and constraints."""
    return Table(name, metadata, *items, sqlite_strict=True)


def number(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    """A column of whole numbers (64 bits), by default never empty."""
    return Column(name, Number, nullable=null, server_default=default)


def real(name: str, *, null: bool = False) -> Column[float]:
    """A column of floating-point numbers, by default never empty."""
    return Column(name, Real, nullable=null)


def words(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    """A column of text, by default never empty."""
    return Column(name, Words, nullable=null, server_default=default)


def octets(name: str, *, null: bool = False) -> Column[bytes]:
    """A column of bytes, by default never empty."""
    return Column(name, Bytes, nullable=null)


def identity(name: str = "id") -> Column[int]:
    """The primary key that the database counts up."""
    return Column(name, Number, primary_key=True, autoincrement=True)


def key(name: str) -> Column[str]:
    """A text that is (a part of) the primary key."""
    return Column(name, Words, primary_key=True)


def number_key(name: str) -> Column[int]:
    """A number that is (a part of) the primary key and that the writer of the row gives."""
    return Column(name, Number, primary_key=True, autoincrement=False)
