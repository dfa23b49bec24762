"""Parameters: values that the county sets, proposed by one person and approved by another."""

from county_gov.parameters.authority import READ_PERMISSION as READ_PERMISSION
from county_gov.parameters.authority import Areas as Areas
from county_gov.parameters.declared import check_parameters as check_parameters
from county_gov.parameters.declared import proposal_form as proposal_form
from county_gov.parameters.held import Held as Held
from county_gov.parameters.notices import Notices as Notices
from county_gov.parameters.parameters import Parameters as Parameters
from county_gov.parameters.reading import AreaValue as AreaValue
from county_gov.parameters.reading import Overview as Overview
from county_gov.parameters.reading import ParameterValues as ParameterValues
from county_gov.parameters.targets import asked_problems as asked_problems
from county_gov.parameters.words import value_words as value_words
from county_gov.store.parameters import Proposal as Proposal
