"""What roles may be given."""

from __future__ import annotations

from county_gov.api import Permission, Text

READ = "reservoir.read"
WRITE = "reservoir.write"
ROSTER = "reservoir.roster.write"
PATROL = "reservoir.patrol"
DIRECT = "reservoir.direct"
PROPOSE = "reservoir.limits.propose"
APPROVE = "reservoir.limits.approve"

PERMISSIONS = (
    Permission(READ, Text(zh="查看水库", en="See reservoirs")),
    Permission(WRITE, Text(zh="维护水库资料", en="Keep the data of reservoirs")),
    Permission(ROSTER, Text(zh="排班与接班", en="Keep the duty roster")),
    Permission(PATROL, Text(zh="巡查并上报", en="Patrol and report")),
    Permission(DIRECT, Text(zh="指挥处置并结束巡查", en="Direct the response, end the patrol")),
    Permission(PROPOSE, Text(zh="提出汛限水位", en="Propose flood limit levels")),
    Permission(APPROVE, Text(zh="批准汛限水位", en="Approve flood limit levels")),
)
