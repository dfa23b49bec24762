"""What a plugin's own tests may import beside `county_gov.api`."""

from county_gov.testing.clock import Moment as Moment
from county_gov.testing.clock import SetClock as SetClock
from county_gov.testing.configuring import configuration as configuration
from county_gov.testing.fakes import DeliveringSource as DeliveringSource
from county_gov.testing.fakes import FakeContext as FakeContext
from county_gov.testing.fakes import FakeHttp as FakeHttp
from county_gov.testing.fakes import FakeNotes as FakeNotes
from county_gov.testing.fakes import FakeParameters as FakeParameters
from county_gov.testing.fakes import FakeReader as FakeReader
from county_gov.testing.fakes import FakeRecords as FakeRecords
from county_gov.testing.fakes import FakeThings as FakeThings
from county_gov.testing.fakes import datastream_view as datastream_view
from county_gov.testing.notices import RememberingNotifier as RememberingNotifier
from county_gov.testing.scenario import Scenario as Scenario
from county_gov.testing.world import Area as Area
from county_gov.testing.world import Datastream as Datastream
from county_gov.testing.world import Role as Role
from county_gov.testing.world import Thing as Thing
