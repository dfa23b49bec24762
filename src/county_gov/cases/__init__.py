"""Cases: the machine, its tasks and history, and who may do what."""

from county_gov.cases.cases import OPEN_PERMISSION as OPEN_PERMISSION
from county_gov.cases.cases import Cases as Cases
from county_gov.cases.check import check_workflow as check_workflow
from county_gov.cases.check import check_workflows as check_workflows
from county_gov.cases.notices import PARTICIPANTS as PARTICIPANTS
from county_gov.cases.reading import CaseDetail as CaseDetail
from county_gov.cases.reading import CaseSummary as CaseSummary
