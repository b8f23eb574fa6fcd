from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from test_auth import MODES, NOBODY

from jupyter_llm.errors import EngineDiedError, OverloadedError
from jupyter_llm.registry.keys import KeyStore

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from live import LiveServer
    from scripted import Script

    from jupyter_llm.app import LLMExtension

HI = [{"role": "user", "content": "Say it again, Sam"}]
ASK = {"model": "echo", "max_tokens": 20, "messages": HI}
GUIDE = {"model": "guide", "messages": [{"role": "user", "content": "What can you do?"}]}


def text_of(message: dict[str, Any]) -> str:
    [block] = message["content"]
    text: str = block["text"]
    return text


async def test_a_message_is_answered(call: Call) -> None:
    message = (await call("v1/messages", ASK)).json

    assert text_of(message) == "Say it again, Sam"
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "echo")
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["input_tokens"] == 4
    assert message["usage"]["output_tokens"] == 4


async def test_a_stream_says_the_same(call: Call) -> None:
    answer = await call("v1/messages", {**ASK, "stream": True})
    events = answer.events

    deltas = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(deltas) == "Say it again, Sam"
    assert events[0]["type"] == "message_start"
    assert events[-1] == {"type": "message_stop"}
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_stop_sequence_that_ended_it_is_told(call: Call, is_stream: bool) -> None:
    ask = {**ASK, "stop_sequences": ["nothing", " again"], "stream": is_stream}
    answer = await call("v1/messages", ask)
    end = answer.events[-2]["delta"] if is_stream else answer.json

    assert (end["stop_reason"], end["stop_sequence"]) == ("stop_sequence", " again")


async def test_a_limit_is_told(call: Call) -> None:
    message = (await call("v1/messages", {**ASK, "max_tokens": 2})).json

    assert (text_of(message), message["stop_reason"]) == ("Say it", "max_tokens")


class TestErrors:
    """They are Anthropic's on its routes alone."""

    @staticmethod
    def error(body: dict[str, Any]) -> dict[str, Any]:
        assert set(body) == {"type", "error"}
        assert body["type"] == "error"
        found: dict[str, Any] = body["error"]
        return found

    async def test_of_a_field(self, call: Call) -> None:
        answer = await call("v1/messages", {**ASK, "max_tokens": 0})

        assert answer.status == 400
        assert self.error(answer.json)["type"] == "invalid_request_error"
        assert "max_tokens" in answer.json["error"]["message"]

    async def test_of_a_model(self, call: Call) -> None:
        answer = await call("v1/messages", {**ASK, "model": "nobody"})

        assert answer.status == 404
        assert self.error(answer.json)["type"] == "not_found_error"

    async def test_of_a_stranger(self, call: Call) -> None:
        answer = await call("v1/messages", ASK, auth=NOBODY)

        assert answer.status == 401
        assert self.error(answer.json)["type"] == "authentication_error"

    async def test_of_a_verb(self, call: Call) -> None:
        answer = await call("v1/messages")

        assert answer.status == 405
        assert self.error(answer.json)["type"] == "invalid_request_error"

    async def test_of_a_server_with_too_much_to_do(self, script: Script, call: Call) -> None:
        script.tokens, script.error = (), OverloadedError("Too many wait.", retry_after_s=3.0)
        answer = await call("v1/messages", ASK)

        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        assert self.error(answer.json)["type"] == "overloaded_error"

    async def test_in_the_middle_of_a_stream(self, script: Script, call: Call) -> None:
        script.error = EngineDiedError("The engine stopped.")
        answer = await call("v1/messages", {**ASK, "stream": True})

        assert b"event: error\n" in answer.body
        error = self.error(answer.events[-1])
        assert (error["type"], error["message"]) == ("api_error", "The engine stopped.")


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


