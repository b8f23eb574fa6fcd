"""One verb of a route as an OpenAPI operation."""

from __future__ import annotations

import inspect
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .endpoints.endpoint import EVENT_STREAM, EVERYWHERE, JSON
from .errors import ErrorBody
from .refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .endpoints.endpoint import Endpoint
    from .schemas import Schema, Schemas

DONE = "[DONE]"
"""The data of a stream's last event, in most of them."""

# what each credential is called under `components.securitySchemes`
CREDENTIALS = ("bearer", "token", "session")

_TAGS = (
    ("/v1/", "OpenAI"),
    ("/api/generate", "Short forms"),
    ("/api/chat", "Short forms"),
    ("/admin", "Administration"),
    ("/api/admin/", "Administration"),
    ("/health", "Health"),
    ("/api/health", "Health"),
    ("/api/v1/vector-db/", "Vectors"),
    ("/metrics", "Health"),
    ("/ws", "Health"),
    ("/openapi.json", "This description"),
    ("/swagger-ui", "This description"),
)
_GROUP = re.compile(r"\([^)]*\)")


def described(path: str, handler: type, verb: str, endpoint: Endpoint, schemas: Schemas) -> Schema:
    """The operation; `path` has its parameters in braces."""
    method = getattr(handler, verb)
    summary, description = _words(handler, method)
    operation: Schema = {
        "operationId": _identifier(verb, path),
        "summary": summary,
        "description": description,
        "tags": [next((tag for start, tag in _TAGS if path.startswith(start)), "Models")],
        "security": [{name: [action_of(method)]} for name in CREDENTIALS],
        "responses": _responses(endpoint, schemas, action_of(method)),
    }
    if parameters := _parameters(path, endpoint):
        operation["parameters"] = parameters
    if endpoint.body:
        content = {"schema": schemas.of(endpoint.body)}
        example = {"example": dict(endpoint.example)} if endpoint.example else {}
        operation["requestBody"] = {
            "required": not endpoint.is_body_optional,
            "content": {JSON: content | example},
        }
    return operation


def _identifier(verb: str, path: str) -> str:
    """A name of its own, also where two paths differ in their last slash alone."""
    name = f"{path}index" if path.endswith("/") else path
    return re.sub(r"\W+", "_", f"{verb}{name}").rstrip("_")


def path_of(pattern: str, handler: type) -> str:
    """A pattern of the route table as a path: `/v1/models/(.+)` as `/v1/models/{id}`.

    Of several groups each has the name that the handler's method gives it.
    """
    groups = len(_GROUP.findall(pattern))
    names = iter(["id"] if groups == 1 else _arguments(handler))
    return "/" + _GROUP.sub(lambda _: f"{{{next(names)}}}", pattern.lstrip("/"))


def verbs_of(handler: type) -> tuple[str, ...]:
    """The verbs that a handler answers, in lower case; a preflight is none of the API's."""
    verbs = ("get", "post", "put", "patch", "delete")
    return tuple(verb for verb in verbs if action_of(getattr(handler, verb)))


def action_of(method: Callable[..., Any] | None) -> str:
    """What `@authorized` was told that the caller does; empty for a verb without it."""
    while method is not None:
        found = inspect.getclosurevars(method).nonlocals
        if "action" in found and "resource" in found:
            return str(found["action"])
        method = getattr(method, "__wrapped__", None)
    return ""


def _words(handler: type, method: Callable[..., Any]) -> tuple[str, str]:
    """Summary and description: what is there, and then what happens.

    Of a handler with several verbs, or one that says its path alone, the verb says it all.
    """
    what, how = inspect.getdoc(handler) or "", inspect.getdoc(method) or ""
    text = f"{what}\n\n{how}"
    if len(verbs_of(handler)) > 1 or what.startswith("`"):
        text = how
    summary, _, description = text.partition("\n\n")
    return " ".join(summary.split()).removesuffix("."), description


def _arguments(handler: type) -> list[str]:
    method = getattr(handler, verbs_of(handler)[0])
    return list(inspect.signature(method).parameters)[1:]


def _event(schema: Schema) -> Schema:
    """One server-sent event, which is what 3.1 says of a stream of them."""
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": schema}
    return {
        "type": "object",
        "properties": {"data": {"anyOf": [{"const": DONE}, data]}},
        "required": ["data"],
    }


def _parameters(path: str, endpoint: Endpoint) -> list[Schema]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            # an empty one would be another route
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    in_query = [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": dict(parameter.schema),
        }
        for parameter in endpoint.query
    ]
    return in_path + in_query


def _responses(endpoint: Endpoint, schemas: Schemas, action: str) -> Schema:
    answers = {str(endpoint.status.value): _answer(endpoint, schemas)}
    # a quota counts every request that a model works for
    quota = {HTTPStatus.TOO_MANY_REQUESTS} if action == "execute" else set()
    errors = EVERYWHERE | endpoint.errors | quota
    answers |= {str(status.value): refusal(status) for status in errors}
    for status, kind in endpoint.others.items():
        content = {JSON: {"schema": schemas.of(kind)}}
        answers[str(status.value)] = {"description": status.phrase, "content": content}
    return dict(sorted(answers.items()))


def _answer(endpoint: Endpoint, schemas: Schemas) -> Schema:
    content: Schema = {}
    if endpoint.content_type:
        schema = {"type": "string"} if endpoint.answer is None else schemas.of(endpoint.answer)
        content[endpoint.content_type] = {"schema": schema}
    if endpoint.events:
        content[EVENT_STREAM] = {"schema": _event(schemas.of((endpoint.events, ErrorBody)))}
    return {"description": endpoint.status.phrase} | ({"content": content} if content else {})
