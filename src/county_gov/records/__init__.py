"""Records: the rows of datasets, with their history, within a scope, in and out as files."""

from county_gov.records.access import RecordAccess as RecordAccess
from county_gov.records.access import RecordView as RecordView
from county_gov.records.records import Records as Records
