from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from jupyter_server.auth import IdentityProvider, User
from test_auth import bearer

from jupyter_llm.errors import EngineDiedError, RegistryError
from jupyter_llm.handlers import responses
from jupyter_llm.registry.keys import KeyStore
from jupyter_llm.registry.tables import ResponseRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Call
    from live import LiveServer
    from scripted import Script

    from jupyter_llm.app import LLMExtension

ASK = {"model": "echo", "input": "Say it again, Sam"}


async def made(call: Call, **fields: Any) -> dict[str, Any]:
    answer = await call("v1/responses", {**ASK, **fields})
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


def text_of(response: dict[str, Any]) -> str:
    [message] = response["output"]
    text: str = message["content"][0]["text"]
    return text


async def test_a_response_is_answered_and_stored(call: Call) -> None:
    response = await made(call)

    assert text_of(response) == "Say it again, Sam"
    assert (response["status"], response["store"]) == ("completed", True)
    assert response["usage"]["total_tokens"] == 8
    again = await call(f"v1/responses/{response['id']}")
    assert again.json == response


async def test_a_stream_ends_with_what_is_stored(call: Call) -> None:
    answer = await call("v1/responses", {**ASK, "stream": True})
    last = answer.events[-1]

    assert last["type"] == "response.completed"
    assert b"[DONE]" not in answer.body
    assert (await call(f"v1/responses/{last['response']['id']}")).json == last["response"]


async def test_what_is_not_to_be_stored_is_not(call: Call, extension: LLMExtension) -> None:
    response = await made(call, store=False)

    assert response["store"] is False
    answer = await call(f"v1/responses/{response['id']}")
    assert (answer.status, answer.error["code"]) == (404, "response_not_found")
    assert await extension.registry.run(lambda session: session.query(ResponseRow).count()) == 0


async def test_a_limit_makes_a_response_incomplete(call: Call) -> None:
    response = await made(call, max_output_tokens=2)

    assert text_of(response) == "Say it"
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_a_conversation_goes_on_from_a_response(script: Script, call: Call) -> None:
    first = await made(call, instructions="Be brief.")
    second = await made(call, previous_response_id=first["id"], input="And again")
    await made(
        call,
        previous_response_id=second["id"],
        instructions="Be kind.",
        input=[{"role": "user", "content": "Once more"}],
    )

    said = [(m.role, m.content) for m in script.requests[-1].messages or ()]
    assert said == [
        ("system", "Be kind."),
        ("user", "Say it again, Sam"),
        ("assistant", "one two three"),
        ("user", "And again"),
        ("assistant", "one two three"),
        ("user", "Once more"),
    ]
    assert second["previous_response_id"] == first["id"]


async def test_what_is_not_there_cannot_be_gone_on_from(call: Call) -> None:
    answer = await call("v1/responses", {**ASK, "previous_response_id": "resp_none"})

    assert answer.status == 400
    assert answer.error["code"] == "previous_response_not_found"
    assert answer.error["param"] == "previous_response_id"


async def test_a_response_is_deleted(call: Call) -> None:
    path = f"v1/responses/{(await made(call))['id']}"
    answer = await call(path, method="DELETE")

    assert answer.json == {"id": path.rpartition("/")[2], "object": "response", "deleted": True}
    assert (await call(path)).status == 404
    assert (await call(path, method="DELETE")).status == 404


