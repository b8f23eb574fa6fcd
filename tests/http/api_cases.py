"""Schemathesis over the description of this API, against a server that runs."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from jupyter_llm.handlers.openapi.document import document

if TYPE_CHECKING:
    from live import LiveServer

CHECKS = (
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
)
# what a server may say of a model that is damaged, too large or not to be loaded
TOLERABLE = {
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
}
MODELS = ("guide", "echo")
MOST = {"max_tokens": 8, "max_completion_tokens": 8, "max_output_tokens": 8, "n": 2, "best_of": 2}

schema = schemathesis.openapi.from_dict(json.loads(document("/llm")))


def check(case: schemathesis.Case, server: LiveServer) -> None:
    """Send one request and hold the answer against the description.

    Raises:
        AssertionError: The answer is a fault of the server, or is not what was described.
    """
    _aim(case)
    response = case.call(
        base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=60
    )
    status = response.status_code
    assert status < HTTPStatus.INTERNAL_SERVER_ERROR or status in TOLERABLE, response.text
    case.validate_response(response, checks=CHECKS)


def _aim(case: schemathesis.Case) -> None:
    """Have valid requests reach a model, and be answered in little time.

    Drawn at random, a name is hardly ever that of a model.
    """
    if case.meta and case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    body: Any = case.body
    if not isinstance(body, dict):
        return
    if isinstance(body.get("model"), str):
        body["model"] = MODELS[len(body["model"]) % 2]
    for name, most in MOST.items():
        if isinstance(body.get(name), int):
            body[name] = 1 + body[name] % most
