"""The registers: areas and grids, organisation units, things and their datastreams, people."""

from county_gov.registers.entries import RegisterFile as RegisterFile
from county_gov.registers.importing import Imported as Imported
from county_gov.registers.importing import ImportPlan as ImportPlan
from county_gov.registers.people import read_people as read_people
from county_gov.registers.registers import Registers as Registers
from county_gov.registers.snapshot import RegisterSnapshot as RegisterSnapshot
