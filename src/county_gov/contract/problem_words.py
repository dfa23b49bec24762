"""What is wrong with a value, a row or a file, in both languages.

The checks of `county_gov.contract.values` and of those who use them say it in English; forms,
imports and files that are handed back say it in the language of the person.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from county_gov.contract.text import Text

if TYPE_CHECKING:
    from county_gov.contract.schema import Field

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        (r"is required", "必填"),
        (r"is required: the value holds from a day that has passed", "必填：生效日期早于今天"),
        (r"leave it empty where the area's own value ends", "不再有自己的值时，此处不填"),
        (r"(.*) is not an area of the register, or is no more", r"区划中没有 \1，或已撤销"),
        (r"(.*) is not in the register of (?:areas|units)", r"\1 不在名录中"),
        (r"choose a thing or an area", "请选择设施或区域"),
        (r"name a thing or an area, not both", "设施和区域只能选一个"),
        (r"choose whose own value ends; .*", "请选择取消谁的值；全县的值没有上级的值"),
        (r"(.*) is no choice of the parameter: (.*)", r"没有类别 \1，只有 \2"),
        (r"(.*) is no thing of the register that measures something", r"没有监测设施 \1"),
        (r"this parameter has no values for areas; leave it empty", "这个参数不分区域，此处不填"),
        (r"this parameter varies by no thing and no choice; .*", "不分设施和类别，此处不填"),
        (
            r"does not fit the field any more: (.*); reject it and propose anew",
            r"不再符合要求（\1），请不批准，并重新提出",
        ),
        (r"expected at least (\S+), got (.*)", r"不能小于 \1，填的是 \2"),
        (r"expected at most (\d+) decimals, got (.*)", r"最多 \1 位小数，填的是 \2"),
        (r"expected at most (\S+), got (.*)", r"不能大于 \1，填的是 \2"),
        (r"expected (\S+) to (\S+) characters, got (\d+)", r"应为 \1 至 \2 个字，现有 \3 个字"),
        (r"expected a whole number, got (.*)", r"应为整数，填的是 \1"),
        (r"expected a(?: finite)? number, got (.*)", r"应为数字，填的是 \1"),
        (r"expected a number of at most 64 bits, got (.*)", r"数字过大：\1"),
        (r"expected true or false, got (.*)", r"应为“是”或“否”，填的是 \1"),
        (r"expected a text, got (.*)", r"应为文字，填的是 \1"),
        (r"expected a time such as (\S+), got (.*)", r"应为时间，例如 \1，填的是 \2"),
        (r"expected a date such as (\S+), got (.*)", r"应为日期，例如 \1，填的是 \2"),
        (
            r"expected a (?:time|date) between 1900 and 2100, got (.*)",
            r"应在 1900 至 2100 年之间：\1",
        ),
        (r"expected one of (.*), got (.*)", r"只能是 \1 之一，填的是 \2"),
        (r"expected a date, got (.*)", r"应为日期，填的是 \1"),
        (r"expected a number of at most 64 bits", "数字过大"),
        (r"(.*) is not known as an area here", r"没有编码为 \1 的区域"),
        (r"(.*) is not known as a unit here", r"没有编码为 \1 的单位"),
        (r"(.*) is not known as a thing here", r"没有编码为 \1 的设施"),
        (r"(.*) is not known as an account here", r"没有编号为 \1 的账号"),
        (r"there is no record (.*) in (\S+)", r"\2 中没有 \1"),
        (r"writing in the area (\S+) is not yours", r"您不能修改区域 \1 的记录"),
        (r"writing for the whole county is not yours", "您不能修改属于全县的记录"),
        (r"was added meanwhile by (.*) at (\S+ \S+)", r"已由\1于 \2 新增"),
        (r"was changed meanwhile by (.*) at (\S+ \S+)", r"已由\1于 \2 修改"),
        (r"was removed meanwhile by (.*) at (\S+ \S+)", r"已由\1于 \2 删除"),
        (r"was added meanwhile by somebody else", "已由他人新增"),
        (r"was changed meanwhile by somebody else", "已由他人修改"),
        (r"is in row (\d+) of this file already", r"与本文件第 \1 行的主键重复"),
        (
            r"expected (\d+) cells, got (\d+); put .* around what has commas",
            r"应有 \1 列，这一行有 \2 列；内容中有逗号的请加双引号",
        ),
        (
            r"the spreadsheet has rounded this long number: .*",
            "长数字已被表格软件改动：请把该列设为文本格式后重新填写",
        ),
        (r"is not a column of \S+; did you mean (.*)\?", r"没有这一列，是否为 \1？"),
        (r"is not a column of \S+; known: (.*)", r"没有这一列；可用的列：\1"),
        (
            r"the columns (.*) hold the same field: keep one of them",
            r"第 \1 列是同一个字段，请只保留一列",
        ),
        (
            r"is the number (\S+): format the cell as a date .*",
            r"是数字 \1：请把单元格设为日期格式后重新填写",
        ),
        (
            r"are merged(?:, and \d+ more ranges)?: split them, and fill in each cell",
            "是合并单元格，请取消合并并逐格填写",
        ),
        (r"holds a formula without a value: .*", "公式没有结果，请用 Excel 打开并保存后再导入"),
        (r"holds an error instead of a value: put it right", "是错误值，请改正"),
        (
            r"has a cell of more than (\d+) characters: .*",
            r"有超过 \1 个字的单元格，请缩短内容或补上缺少的引号",
        ),
        (
            r"is not CSV: a quotation mark is opened there and never closed",
            "引号没有成对，请补上缺少的引号",
        ),
        (r"is not CSV: (.*); save it as CSV", r"不是规范的 CSV（\1），请另存为 CSV"),
        (r"the file is empty; its first row must name the columns", "文件是空的，第一行应为列名"),
        (r"this is UTF-16 or UTF-32; send UTF-8", "编码是 UTF-16 或 UTF-32，请另存为 UTF-8"),
        (r"the bytes are neither UTF-8 nor GB18030; .*", "编码不是 UTF-8 或 GB18030"),
        (
            r"this is an old \(\.xls\) or encrypted workbook; .*",
            "这是旧版（.xls）或加密的工作簿，请另存为不加密的 .xlsx",
        ),
        (r"is part of the key, and the file has no column for it", "是主键，文件中缺少这一列"),
        (r"is part of the key and required", "是主键，必填"),
        (r"is part of the key, which cannot hold (.*)", r"是主键，不能含有 \1"),
        (r"makes the key longer than (\d+) characters", r"主键总长超过 \1 个字"),
        (r"(\d+) more such problems", r"另有 \1 处同类问题"),
        (r"is not a field here; did you mean (.*)\?", r"没有这个字段，是否为 \1？"),
        (r"is not a field here; known fields: (.*)", r"没有这个字段；可用的字段：\1"),
        (r"(U\+[0-9A-F]+) is not allowed in a text: leave it out", r"含有不允许的字符 \1，请删去"),
        (r"(.*) is not an area of the register", r"区划中没有 \1"),
        (r"(.*) is not a unit of the register", r"名录中没有单位 \1"),
        (r"(\d+) is not an active account", r"账号 \1 不存在或已停用"),
        (
            r"account (\d+) does not hold the role (\S+) for area (\S*)",
            r"账号 \1 在区域 \3 没有岗位 \2",
        ),
        (r"(.*) is not known: choose another", r"没有 \1，请另选"),
        (r"was used for another \w+; take a new key", "这个幂等键已用于另一次请求，请换一个"),
        (r"expected 1 to (\d+) printable ASCII characters", r"应为 1 至 \1 个可打印的 ASCII 字符"),
        (r"expected at most (\d+) characters", r"最多 \1 个字"),
        (r"(\d+) more unknown fields", r"另有 \1 个未知字段"),
        (r"is needed", "必填"),
        (r"is given twice; give it once", "重复给出，请只给一次"),
        (r"unknown parameter; did you mean (.*)\?", r"没有这个参数，是否为 \1？"),
        (r"unknown parameter.*", "没有这个参数"),
    )
)
"""Messages of the checks in Chinese; their own words are the English ones."""


_CHOICES = re.compile(r"expected one of .*, got (.*)", re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'")


def problem_words(message: str, one: Field | None = None) -> Text:
    """What is wrong with an answer, in both languages.

    Args:
        message: As the checks say it.
        one: The field, where it is known: its choices are then told in words.
    """
    chosen = _CHOICES.fullmatch(message)
    if one is not None and one.choices and chosen:
        titles = [words for _key, words in one.choices]
        given = chosen[1].strip("'")
        return Text(
            zh=f"只能是{'、'.join(words.zh for words in titles)}之一，填的是“{given}”",
            en=f"expected one of {', '.join(words.in_language('en') for words in titles)}, "
            f"got {chosen[1]}",
        )
    for pattern, chinese in _WORDS:
        found = pattern.fullmatch(message)
        if found:
            return Text(zh=_QUOTED.sub(r"“\1”", found.expand(chinese)), en=message)
    return Text(zh=f"填写有误：{message}", en=message)
