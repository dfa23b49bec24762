"""Who may do what: accounts, sessions, roles, device keys, rate limits, audit."""

from county_gov.access.accounts import Accounts as Accounts
from county_gov.access.accounts import SignedIn as SignedIn
from county_gov.access.audit import list_audit as list_audit
from county_gov.access.devices import Devices as Devices
from county_gov.access.lockout import Lockout as Lockout
from county_gov.access.passwords import PasswordCost as PasswordCost
from county_gov.access.passwords import Passwords as Passwords
from county_gov.access.rates import TokenBuckets as TokenBuckets
from county_gov.access.roles import Role as Role
from county_gov.access.roles import actor_of as actor_of
from county_gov.access.roles import check_permissions as check_permissions
from county_gov.access.roles import local_day as local_day
from county_gov.access.sessions import Session as Session
from county_gov.access.sessions import SessionLimits as SessionLimits
from county_gov.access.sessions import Sessions as Sessions
