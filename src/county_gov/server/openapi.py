"""The OpenAPI 3.1 document, made from the table of routes and the types of their bodies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from county_gov.contract.text import Text
from county_gov.server.cookies import session_cookie
from county_gov.server.problems import MEDIA, ProblemDocument
from county_gov.server.records import readable_datasets
from county_gov.server.routes import PUBLIC, Parameter, Route

if TYPE_CHECKING:
    from aiohttp import web

    from county_gov.contract.dataset import Dataset
    from county_gov.contract.schema import Field
    from county_gov.server.call import Call

Json = dict[str, Any]

_PART = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
ALWAYS = (429, 500, 503)
"""Statuses that every route may answer."""
DELIVERY = {
    "application/json": {"schema": {"$ref": "#/components/schemas/Rows"}},
    "application/x-ndjson": {"schema": {"type": "string"}},
    "application/vnd.county-gov.columns+json": {"schema": {"$ref": "#/components/schemas/Columns"}},
    "text/csv": {"schema": {"type": "string"}},
}
MOMENT: Json = {
    "oneOf": [
        {"type": "string", "format": "date-time", "description": "RFC 3339 with an offset"},
        {"type": "integer", "description": "Microseconds UTC"},
    ]
}
ROW: Json = {
    "type": "object",
    "required": ["datastream", "time", "value"],
    "additionalProperties": False,
    "properties": {
        "datastream": {"type": "string", "description": "The datastream's code"},
        "time": MOMENT,
        "value": {"type": "number"},
        "result_time": MOMENT,
        "flag": {"type": "string"},
    },
}
FIELD_TYPES: dict[str, Json] = {
    "int64": {"type": "integer", "format": "int64"},
    "float64": {"type": "number"},
    "bool": {"type": "boolean"},
    "text": {"type": "string"},
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
DELIVERY_SCHEMAS: Json = {
    "Row": ROW,
    "Rows": {
        "oneOf": [
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Row"}},
            {"$ref": "#/components/schemas/Row"},
        ]
    },
    "Columns": {
        "type": "object",
        "description": "Lists of the same length",
        "required": ["datastream", "time", "value"],
        "additionalProperties": False,
        "properties": {
            name: {"type": "array", "minItems": 1, "items": schema}
            for name, schema in ROW["properties"].items()
        },
    },
}


def plain_path(path: str) -> str:
    """A route's path without the patterns of its parts."""
    return _PART.sub(r"{\1}", path)


def api_routes(routes: Iterable[Route]) -> list[Route]:
    """The routes that the document describes: those for programs."""
    return [route for route in routes if route.kind == "api"]


def document(
    routes: Iterable[Route],
    *,
    title: str,
    version: str,
    cookie: str,
    datasets: Iterable[Dataset] = (),
) -> Json:
    """The OpenAPI document of some routes.

    Args:
        routes: The table of routes.
        title: Whose interface it is.
        version: Version of this program.
        cookie: Name of the session's cookie.
        datasets: The datasets of records, whose rows the document describes too.
    """
    described = api_routes(routes)
    types = {one for route in described for one in (route.reads, route.answers) if one}
    ordered = sorted({*types, ProblemDocument}, key=lambda one: one.__name__)
    _schemas, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Json] = {}
    for route in described:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {
                **_with_numbers(components),
                **DELIVERY_SCHEMAS,
                **{one.id: record_schema(one) for one in datasets},
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "device": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Signature",
                    "description": "HMAC-SHA256 with X-Device and X-Timestamp",
                },
            },
        },
    }


def record_schema(dataset: Dataset) -> Json:
    """The JSON schema of a dataset's rows, as ``values`` of a record has them."""
    fields = dataset.record_schema.fields
    return {
        "type": "object",
        "title": dataset.title.in_language("en"),
        "x-version": dataset.schema.version,
        "x-key": list(dataset.record_schema.key),
        "x-system-of-record": dataset.system_of_record,
        "required": [one.name for one in fields if one.required],
        "additionalProperties": False,
        "properties": {one.name: _field_schema(one) for one in fields},
    }


def _field_schema(one: Field) -> Json:
    schema: Json = dict(FIELD_TYPES[one.dtype])
    if one.decimals is not None:
        schema = {"type": "number", "multipleOf": float(f"1e-{one.decimals}")}
    low, high = ("minLength", "maxLength") if one.dtype == "text" else ("minimum", "maximum")
    for name, bound in ((low, one.minimum), (high, one.maximum)):
        if bound is not None and one.dtype in ("text", "int64", "float64"):
            schema[name] = int(bound) if one.dtype == "text" else bound
    if one.choices and one.dtype == "text":
        schema["enum"] = [key for key, _words in one.choices]
    if not one.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    schema["title"] = one.title.in_language("en")
    schema["x-classification"] = one.classification
    if one.meaning is not None:
        schema["description"] = one.meaning.in_language("en")
    if one.unit:
        schema["x-unit"] = one.unit
    if one.refers:
        schema["x-refers"] = one.refers
    return schema


