"""Parameters as plugins declare them: whether they are sound, and the form of a proposal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from county_gov.contract.schema import Field, Schema
from county_gov.contract.text import Text
from county_gov.contract.values import ValueRefused, check_value
from county_gov.errors import Problem

if TYPE_CHECKING:
    from county_gov.contract.parameter import Parameter

LONGEST_TITLE = 200
LONGEST_NUMBER = 100
LONGEST_REASON = 2000
REFERENCES = ("", "area", "unit")
"""What a parameter's value may be the code of."""

AREA = Field(
    "area",
    "text",
    Text(zh="适用区域", en="Area"),
    Text(
        zh="不选则适用于全县；下级区域没有自己的值时，适用上级的值。",
        en="Empty for the whole county. An area without a value of its own takes the one above.",
    ),
    required=False,
    refers="area",
)
THING = Field(
    "subject",
    "text",
    Text(zh="适用设施", en="Thing"),
    Text(
        zh="不选则适用于所选区域；没有自己的值的设施适用所在区域的值。",
        en="Empty for the area chosen. A thing without a value of its own takes its area's.",
    ),
    required=False,
    refers="thing",
)
CHOICE = Field(
    "subject",
    "text",
    Text(zh="适用类别", en="Class"),
    Text(
        zh="不选则适用于没有自己的值的类别。",
        en="Empty for all classes without a value of their own.",
    ),
    required=False,
)
ENDS = Field(
    "ends",
    "bool",
    Text(zh="从这一天起不再有自己的值，适用上级的值", en="From this day on, take the value above"),
    required=False,
)
EFFECTIVE_FROM = Field(
    "effective_from",
    "date",
    Text(zh="生效日期", en="Holds from"),
    Text(
        zh="当天零时起生效，直到下一个值生效；可以提前录入。",
        en="From midnight of this day, until the next value. It may be entered ahead.",
    ),
)
DOCUMENT = Field(
    "document", "text", Text(zh="依据文件", en="Document"), minimum=1, maximum=LONGEST_TITLE
)
NUMBER = Field("number", "text", Text(zh="文号", en="Number"), minimum=1, maximum=LONGEST_NUMBER)
ARTICLE = Field(
    "article", "text", Text(zh="条款", en="Article"), maximum=LONGEST_TITLE, required=False
)
REASON = Field(
    "reason",
    "text",
    Text(zh="说明", en="Reason"),
    Text(
        zh="生效日期早于今天时必填。",
        en="Needed where the value holds from a day that has passed.",
    ),
    maximum=LONGEST_REASON,
    required=False,
    multiline=True,
)


def proposal_form(parameter: Parameter) -> Schema:
    """The form in which a value is proposed; the value's field is called ``value``."""
    value = evolve(parameter.field, name="value", required=False)
    subject: tuple[Field, ...] = ()
    if parameter.varies_by == "thing":
        subject = (THING,)
    elif parameter.choices:
        subject = (evolve(CHOICE, choices=parameter.choices),)
    area = (AREA,) if parameter.by_area else ()
    return Schema((value, ENDS, *subject, *area, EFFECTIVE_FROM, DOCUMENT, NUMBER, ARTICLE, REASON))


def decision_form(*, reason_required: bool) -> Schema:
    """The form in which a proposal is decided."""
    return Schema((evolve(REASON, meaning=None, required=reason_required),))


def check_parameters(parameters: Iterable[Parameter]) -> list[Problem]:
    """All that is wrong with what plugins declare."""
    return [problem for one in parameters for problem in check_parameter(one)]


def check_parameter(parameter: Parameter) -> list[Problem]:
    """All that is wrong with one parameter."""
    place = f"parameter {parameter.id}"
    problems: list[Problem] = []
    field = parameter.field
    if field.refers not in REFERENCES:
        text = f"expected refers to be area or unit, or none, got {field.refers!r}"
        problems.append(Problem(f"{place}.field", text))
    if field.classification in ("personal", "sensitive"):
        text = f"classification {field.classification}: a value that everybody is held to is public"
        problems.append(Problem(f"{place}.field", f"{text}; say public or internal"))
    if parameter.default is not None:
        try:
            check_value(field, parameter.default)
        except ValueRefused as refused:
            problems.append(Problem(f"{place}.default", str(refused)))
    return problems
