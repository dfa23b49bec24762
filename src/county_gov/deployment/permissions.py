"""The core's own permissions; plugins add theirs."""

from __future__ import annotations

from county_gov.cases import OPEN_PERMISSION
from county_gov.contract.access import Permission
from county_gov.contract.text import Text
from county_gov.records.authority import READ_DISABLED

CORE_PERMISSIONS: tuple[Permission, ...] = (
    Permission("core.observations.read", Text(zh="查看监测数据", en="Read observations")),
    Permission("core.observations.write", Text(zh="录入监测数据", en="Send observations")),
    Permission("core.alerts.read", Text(zh="查看告警", en="Read alerts")),
    Permission("core.sources.read", Text(zh="查看数据来源", en="Read sources")),
    Permission("core.quarantine.read", Text(zh="查看隔离数据", en="Read the quarantine")),
    Permission(
        "core.quarantine.write", Text(zh="处理隔离数据", en="Retry or dismiss quarantined rows")
    ),
    Permission(OPEN_PERMISSION, Text(zh="人工立案", en="Open a case by hand")),
    Permission("core.outbox.read", Text(zh="查看通知发送情况", en="Read the outbox")),
    Permission("core.outbox.write", Text(zh="重新发送通知", en="Send dead letters again")),
    Permission(
        "core.parameters.read", Text(zh="查看参数设置", en="Read settings and who set them")
    ),
    Permission("core.plugins.read", Text(zh="查看插件运行情况", en="Read how plugins do")),
    Permission(
        "core.plugins.write",
        Text(zh="重新送达插件错过的消息", en="Have events delivered that plugins have missed"),
    ),
    Permission("core.jobs.read", Text(zh="查看定时任务", en="Read jobs and their runs")),
    Permission("core.jobs.run", Text(zh="立即执行定时任务", en="Let a job run now")),
    Permission(
        READ_DISABLED,
        Text(zh="查看已停用插件的数据", en="Read the records that disabled plugins have left"),
    ),
    Permission("core.metrics.read", Text(zh="查看运行指标", en="Read metrics")),
    Permission("core.audit.read", Text(zh="查看审计日志", en="Read the audit trail")),
)
"""Each ``core.<thing>.<verb>``."""
