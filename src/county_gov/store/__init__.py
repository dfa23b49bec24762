"""All tables, all SQL, and the one writer."""

from county_gov.store.store import Store as Store
from county_gov.store.store import open_database as open_database
from county_gov.store.transaction import JournalEntry as JournalEntry
from county_gov.store.transaction import Snapshot as Snapshot
from county_gov.store.transaction import Transaction as Transaction
from county_gov.store.writer import Priority as Priority
from county_gov.store.writer import WriterLimits as WriterLimits
