"""Schemathesis over the description of this API, against a server that runs.

`test_schemathesis.py` gives this module to a pytest of its own: to make the cases takes many
seconds, which are spent as soon as a module like this is looked at.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from math import ceil
from typing import Any
from zlib import crc32

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

URL = os.environ["CASES_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['CASES_TOKEN']}"}
ONE_IN = int(os.environ["CASES_ONE_IN"])
MAX_EXAMPLES = int(os.environ["CASES_MAX_EXAMPLES"])

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

schema = schemathesis.openapi.from_url(f"{URL}/openapi.json", headers=HEADERS)


@schema.parametrize()
@settings(
    max_examples=MAX_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
def test_an_answer_is_as_described(case: schemathesis.Case) -> None:
    if not is_drawn(case):
        return
    aim(case)
    response = case.call(headers=HEADERS, timeout=60)
    status = response.status_code
    assert status < HTTPStatus.INTERNAL_SERVER_ERROR or status in TOLERABLE, response.text
    case.validate_response(response, checks=CHECKS)


def is_drawn(case: schemathesis.Case) -> bool:
    """Whether a case is in the sample, which is larger where there are few of them.

    The same case always is, or never: a failure can be repeated.
    """
    one_in = ONE_IN if list(case.operation.body) else ceil(ONE_IN / 5)
    sent = case.method, case.path_parameters, case.query, case.headers, case.body
    return crc32(repr(sent).encode()) % one_in == 0


def aim(case: schemathesis.Case) -> None:
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
