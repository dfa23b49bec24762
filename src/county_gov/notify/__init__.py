"""Notices: the outbox and its channels. `webhook` loads aiohttp only when it sends."""

from county_gov.notify.log import log_notifier as log_notifier
from county_gov.notify.outbox import DeliverySettings as DeliverySettings
from county_gov.notify.outbox import Outbox as Outbox
from county_gov.notify.webhook import WebhookSettings as WebhookSettings
from county_gov.notify.webhook import webhook_notifier as webhook_notifier
