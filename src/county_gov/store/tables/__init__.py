"""Every table, in one place, one module a subject.

Conventions: instants are microseconds UTC, days are days since 1970-01-01, truth is 0 or 1, texts
in two languages stand in ``name`` and ``name_en``, structured values are JSON text. The tables in
which observations land are made at run time (see `observations`); they are not listed here.

There are no foreign keys. What belongs together (a case with its events and tasks) is written in
one transaction by one module; registers are joined by codes whose parents are dated, and are
checked as a whole when they are imported; observations are keyed by the numbers that intake has
looked up. A constraint would check each of these rows a second time, on one side of a date only.

A change here needs a migration (`county_gov.store.migrations`); a test compares the two.
"""

from county_gov.store.tables.access import accounts as accounts
from county_gov.store.tables.access import audit as audit
from county_gov.store.tables.access import devices as devices
from county_gov.store.tables.access import posts as posts
from county_gov.store.tables.access import sessions as sessions
from county_gov.store.tables.alerts import episode_changes as episode_changes
from county_gov.store.tables.alerts import episodes as episodes
from county_gov.store.tables.alerts import judging_states as judging_states
from county_gov.store.tables.background import job_positions as job_positions
from county_gov.store.tables.background import job_runs as job_runs
from county_gov.store.tables.background import outbox as outbox
from county_gov.store.tables.background import plugin_notes as plugin_notes
from county_gov.store.tables.casework import case_events as case_events
from county_gov.store.tables.casework import case_persons as case_persons
from county_gov.store.tables.casework import case_serials as case_serials
from county_gov.store.tables.casework import case_units as case_units
from county_gov.store.tables.casework import cases as cases
from county_gov.store.tables.casework import idempotency_keys as idempotency_keys
from county_gov.store.tables.casework import task_occurrences as task_occurrences
from county_gov.store.tables.casework import task_timers as task_timers
from county_gov.store.tables.casework import tasks as tasks
from county_gov.store.tables.columns import Number as Number
from county_gov.store.tables.columns import Real as Real
from county_gov.store.tables.columns import metadata as metadata
from county_gov.store.tables.following import event_delays as event_delays
from county_gov.store.tables.following import followers as followers
from county_gov.store.tables.following import journal as journal
from county_gov.store.tables.following import missed_events as missed_events
from county_gov.store.tables.intake import batch_folds as batch_folds
from county_gov.store.tables.intake import batches as batches
from county_gov.store.tables.intake import cursors as cursors
from county_gov.store.tables.intake import quarantine as quarantine
from county_gov.store.tables.observations import blocks as blocks
from county_gov.store.tables.observations import heads as heads
from county_gov.store.tables.observations import landings as landings
from county_gov.store.tables.observations import latest as latest
from county_gov.store.tables.observations import revisions as revisions
from county_gov.store.tables.parameters import parameter_proposals as parameter_proposals
from county_gov.store.tables.parameters import parameter_serials as parameter_serials
from county_gov.store.tables.records import datasets as datasets
from county_gov.store.tables.records import record_history as record_history
from county_gov.store.tables.records import record_import_parts as record_import_parts
from county_gov.store.tables.records import record_imports as record_imports
from county_gov.store.tables.registers import area_parents as area_parents
from county_gov.store.tables.registers import areas as areas
from county_gov.store.tables.registers import datastreams as datastreams
from county_gov.store.tables.registers import register_versions as register_versions
from county_gov.store.tables.registers import things as things
from county_gov.store.tables.registers import units as units
