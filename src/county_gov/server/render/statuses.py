"""How a thing stands, in words: the same wherever a colour and a shape say it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from county_gov.contract.page import Status
from county_gov.contract.text import Text

STATUS_WORDS: Mapping[Status, Text] = MappingProxyType(
    {
        "neutral": Text(zh="未评定", en="No rating"),
        "good": Text(zh="正常", en="Normal"),
        "notice": Text(zh="提示", en="Notice"),
        "warning": Text(zh="关注", en="Warning"),
        "alarm": Text(zh="警戒", en="Alarm"),
        "urgent": Text(zh="紧急", en="Urgent"),
        "stale": Text(zh="数据陈旧", en="Stale data"),
        "unknown": Text(zh="未知", en="Unknown"),
    }
)
"""Every status; the reminder levels are four of them."""
