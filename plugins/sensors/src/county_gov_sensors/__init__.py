"""Measured air for county_gov: readings, dated alerts, and the case that looks for the source."""

from county_gov_sensors.plugin import SensorsPlugin as SensorsPlugin
