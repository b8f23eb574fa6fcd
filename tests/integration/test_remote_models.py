"""A model of another server of ours, asked through this one as any other model."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from live import LiveServer
from openai import APIStatusError, OpenAI

KEY = "upstream-key-that-nobody-sees"
CHAT = {"model": "far", "messages": [{"role": "user", "content": "How do I load a model?"}]}
GREEDY = {"temperature": 0, "max_tokens": 20}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}
FORM = {
    "type": "json_schema",
    "json_schema": {
        "name": "one",
        "schema": {
            "type": "object",
            "properties": {"n": {"enum": [1, 2]}},
            "required": ["n"],
            "additionalProperties": False,
        },
    },
}


@contextmanager
def server_with(remotes: list[dict[str, Any]], *options: str) -> Iterator[LiveServer]:
    """A server with these services in its configuration."""
    with TemporaryDirectory() as folder:
        config = {"LLMExtension": {"remotes": remotes}}
        Path(folder, "jupyter_llm_config.json").write_text(json.dumps(config))
        with LiveServer("--log-level=DEBUG", *options, env={"JUPYTER_CONFIG_PATH": folder}) as one:
            yield one


@pytest.fixture(scope="module")
def far() -> Iterator[LiveServer]:
    with LiveServer("--LLMExtension.num_threads=1", token=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def near(far: LiveServer) -> Iterator[LiveServer]:
    service = {"id": "far", "url": f"{far.url}/v1", "dialect": "jupyter-llm"}
    remotes = [
        {**service, "models": {"far": "guide", "mirror": "echo"}, "key": KEY},
        {**service, "id": "locked", "models": ["guide"], "key": "wrong-key-of-the-operator"},
    ]
    with server_with(remotes, "--LLMExtension.max_tokens_limit=64") as server:
        yield server


@pytest.fixture(scope="module")
def openai(near: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{near.url}/v1", api_key=near.token, max_retries=0) as client:
        yield client


def test_the_answer_is_that_of_the_service(near: LiveServer, far: LiveServer) -> None:
    theirs = far.json("v1/chat/completions", {**CHAT, **GREEDY, "model": "guide"})
    ours = near.json("v1/chat/completions", {**CHAT, **GREEDY})
    assert ours["model"] == "far"
    for volatile in ("id", "created", "model", "timings"):
        del theirs[volatile], ours[volatile]
    del theirs["usage"]["prompt_tokens_details"], ours["usage"]["prompt_tokens_details"]
    assert ours == theirs


def test_a_stream_is_that_of_the_service(near: LiveServer, far: LiveServer) -> None:
    def events(server: LiveServer, model: str) -> list[Any]:
        body = {**CHAT, **GREEDY, "model": model, "stream": True}
        with server.open("v1/chat/completions", body) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            lines = stream.read().decode().split("\n\n")
        found = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        assert lines[-2:] == ["data: [DONE]", ""]
        assert {event["model"] for event in found} == {model}
        return [event["choices"] for event in found]

    assert events(near, "far") == events(far, "guide")


def test_openais_client_has_everything(openai: OpenAI) -> None:
    messages: Any = CHAT["messages"]
    with openai.chat.completions.create(model="far", messages=messages, stream=True) as stream:
        words = [choice.delta.content for chunk in stream for choice in chunk.choices]
    assert "".join(filter(None, words))
    forced: Any = {"type": "function", "function": {"name": "add"}}
    called = openai.chat.completions.create(
        model="far", messages=messages, tools=[TOOL], tool_choice=forced, max_tokens=60
    )
    assert called.choices[0].message.tool_calls[0].function.name == "add"
    form: Any = FORM
    formed = openai.chat.completions.create(model="far", messages=messages, response_format=form)
    assert json.loads(formed.choices[0].message.content or "")["n"] in (1, 2)
    several = openai.chat.completions.create(model="far", messages=messages, n=3, max_tokens=5)
    assert len(several.choices) == 3
    text = openai.completions.create(model="mirror", prompt="one two", echo=True)
    assert text.choices[0].text == "one twoone two"
    vectors = openai.embeddings.create(model="mirror", input=["one", "one", "two"]).data
    assert vectors[0].embedding == vectors[1].embedding != vectors[2].embedding
    regex: Any = {"regex": "(a|b){3}"}
    held = openai.chat.completions.create(model="far", messages=messages, extra_body=regex)
    assert set(held.choices[0].message.content or "") <= {"a", "b"}


def test_the_other_apis_ask_it_too(near: LiveServer) -> None:
    question = CHAT["messages"][0]["content"]
    asked = near.json("v1/responses", {"model": "far", "input": question, "max_output_tokens": 20})
    assert asked["output"][0]["content"][0]["text"]
    assert asked["usage"]["output_tokens"] <= 20
    message = near.json("v1/messages", {**CHAT, "max_tokens": 20})
    assert message["content"][0]["text"]
    assert near.json("api/generate", {"model": "mirror", "prompt": "so it is"})["text"]
    resumable = {**CHAT, **GREEDY, "stream": True, "resumable": True, "stream_id": "mine"}
    with near.open("v1/chat/completions", resumable) as stream:
        assert b"id: 3\ndata: {" in stream.read()
    assert near.json("v1/streams/mine", method="DELETE")["deleted"]


def test_it_is_listed_counted_and_measured(near: LiveServer) -> None:
    near.json("v1/chat/completions", {**CHAT, **GREEDY})
    with near.open("v1/chat/completions", {**CHAT, **GREEDY, "stream": True}) as stream:
        stream.read()
    listed = {one["model"]["id"]: one for one in near.json("models")["data"]}
    model = listed["far"]["model"]
    assert (model["source"], model["engine"], listed["far"]["unavailable"]) == (
        "remote",
        "remote",
        "",
    )
    assert listed["far"]["stats"]["slots"] == 16
    assert "far" in {one["id"] for one in near.json("v1/models")["data"]}
    metrics = near.open("metrics").read().decode()
    assert 'jupyter_llm_time_to_first_token_seconds_count{engine="remote",model="far"}' in metrics
    deadline = time.monotonic() + 20
    while True:
        usage = near.json("api/admin/models/far")["usage"]
        if usage["num_requests"] >= 2 and usage["num_completion_tokens"] >= 20:
            break
        assert time.monotonic() < deadline, usage
        time.sleep(0.2)


def test_what_is_wrong_is_a_400_and_whose_key_it_is_does_not_matter(near: LiveServer) -> None:
    for body, param in (
        ({**CHAT, "max_tokens": 65}, "max_tokens"),
        ({**CHAT, "keep_alive": "long"}, "keep_alive"),
        ({**CHAT, "temperature": 9}, "temperature"),
        ({**CHAT, "stream": "yes"}, "stream"),
    ):
        with near.open("v1/chat/completions", body) as answer:
            assert answer.status == 400
            assert json.load(answer)["error"]["param"] == param
    locked = {**CHAT, "model": "locked/guide"}
    for more in ({}, {"stream": True}):
        with near.open("v1/chat/completions", {**locked, **more}) as answer:
            assert answer.status == 503
            error = json.load(answer)["error"]
            assert "refused the key" in error["message"]
    with near.open("api/admin/models/far", method="DELETE") as answer:
        assert answer.status == 400
    assert (
        "runs elsewhere" in near.json("api/admin/models/far", method="DELETE")["error"]["message"]
    )


def test_a_key_is_in_no_log_and_in_no_answer(near: LiveServer) -> None:
    said = "".join(
        near.open(path).read().decode()
        for path in ("models", "v1/models", "backends", "api/admin/models", "api/health", "metrics")
    )
    for key in (KEY, "wrong-key-of-the-operator"):
        assert key not in said
        assert key not in near.log


def test_a_service_that_dies_is_an_error_and_comes_back() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/llm/v1"
    remotes = [{"id": "far", "url": url, "key": KEY, "models": {"far": "echo"}}]
    with ExitStack() as stack, server_with(remotes, "--LLMExtension.failed_load_cooldown_s=1") as s:
        first = stack.enter_context(LiveServer(token=KEY, port=port))
        long = {**CHAT, "messages": [{"role": "user", "content": "word " * 7000}], "stream": True}
        with s.open("v1/chat/completions", long) as stream:
            stream.read(1000)
            first.stop()
            events = stream.read().decode()
        assert '"upstream_error"' in events or "[DONE]" in events
        with s.open("v1/chat/completions", CHAT) as answer:
            assert answer.status == 502
            assert json.load(answer)["error"]["code"] in {"upstream_error", "engine_died"}
        stack.enter_context(LiveServer(token=KEY, port=port))
        deadline = time.monotonic() + 40
        while s.open("v1/chat/completions", CHAT).status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_a_limited_key_sees_no_service_that_it_is_not_for(near: LiveServer) -> None:
    made = near.json("api/admin/keys", {"name": "few", "models": ["mirror"]})
    with OpenAI(base_url=f"{near.url}/v1", api_key=made["key"], max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["mirror"]
        messages: Any = CHAT["messages"]
        with pytest.raises(APIStatusError) as refused:
            client.chat.completions.create(model="far", messages=messages)
        assert refused.value.status_code == 404
        assert client.chat.completions.create(model="mirror", messages=messages).model == "mirror"