def _with_numbers(schemas: Json) -> Json:
    """The schemas with exact values as the JSON numbers that they are written as."""
    for schema in schemas.values():
        for one in schema.get("properties", {}).values():
            if one.get("format") == "decimal":
                one["type"] = "number"
    return schemas


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": _identifier(route),
        "summary": route.summary.in_language("en"),
        "parameters": [
            *(_path_parameter(name, pattern) for name, pattern in _PART.findall(route.path)),
            *(_query_parameter(one) for one in route.parameters),
            *(
                {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}
                for name, words in route.headers
            ),
        ],
        "responses": _responses(route),
        "x-access": route.gate.words,
    }
    if route.media:
        operation["requestBody"] = {"required": True, "content": _content(route)}
    if route.gate != PUBLIC:
        operation["security"] = [{"session": []}]
        if route.gate.device:
            operation["security"].append({"device": []})
    return operation


def _identifier(route: Route) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain_path(route.path)).strip("_")
    return f"{route.method.lower()}_{words}"


def _path_parameter(name: str, pattern: str) -> Json:
    schema: Json = {"type": "string"}
    if pattern:
        schema["pattern"] = f"^{pattern}$"
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(one: Parameter) -> Json:
    kinds: dict[str, Json] = {
        "text": {"type": "string", "maxLength": 200},
        "whole": {"type": "integer"},
        "instant": MOMENT,
        "truth": {"type": "boolean"},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 200},
        },
    }
    schema: Json = dict(kinds[one.kind])
    if one.choices:
        schema["enum"] = list(one.choices)
    if one.minimum is not None:
        schema["minimum"] = one.minimum
    if one.maximum is not None:
        schema["maximum"] = one.maximum
    parameter: Json = {
        "name": one.name,
        "in": "query",
        "required": one.required,
        "description": one.title,
        "schema": schema,
    }
    if one.kind == "fields":
        parameter |= {"style": "deepObject", "explode": True}
    return parameter


def _content(route: Route) -> Json:
    if route.reads is not None:
        return {"application/json": {"schema": _reference(route.reads)}}
    if set(route.media) <= set(DELIVERY):
        return DELIVERY
    return {media: {"schema": {"type": "string", "format": "binary"}} for media in route.media}


def _reference(kind: type) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def statuses_of(route: Route) -> list[int]:
    """The statuses other than 200 that a route may answer."""
    found = {*ALWAYS, *route.failures}
    if not route.gate.public:
        found |= {401, 403}
    if route.parameters or route.reads:
        found.add(422)
    if route.method != "GET":
        found.add(403)
    if route.media:
        found |= {400, 408, 413, 415, 422}
    if route.path == "/api/v1/session" and route.method == "POST":
        found.add(401)
    if "openapi" not in route.path and route.path.startswith("/api/"):
        found.add(422)
    return sorted(found)


def _responses(route: Route) -> Json:
    schema = _reference(route.answers) if route.answers else {"type": "string"}
    answers: Json = {
        "200": {
            "description": "Done",
            "content": {
                media: {"schema": schema} for media in (route.answer_media, *route.other_media)
            },
        }
    }
    problem = {"content": {MEDIA: {"schema": _reference(ProblemDocument)}}}
    for status in statuses_of(route):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, **problem}
    if route.path == "/readyz":
        answers["503"] = {
            "description": "Not ready",
            "content": {"application/json": {"schema": schema}},
        }
    return answers


async def show_document(call: Call) -> web.StreamResponse:
    """The OpenAPI document of this deployment, with the datasets that who asks may read."""
    from county_gov import __version__

    county = call.county.settings.county
    return call.answer(
        document(
            call.service.routes,
            title=f"{county.name.in_language('en')}: county_gov",
            version=str(__version__),
            cookie=session_cookie(secure=call.secure),
            datasets=readable_datasets(call),
        )
    )


ROUTES = (
    Route(
        "GET",
        "/api/openapi.json",
        show_document,
        PUBLIC,
        Text(zh="接口说明", en="This interface as OpenAPI 3.1"),
        "api",
    ),
)
