"""Invented matters: a case half way, an alert that lasts, rows in quarantine."""

from __future__ import annotations

from county_gov.contract.text import Text
from county_gov.server.render import (
    Action,
    ActionField,
    AlertSheet,
    CaseSheet,
    Condition,
    Freshness,
    Option,
    QuarantinedRow,
    Step,
    TaskRow,
)
from tests.server.render.specimen_views import HOUR, MINUTE, NOW


def case_actions(*, wrong: bool = False) -> tuple[Action, ...]:
    """What the department's officer may do, once as it comes and once with mistakes."""
    return (
        Action(
            id="feed_back",
            label=Text(zh="反馈处置结果", en="Feed back the result"),
            href="/cases/00044/events/feed_back",
            fields=(
                ActionField(
                    "result",
                    Text(zh="处置结果", en="What was done"),
                    Text(
                        zh="写明采取了什么措施、现场现在怎样。",
                        en="Say what was done and how the site is now.",
                    ),
                    "textarea",
                    required=True,
                    value="已要求施工方覆盖" if wrong else "",
                    error=Text(
                        zh="至少写 10 个字，现在是 8 个字。",
                        en="Write at least 10 characters; there are 8.",
                    )
                    if wrong
                    else None,
                ),
                ActionField(
                    "source",
                    Text(zh="污染来源", en="Source of the pollution"),
                    kind="radio",
                    options=(
                        Option("dust", Text(zh="施工扬尘", en="Dust of a building site")),
                        Option("burning", Text(zh="露天焚烧", en="Open burning")),
                        Option("unknown", Text(zh="未查明", en="Not found")),
                    ),
                    required=True,
                    value="dust" if wrong else "",
                ),
                ActionField(
                    "measured",
                    Text(zh="现场实测 PM2.5", en="PM2.5 measured on site"),
                    kind="number",
                    unit="µg/m³",
                    value="1七0" if wrong else "",
                    error=Text(zh="请填数字，例如 170。", en="Give a number, for example 170.")
                    if wrong
                    else None,
                ),
            ),
            idempotency_key="4f2c",
            expected_version=5,
            primary=True,
        ),
        Action(
            id="return",
            label=Text(zh="退回指挥中心", en="Return to the dispatch centre"),
            href="/cases/00044/events/return",
            fields=(
                ActionField(
                    "reason", Text(zh="退回理由", en="Why"), kind="textarea", required=True
                ),
                ActionField(
                    "unit",
                    Text(zh="建议的主办单位", en="Unit that should lead"),
                    kind="select",
                    options=(
                        Option(
                            "zhiqiu-office",
                            Text(zh="知秋街道办事处", en="Zhiqiu Subdistrict Office"),
                        ),
                        Option(
                            "wangshu-office",
                            Text(zh="望舒街道办事处", en="Wangshu Subdistrict Office"),
                        ),
                    ),
                ),
            ),
            consequence=Text(
                zh="退回后由指挥中心重新派单，本单位不再经办；退回会记入办理经过。",
                en="The dispatch centre dispatches it anew; your unit no longer has it.",
            ),
            idempotency_key="4f2d",
            expected_version=5,
        ),
    )


