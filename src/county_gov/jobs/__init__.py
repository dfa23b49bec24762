"""Jobs: work at set times, once per instant whatever happens, with a history that tells all."""

from county_gov.jobs.jobs import JobOverview as JobOverview
from county_gov.jobs.jobs import Jobs as Jobs
from county_gov.jobs.schedule import next_after as next_after
from county_gov.jobs.schedule import passed as passed
