"""From typed views to HTML: everything that people see is drawn here, alike and accessibly.

The way of a page: a handler fills a `Chrome` (the frame) and the values that the template's
class in `county_gov.server.render.pages` names, `Renderer.page` draws them in one language.
"""

from __future__ import annotations

from county_gov.server.render.actions import Action, ActionField, FieldError, Option, field_errors
from county_gov.server.render.address import Address
from county_gov.server.render.chrome import Chrome, Flash, NavigationEntry, Person
from county_gov.server.render.geography import Geography
from county_gov.server.render.pages import (
    AlertSheet,
    CaseSheet,
    Condition,
    Filter,
    FormSheet,
    Freshness,
    Pager,
    ProblemSheet,
    QuarantinedRow,
    SessionRow,
    Step,
    TaskRow,
)
from county_gov.server.render.renderer import LANGUAGES, Renderer

__all__ = [
    "LANGUAGES",
    "Action",
    "ActionField",
    "Address",
    "AlertSheet",
    "CaseSheet",
    "Chrome",
    "Condition",
    "FieldError",
    "Filter",
    "Flash",
    "FormSheet",
    "Freshness",
    "Geography",
    "NavigationEntry",
    "Option",
    "Pager",
    "Person",
    "ProblemSheet",
    "QuarantinedRow",
    "Renderer",
    "SessionRow",
    "Step",
    "TaskRow",
    "field_errors",
]
