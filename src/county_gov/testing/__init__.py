"""What a plugin's own tests may import beside `county_gov.api`."""

from county_gov.testing.clock import Moment as Moment
from county_gov.testing.clock import SetClock as SetClock
from county_gov.testing.configuring import configuration as configuration
from county_gov.testing.notices import RememberingNotifier as RememberingNotifier
from county_gov.testing.scenario import Scenario as Scenario
from county_gov.testing.world import Area as Area
from county_gov.testing.world import Datastream as Datastream
from county_gov.testing.world import Role as Role
from county_gov.testing.world import Thing as Thing
