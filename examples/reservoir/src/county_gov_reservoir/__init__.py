"""Reservoirs for county_gov: levels and limits, flood alerts, patrols, roster and daily report."""

from county_gov_reservoir.plugin import ReservoirPlugin as ReservoirPlugin
