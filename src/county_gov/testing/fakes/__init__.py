"""Stand-ins for what a county gives its plugins, kept in memory and without a database."""

from county_gov.testing.fakes.context import FakeContext as FakeContext
from county_gov.testing.fakes.context import Sent as Sent
from county_gov.testing.fakes.http import FakeHttp as FakeHttp
from county_gov.testing.fakes.http import SentRequest as SentRequest
from county_gov.testing.fakes.notes import FakeNotes as FakeNotes
from county_gov.testing.fakes.parameters import FakeParameters as FakeParameters
from county_gov.testing.fakes.reader import FakeReader as FakeReader
from county_gov.testing.fakes.reader import datastream_view as datastream_view
from county_gov.testing.fakes.records import FakeRecords as FakeRecords
from county_gov.testing.fakes.source import DeliveringSource as DeliveringSource
from county_gov.testing.fakes.source import FakeThings as FakeThings
