"""Datasets: what the county keeps, and who keeps the original."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from county_gov.contract.schema import Schema
from county_gov.contract.text import Text

SystemOfRecord = Literal["ours", "external"]


@frozen(eq=False)
class Dataset:
    """A declared collection of rows.

    Args:
        id: Prefixed by the plugin, for example ``sensors.air``.
        title: What it is called.
        schema: Its fields.
        kind: "observations" are kept per datastream by the observation store; every observations
            dataset has the columns of `OBSERVATIONS`.
        observed_properties: For observations: the properties that belong to this dataset.
        system_of_record: Whether we or another system decide what is true.
    """

    id: str
    title: Text
    schema: Schema
    kind: Literal["observations"] = "observations"
    observed_properties: tuple[str, ...] = ()
    system_of_record: SystemOfRecord = "ours"