class TestTheKeyInItsOwnHeader:
    """Anthropic's clients send `X-Api-Key`."""

    @pytest.fixture
    def jp_server_config(
        self, jp_server_config: dict[str, Any], request: pytest.FixtureRequest
    ) -> dict[str, Any]:
        used = "mode" in request.fixturenames
        for name, traits in MODES[request.getfixturevalue("mode") if used else "token"].items():
            jp_server_config.setdefault(name, {}).update(traits)
        return jp_server_config

    @pytest.mark.usefixtures("mode")
    async def test_may_be_a_stored_one(self, call: Call, jp_data_dir: Path) -> None:
        store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
        _, secret = store.create("laptop")

        assert (await call("v1/messages", ASK, auth={"X-Api-Key": secret})).status == 200
        assert (await call("v1/models", auth={"x-api-key": secret})).status == 200
        store.revoke("laptop")
        assert (await call("v1/messages", ASK, auth={"X-Api-Key": secret})).status == 401

    async def test_may_be_the_servers_token(self, call: Call, llm_server: ServerApp) -> None:
        auth = {"X-Api-Key": llm_server.identity_provider.token}

        assert (await call("v1/messages", ASK, auth=auth)).status == 200

    async def test_may_be_the_kernels(self, call: Call, extension: LLMExtension) -> None:
        auth = {"X-Api-Key": str(extension.kernel_key)}

        assert (await call("v1/messages", ASK, auth=auth)).status == 200

    @pytest.mark.usefixtures("mode")
    @pytest.mark.parametrize("secret", ["wrong", "", " "])
    async def test_may_not_be_wrong(self, call: Call, secret: str) -> None:
        assert (await call("v1/messages", ASK, auth={"X-Api-Key": secret})).status == 401

    async def test_does_not_stand_in_for_one_that_is_wrong(
        self, call: Call, llm_server: ServerApp
    ) -> None:
        auth = {
            "Authorization": "Bearer wrong",
            "X-Api-Key": llm_server.identity_provider.token,
        }

        assert (await call("v1/messages", ASK, auth=auth)).status == 401


class TestWithTheBuiltInModel:
    def test_tokens_are_counted_as_they_will_be_read(self, live_server: LiveServer) -> None:
        counted = live_server.json("v1/messages/count_tokens", GUIDE)
        message = live_server.json("v1/messages", {**GUIDE, "max_tokens": 1})

        usage = message["usage"]
        assert counted == {"input_tokens": usage["input_tokens"] + usage["cache_read_input_tokens"]}

    def test_a_stream_has_the_figures_of_the_whole(self, live_server: LiveServer) -> None:
        ask = {**GUIDE, "max_tokens": 20, "temperature": 0}
        whole = live_server.json("v1/messages", ask)
        again = live_server.json("v1/messages", ask)
        with live_server.open("v1/messages", {**ask, "stream": True}) as response:
            body = response.read().decode()

        assert text_of(whole) == text_of(again)
        assert f'"output_tokens":{whole["usage"]["output_tokens"]}' in body
        assert again["usage"]["cache_read_input_tokens"] > 0

    def test_tools_are_used_where_they_must_be(self, live_server: LiveServer) -> None:
        schema = {
            "type": "object",
            "properties": {"a": {"type": "boolean"}},
            "required": ["a"],
            "additionalProperties": False,
        }
        ask = {
            **GUIDE,
            "max_tokens": 100,
            "tools": [{"name": "check", "input_schema": schema, "strict": True}],
            "tool_choice": {"type": "tool", "name": "check"},
        }
        message = live_server.json("v1/messages", ask)
        [use] = [block for block in message["content"] if block["type"] == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": "done"}
        history = [
            *GUIDE["messages"],
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": [result]},
        ]
        after = live_server.json("v1/messages", {**GUIDE, "max_tokens": 8, "messages": history})

        assert message["stop_reason"] == "tool_use"
        assert isinstance(use["input"]["a"], bool)
        assert text_of(after)

    def test_a_count_that_is_too_high_is_no_error(self, live_server: LiveServer) -> None:
        long = {**GUIDE, "messages": [{"role": "user", "content": "word " * 5000}]}

        assert live_server.json("v1/messages/count_tokens", long)["input_tokens"] > 4096
        with live_server.open("v1/messages", {**long, "max_tokens": 1}) as response:
            assert response.status == 400