def case_sheet() -> CaseSheet:
    """A case half way."""
    return CaseSheet(
        number="990101-2026-00044",
        title=Text(
            zh="奥体中心站细颗粒物超限，正在处置",
            en="PM2.5 at Aotizhongxin above the limit, being handled",
        ),
        status="warning",
        state=Text(zh="处置中", en="Being handled"),
        version=5,
        opened_at=NOW - 7 * HOUR,
        subject=Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
        area=Text(
            zh="知秋街道 · 青桐社区第三网格", en="Zhiqiu Subdistrict · Qingtong Community Grid 3"
        ),
        steps=(
            Step(Text(zh="立案", en="Opened"), "done", NOW - 7 * HOUR, "系统"),
            Step(Text(zh="派单", en="Dispatched"), "done", NOW - 6 * HOUR, "示范·甲"),
            Step(Text(zh="现场查找", en="Looked for on site"), "done", NOW - 4 * HOUR, "示范·丙"),
            Step(Text(zh="签收", en="Signed for"), "done", NOW - HOUR // 2, "示范·壬"),
            Step(Text(zh="处置", en="Handled"), "current"),
            Step(Text(zh="反馈", en="Fed back"), "ahead"),
            Step(Text(zh="结案", en="Closed"), "ahead"),
        ),
        facts=(
            (Text(zh="峰值", en="Peak"), Text(zh="212.4 µg/m³（14:00）", en="212.4 µg/m³ (14:00)")),
            (
                Text(zh="主办单位", en="Lead unit"),
                Text(zh="示范县生态环境局", en="Ecology and Environment Bureau"),
            ),
            (
                Text(zh="现场发现", en="Found on site"),
                Text(
                    zh="工地土方未覆盖，扬尘明显",
                    en="Uncovered earth on a building site, much dust",
                ),
            ),
        ),
        tasks=(
            TaskRow(
                Text(zh="处置并反馈结果", en="Handle it and feed back the result"),
                Text(
                    zh="示范县生态环境局 · 示范·壬", en="Ecology and Environment Bureau · 示范·壬"
                ),
                "warning",
                Text(zh="今天到期", en="due today"),
                NOW + 2 * HOUR,
                Text(
                    zh="还有 2 小时，因为关注级事项须在签收后 2.5 个工作小时内处置。",
                    en="2 hours left: to be handled within 2.5 work hours of signing for it.",
                ),
                mine=True,
            ),
        ),
        due_at=NOW + 2 * HOUR,
        due_words=Text(zh="还有 2 小时", en="2 hours left"),
        subject_href="/alerts/389",
    )


def alert_sheet() -> AlertSheet:
    """An alert that lasts."""
    return AlertSheet(
        name=Text(zh="细颗粒物超过 150 µg/m³", en="PM2.5 above 150 µg/m³"),
        severity="alarm",
        open=True,
        stale=False,
        started_at=NOW - 7 * HOUR,
        ended_at=None,
        last_reading_at=NOW - HOUR,
        subject=Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
        area=Text(
            zh="知秋街道 · 青桐社区第三网格", en="Zhiqiu Subdistrict · Qingtong Community Grid 3"
        ),
        peak=212.4,
        unit="µg/m³",
        decimals=1,
        rule="sensors.pm25_heavy v1",
        conditions=(
            Condition(
                Text(zh="小时值高于触发限值", en="Hourly value above the limit that raises"),
                "passed",
                212.4,
                150.0,
                62.4,
                "µg/m³",
                1,
                Text(zh="HJ 633-2012 表 1，重度污染", en="HJ 633-2012 table 1, heavy pollution"),
            ),
            Condition(
                Text(zh="小时值低于解除限值", en="Hourly value below the limit that clears"),
                "failed",
                212.4,
                115.0,
                97.4,
                "µg/m³",
                1,
                Text(
                    zh="HJ 633-2012 表 1，轻度污染上限",
                    en="HJ 633-2012 table 1, upper bound of light pollution",
                ),
            ),
            Condition(
                Text(zh="邻近站点同样超限", en="A neighbouring station is above it too"),
                "undetermined",
                citation=Text(zh="内部规则", en="Our own rule"),
            ),
        ),
        note=Text(
            zh="迟到的 09:00 读数把触发时间提前了一小时。",
            en="A late reading of 09:00 moved the beginning one hour back.",
        ),
        case_number="990101-2026-00044",
        case_href="/cases/00044",
    )


def freshness() -> tuple[Freshness, ...]:
    """Datastreams in every state."""
    return (
        Freshness(
            "changping.pm25",
            Text(zh="昌平站 细颗粒物（PM2.5）", en="Changping PM2.5"),
            Text(zh="听涛镇 · 松风村", en="Tingtao · Songfeng"),
            61.0,
            "µg/m³",
            1,
            NOW - 9 * HOUR,
            NOW - 6 * HOUR,
            3600,
            "stale",
            "/sensors/stations/changping",
        ),
        Freshness(
            "aotizhongxin.pm25",
            Text(zh="奥体中心站 细颗粒物（PM2.5）", en="Aotizhongxin PM2.5"),
            Text(zh="知秋街道 · 青桐社区", en="Zhiqiu · Qingtong"),
            212.4,
            "µg/m³",
            1,
            NOW - 24 * MINUTE,
            NOW + 156 * MINUTE,
            3600,
            "good",
            "/sensors/stations/aotizhongxin",
        ),
        Freshness(
            "dongsi.pm25",
            Text(zh="东四站 细颗粒物（PM2.5）", en="Dongsi PM2.5"),
            Text(zh="望舒街道 · 弦月社区", en="Wangshu · Xianyue"),
            48.0,
            "µg/m³",
            1,
            NOW - 25 * MINUTE,
            NOW + 155 * MINUTE,
            3600,
            "good",
        ),
        Freshness(
            "shunyi.o3",
            Text(zh="顺义站 臭氧（O₃）", en="Shunyi O₃"),
            Text(zh="鹿野镇 · 溪畔村", en="Luye · Xipan"),
            None,
            "µg/m³",
            4,
            None,
            None,
            3600,
            "unknown",
        ),
    )


def quarantined(*, wrong: bool = False) -> tuple[QuarantinedRow, ...]:
    """Rows that could not be accepted, one with bytes that try to mislead."""
    fix = Action(
        id="fix-812",
        label=Text(zh="改正后重新接收", en="Correct and take in again"),
        href="/quarantine/812/retry",
        fields=(
            ActionField(
                "raw",
                Text(zh="改正后的内容", en="Corrected content"),
                Text(
                    zh="原始内容会保留，改动记入审计。",
                    en="The original is kept; the change is recorded.",
                ),
                "code",
                required=True,
                value='{"datastream":"dongsi.pm25","time":"2026-01-29T15:00:00","value":51}',
                error=Text(
                    zh="时间缺少时区，例如 +08:00。",
                    en="The time lacks its offset, for example +08:00.",
                )
                if wrong
                else None,
            ),
        ),
        idempotency_key="81a",
        primary=True,
    )
    return (
        QuarantinedRow(
            "812",
            NOW - 3 * MINUTE,
            "gateway-east",
            "第 3 行 / row 3",
            Text(
                zh="时间没有时区：请写成 2026-01-29T15:00:00+08:00，或给出整数微秒（UTC）。",
                en="The time has no offset: write 2026-01-29T15:00:00+08:00.",
            ),
            b'{"datastream":"dongsi.pm25","time":"2026-01-29T15:00:00","value":51}',
            actions=(fix,),
        ),
        QuarantinedRow(
            "811",
            NOW - 2 * HOUR,
            "gateway-east",
            "row 17",
            Text(
                zh="没有名为 donsi.pm25 的数据流。是否应为 dongsi.pm25？",
                en="There is no datastream donsi.pm25. Did you mean dongsi.pm25?",
            ),
            "donsi.pm25,2026-01-29T14:00:00+08:00,47\u202e,<script>alert(1)</script>".encode(),
            actions=(
                Action(
                    "retry-811", Text(zh="重新接收", en="Take in again"), "/quarantine/811/retry"
                ),
                Action(
                    "discard-811",
                    Text(zh="舍弃", en="Discard"),
                    "/quarantine/811/discard",
                    consequence=Text(
                        zh="舍弃后不再提示；原始内容按保存期限保留。",
                        en="It will no longer be listed; the raw bytes are kept for their term.",
                    ),
                ),
            ),
        ),
        QuarantinedRow(
            "806",
            NOW - 40 * HOUR,
            "hj212-tcp",
            "byte 112",
            Text(
                zh="CRC 校验不符：应为 1C80，收到 1C81。",
                en="The CRC does not match: expected 1C80, got 1C81.",
            ),
            b"##0101QN=20260128000000;ST=22;\xff\xfe\x00",
            "accepted",
        ),
    )