async def test_the_input_is_listed_page_by_page(call: Call) -> None:
    items = [{"role": "user", "content": f"number {n}"} for n in range(3)]
    path = f"v1/responses/{(await made(call, input=items))['id']}/input_items"
    page = (await call(f"{path}?limit=2&order=asc")).json
    rest = (await call(f"{path}?limit=2&order=asc&after={page['last_id']}")).json
    backwards = (await call(path)).json

    texts = [item["content"][0]["text"] for item in (*page["data"], *rest["data"])]
    assert texts == ["number 0", "number 1", "number 2"]
    assert (page["has_more"], rest["has_more"]) == (True, False)
    assert page["first_id"] == page["data"][0]["id"]
    assert backwards["data"] == [*page["data"], *rest["data"]][::-1]
    end = (await call(f"{path}?order=asc&after={rest['last_id']}")).json
    assert (end["data"], end["first_id"], end["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=msg_x", "after")],
)
async def test_a_page_that_makes_no_sense_is_refused(call: Call, query: str, param: str) -> None:
    response = await made(call)
    answer = await call(f"v1/responses/{response['id']}/input_items?{query}")

    assert (answer.status, answer.error["param"]) == (400, param)


async def test_what_cannot_be_done_with_a_stored_response_is_said(call: Call) -> None:
    path = f"v1/responses/{(await made(call))['id']}"

    assert (await call(f"{path}?stream=true")).error["param"] == "stream"
    assert (await call(f"{path}/cancel", b"")).status == 400
    assert (await call("v1/responses/resp_x/cancel", b"")).status == 404
    assert (await call("v1/responses/resp_x/input_items")).status == 404


