"""Why a row was not accepted and what to do, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from county_gov.contract.text import Text

REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "malformed_row": Text(zh="这一行无法解析", en="The row cannot be parsed"),
        "invalid_charset": Text(
            zh="字符编码有误", en="Its bytes are not the text they claim to be"
        ),
        "control_character": Text(zh="含有控制字符", en="It holds a control character"),
        "duplicate_key": Text(zh="同一字段出现两次", en="It names the same field twice"),
        "unknown_field": Text(zh="含有未知字段", en="It has a field that is not known"),
        "missing_field": Text(zh="缺少必要字段", en="A needed field is missing"),
        "wrong_type": Text(zh="字段类型不对", en="A field has the wrong type"),
        "number_out_of_range": Text(
            zh="数值超出可存范围", en="A number is beyond what can be held"
        ),
        "not_finite": Text(zh="数值不是有限数", en="The value is not a finite number"),
        "invalid_time": Text(zh="时间格式不对", en="The time cannot be read"),
        "time_out_of_range": Text(zh="时间超出范围", en="The time is out of range"),
        "future_time": Text(zh="时间在未来", en="The time lies in the future"),
        "unknown_datastream": Text(zh="监测点未登记", en="The datastream is not registered"),
        "inactive_datastream": Text(zh="监测点已停用", en="The datastream is not active"),
        "out_of_bounds": Text(zh="数值超出监测点量程", en="The value is out of bounds"),
        "unknown_flag": Text(zh="质量标记未知", en="The quality flag is not known"),
        "unreadable": Text(zh="整批无法读取", en="The delivery cannot be read"),
        "unsupported_wire_format": Text(zh="不支持的格式", en="Its format is not known"),
        "too_large": Text(zh="超过一次可接收的大小", en="It is too large"),
        "outside_area": Text(
            zh="监测点不在您的辖区内", en="It names a datastream outside your area"
        ),
        "taken_otherwise": Text(
            zh="已按另一内容接收", en="It was taken in before, with another text"
        ),
        "put_aside": Text(zh="此前已作废", en="It was put aside before"),
    }
)
NEXT_STEPS: Mapping[str, str] = MappingProxyType(
    {
        "control_character": "删去看不见的字符后重新接收",
        "duplicate_key": "只保留一个后重新接收",
        "unknown_field": "只能有 datastream、time、value、result_time、flag",
        "missing_field": "datastream、time、value 缺一不可，补全后重新接收",
        "not_finite": "没有读数时不要报送这一行",
        "invalid_time": "请用带时区的时间，例如 2026-01-31T08:00:00+08:00",
        "future_time": "请校准设备时钟，或待到时间后原样重新接收",
        "unknown_datastream": "请核对代码；如属新增监测点，登记后原样重新接收",
        "inactive_datastream": "请核对代码；如已恢复使用，启用后原样重新接收",
        "out_of_bounds": "请核对单位和设备；确属误报的，作废并写明原因",
        "unknown_flag": "请改为已知的质量标记后重新接收",
        "outside_area": "只能改正本辖区监测点的数据；请交由该辖区或全县值班人员处理",
    }
)
"""In Chinese, what to do about a row; the bytes beside it show the value itself."""

_BOUNDS = re.compile(r"bounds (\S+) to (\S+)$")


def reason_text(code: str, message: str) -> Text:
    """The reason of a code with its message: in Chinese with the next step instead.

    Where there is no next step the message stays in both, because it says the place of the fault.
    """
    words = REASONS.get(code, Text(zh=code))
    english = f"{words.in_language('en')}: {message}"
    step = NEXT_STEPS.get(code)
    if step is None:
        return Text(zh=f"{words.zh}：{message}", en=english)
    bounds = _BOUNDS.search(message) if code == "out_of_bounds" else None
    span = f"（{bounds[1]} 至 {bounds[2]}）" if bounds else ""
    return Text(zh=f"{words.zh}{span}。{step}。", en=english)
