"""From ``county.toml`` to a running county."""

from county_gov.deployment.county import County as County
from county_gov.deployment.county import load as load
from county_gov.deployment.settings import Settings as Settings
from county_gov.deployment.settings import read_settings as read_settings
