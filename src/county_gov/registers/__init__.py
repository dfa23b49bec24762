"""The registers: areas and grids, organisation units, things and their datastreams."""

from county_gov.registers.registers import Registers as Registers
from county_gov.registers.snapshot import RegisterSnapshot as RegisterSnapshot