@pytest.fixture
def keys(jp_data_dir: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The headers of two users."""
    store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
    return bearer(store.create("ada")[1]), bearer(store.create("eve")[1])


async def test_another_user_finds_nothing(
    call: Call, keys: tuple[dict[str, str], dict[str, str]]
) -> None:
    ada, eve = keys
    answer = await call("v1/responses", ASK, auth=ada)
    path = f"v1/responses/{answer.json['id']}"

    for stranger in (eve, None):
        assert (await call(path, auth=stranger)).status == 404
        assert (await call(f"{path}/input_items", auth=stranger)).status == 404
        assert (await call(path, method="DELETE", auth=stranger)).status == 404
        follow = {**ASK, "previous_response_id": answer.json["id"]}
        assert (await call("v1/responses", follow, auth=stranger)).status == 400
    assert (await call(path, auth=ada)).status == 200


async def test_the_server_and_its_kernels_are_one_user(call: Call, extension: LLMExtension) -> None:
    response = await made(call)
    kernel = bearer(str(extension.kernel_key))

    assert (await call(f"v1/responses/{response['id']}", auth=kernel)).status == 200


class Named(IdentityProvider):
    """Knows its users by name, as a provider for many people does."""

    def get_user(self, handler: Any) -> User | None:
        handler._token_authenticated = True
        name = handler.request.headers.get("X-Name")
        return User(username=name) if name else None


class TestWithAProviderThatKnowsItsUsers:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["identity_provider_class"] = Named
        return jp_server_config

    async def test_each_of_them_has_responses_of_his_own(self, call: Call) -> None:
        ada, eve = {"X-Name": "ada"}, {"X-Name": "eve"}
        answer = await call("v1/responses", ASK, auth=ada)
        path = f"v1/responses/{answer.json['id']}"

        assert (await call(path, auth=ada)).status == 200
        assert (await call(path, auth=eve)).status == 404


class TestWithoutARegistry:
    @pytest.fixture(autouse=True)
    def no_registry(self, extension: LLMExtension, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(*_: Any) -> None:
            raise RegistryError("The disk is full.")

        monkeypatch.setattr(extension.registry, "run", fail)

    async def test_a_response_says_that_it_is_not_stored(self, call: Call) -> None:
        response = await made(call)

        assert text_of(response) == "Say it again, Sam"
        assert response["store"] is False

    async def test_so_does_a_stream(self, call: Call) -> None:
        last = (await call("v1/responses", {**ASK, "stream": True})).events[-1]

        assert last["type"] == "response.completed"
        assert last["response"]["store"] is False

    async def test_a_conversation_cannot_go_on(self, call: Call) -> None:
        answer = await call("v1/responses", {**ASK, "previous_response_id": "resp_1"})

        assert (answer.status, answer.error["code"]) == (503, "registry_unavailable")


async def test_a_slow_registry_holds_no_answer_up(
    call: Call, extension: LLMExtension, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "SAVE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(extension.registry, "run", lambda _work: asyncio.sleep(60))

    assert (await made(call))["store"] is False


class TestWithoutRetention:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["LLMExtension"] = {"response_retention_days": 0}
        return jp_server_config

    async def test_nothing_is_stored(self, call: Call, extension: LLMExtension) -> None:
        assert (await made(call))["store"] is False
        assert not await extension.registry.exists()


async def test_an_engine_that_dies_fails_the_response(script: Script, call: Call) -> None:
    script.error = EngineDiedError("The engine stopped.")
    answer = await call("v1/responses", {**ASK, "stream": True})
    last = answer.events[-1]

    assert last["type"] == "response.failed"
    assert last["response"]["error"]["message"] == "The engine stopped."
    assert (await call(f"v1/responses/{last['response']['id']}")).status == 404


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{live_server.url}/v1",
        api_key=live_server.token,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


class TestOpenAIsClient:
    """With the built-in model, and every answer validated."""

    def test_has_a_conversation(self, client: openai.OpenAI) -> None:
        first = client.responses.create(
            model="guide", input="What can you do?", temperature=0, max_output_tokens=40
        )
        second = client.responses.create(
            model="guide",
            input="And who are you?",
            previous_response_id=first.id,
            temperature=0,
            max_output_tokens=20,
        )

        assert first.output_text
        assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens
        assert client.responses.retrieve(first.id).output_text == first.output_text
        [item] = client.responses.input_items.list(first.id)
        assert item.content[0].text == "What can you do?"
        client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first.id)

    @pytest.mark.parametrize("limit", [3, 40])
    def test_streams_what_it_says_at_once(self, client: openai.OpenAI, limit: int) -> None:
        asked = {
            "model": "guide",
            "input": "What can you do?",
            "temperature": 0,
            "max_output_tokens": limit,
        }
        whole = client.responses.create(**asked)
        with client.responses.create(**asked, stream=True) as stream:
            events = list(stream)

        deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
        assert "".join(deltas) == whole.output_text
        last = events[-1]
        assert last.type == f"response.{whole.status}"
        assert last.response.output_text == whole.output_text
        assert last.response.usage.output_tokens == whole.usage.output_tokens
        assert [e.sequence_number for e in events] == list(range(len(events)))

    def test_has_its_tools_called_and_goes_on_with_what_they_gave(
        self, client: openai.OpenAI
    ) -> None:
        zone = {"enum": ["utc", "cet"]}
        parameters = {"type": "object", "properties": {"zone": zone}, "required": ["zone"]}
        tool = {"type": "function", "name": "now", "parameters": parameters, "strict": True}
        asked = {"model": "guide", "input": "What time is it?", "tools": [tool]}
        first = client.responses.create(**asked, tool_choice="required")
        [call] = [item for item in first.output if item.type == "function_call"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "12:00"}
        second = client.responses.create(
            model="guide", input=[result], previous_response_id=first.id, max_output_tokens=8
        )
        named = {"type": "function", "name": "now"}
        with client.responses.create(**asked, tool_choice=named, stream=True) as stream:
            events = list(stream)

        assert json.loads(call.arguments)["zone"] in zone["enum"]
        assert second.output_text
        [done] = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert json.loads(done.arguments)["zone"] in zone["enum"]

    def test_helps_with_its_own_streams(self, client: openai.OpenAI) -> None:
        with client.responses.stream(model="echo", input="Say it again, Sam") as stream:
            for _ in stream:
                pass
            final = stream.get_final_response()

        assert final.output_text == "Say it again, Sam"

    def test_is_told_of_a_context_that_is_too_long(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as raised:
            client.responses.create(model="guide", input="word " * 5000)

        assert raised.value.code == "context_length_exceeded"
        assert json.loads(raised.value.response.content)["error"]["message"]
