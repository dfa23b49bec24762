"""Requests to other servers: where they may go, and how they are sent."""

from county_gov.outbound.client import Client as Client
from county_gov.outbound.client import Request as Request
from county_gov.outbound.target import Allowed as Allowed
from county_gov.outbound.target import read_allowed as read_allowed
