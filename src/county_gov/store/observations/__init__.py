"""Observations: landing, settled blocks, revisions and reads; see design 5.3 in the documentation.

A batch's rows land in small tables keyed (time, datastream). A table that is closed settles into
blocks, one row per datastream and day. A row lives in exactly one of the two.
"""

from county_gov.store.observations.flags import FLAG_NUMBERS as FLAG_NUMBERS
from county_gov.store.observations.flags import FLAGS as FLAGS
from county_gov.store.observations.flags import measures as measures
from county_gov.store.observations.observations import Observations as Observations
from county_gov.store.observations.payload import Changes as Changes
from county_gov.store.observations.payload import decode_changes as decode_changes
from county_gov.store.observations.payload import encode_changes as encode_changes
from county_gov.store.observations.rows import ACCEPTED as ACCEPTED
from county_gov.store.observations.rows import DUPLICATE as DUPLICATE
from county_gov.store.observations.rows import REVISED as REVISED
from county_gov.store.observations.rows import Hours as Hours
from county_gov.store.observations.rows import Landed as Landed
from county_gov.store.observations.rows import Latest as Latest
from county_gov.store.observations.rows import Readings as Readings
from county_gov.store.observations.rows import Small as Small
from county_gov.store.observations.rows import Stored as Stored
from county_gov.store.observations.rows import Tally as Tally
from county_gov.store.observations.rows import without_result_time as without_result_time
