from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from jupyter_server.auth.decorator import authorized

from jupyter_llm.handlers.base import LLMHandler
from jupyter_llm.handlers.errors import _STATUS
from jupyter_llm.handlers.openapi.document import document, operations
from jupyter_llm.handlers.openapi.endpoints import ENDPOINTS
from jupyter_llm.handlers.openapi.operations import path_of
from jupyter_llm.handlers.openapi.refusals import WHEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Call
    from jupyter_server.serverapp import ServerApp


@pytest.fixture(scope="module")
def described() -> Any:
    return json.loads(document("/somewhere/llm"))


def every(key: str, value: Any) -> Iterator[Any]:
    """What stands at `key`, wherever it is inside `value`."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from every(key, part)


def test_every_verb_of_every_route_says_what_it_takes_and_answers() -> None:
    assert {f"{verb.upper()} {path}" for path, _, verb in operations()} == ENDPOINTS.keys()


def test_references_lead_somewhere(described: Any) -> None:
    references = set(every("$ref", described))
    assert len(references) > 50
    for reference in references:
        place = described
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_every_operation_says_what_the_caller_must_be_allowed(described: Any) -> None:
    needed = {
        f"{verb.upper()} {path}": {
            scope for one in operation["security"] for [scope] in one.values()
        }
        for path, verbs in described["paths"].items()
        for verb, operation in verbs.items()
    }
    assert needed["POST /v1/chat/completions"] == {"execute"}
    assert needed["GET /api/admin/models/{id}"] == {"read"}
    assert needed["DELETE /api/admin/models/{id}"] == {"write"}
    assert all(len(actions) == 1 for actions in needed.values())


def test_every_operation_has_words_and_an_identifier_of_its_own(described: Any) -> None:
    identifiers = list(every("operationId", described))
    summaries = list(every("summary", described["paths"]))

    assert len(identifiers) == len(set(identifiers)) == len(ENDPOINTS) == len(summaries)
    assert all(summaries)
    assert "post_v1_chat_completions" in identifiers


def test_the_body_is_the_struct_that_it_is_decoded_into(described: Any) -> None:
    chat = described["components"]["schemas"]["ChatBody"]

    assert chat["additionalProperties"] is False
    assert chat["required"] == ["messages"]
    assert chat["properties"]["temperature"]["anyOf"][0] == {
        "type": "number",
        "minimum": 0,
        "maximum": 2,
    }


def test_streams_are_described_beside_whole_answers(described: Any) -> None:
    answer = described["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]

    assert answer["application/json"]["schema"]["$ref"].endswith("/openai.ChatCompletion")
    event = answer["text/event-stream"]["schema"]["properties"]["data"]
    [reference, _] = every("$ref", event)
    assert reference.endswith("/openai.ChatCompletionChunk")


@pytest.mark.parametrize("name", [name for name, one in ENDPOINTS.items() if one.body])
def test_an_example_can_be_decoded(name: str) -> None:
    endpoint = ENDPOINTS[name]
    assert endpoint.example is not None
    msgspec.json.decode(json.dumps(endpoint.example), type=endpoint.body)


def test_every_status_of_an_error_is_explained() -> None:
    assert set(_STATUS.values()) <= WHEN.keys()
    assert {status for one in ENDPOINTS.values() for status in one.errors} <= WHEN.keys()


async def test_the_description_has_the_address_of_the_server(
    call: Call, llm_server: ServerApp
) -> None:
    answer = await call("openapi.json")

    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["servers"] == [{"url": f"{llm_server.base_url}llm"}]


def test_several_parameters_have_the_names_of_their_arguments() -> None:
    class Handler(LLMHandler):
        @authorized("read", "llm")
        async def get(self, repository: str, name: str) -> None: ...

    assert path_of("a/(.+)/b/([^/]+)", Handler) == "/a/{repository}/b/{name}"


class TestSwaggerUI:
    async def test_the_page_loads_nothing_from_elsewhere(self, call: Call) -> None:
        answer = await call("swagger-ui")

        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"//" not in answer.body
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy

    async def test_nothing_but_its_files_is_served(self, call: Call) -> None:
        assert (await call("swagger-ui/start.js")).status == 200
        assert (await call("swagger-ui/LICENSE")).status == 404
        assert (await call("swagger-ui/..%2Fapp.py")).status == 404
