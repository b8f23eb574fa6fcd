"""Images through the three APIs of a live server, to a model that sees."""

from __future__ import annotations

import sys
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
from live import LiveServer
from PIL import Image as Files

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "engines"))

from tiny_gguf import write_tiny_gguf
from tiny_projector import NUM_TOKENS, write_tiny_projector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionMessageParam


@pytest.fixture(scope="module", params=["thread", "process"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_gguf(folder / "tiny.gguf", quantizes=False)
    write_tiny_projector(folder / "mmproj-tiny.gguf")
    options = (
        f"--LLMExtension.models_dir={folder}",
        f"--LLMExtension.isolation={request.param}",
        "--LLMExtension.max_images_per_request=3",
    )
    with LiveServer(*options) as server:
        yield server


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)
    stream = BytesIO()
    Files.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def url(seed: int) -> str:
    return f"data:image/png;base64,{b64encode(png(seed)).decode()}"


def chat(*seeds: int, **more: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url(seed)}} for seed in seeds]
    content = [{"type": "text", "text": "the thing"}, *parts]
    messages = [{"role": "user", "content": content}]
    return {"model": "tiny", "temperature": 0, "max_tokens": 8, "messages": messages, **more}


def said(server: LiveServer, *seeds: int, **more: Any) -> str:
    answer = server.json("v1/chat/completions", chat(*seeds, **more))
    return str(answer["choices"][0]["message"]["content"])


def test_the_listing_says_that_the_model_sees(server: LiveServer) -> None:
    models = {each["model"]["id"]: each["model"] for each in server.json("models")["data"]}
    assert "image" in models["tiny"]["modalities"]


def test_the_answer_of_a_chat_is_about_its_image(server: LiveServer) -> None:
    first, second = said(server, 1), said(server, 2)
    assert len({first, second, said(server)}) == 3
    assert said(server, 1) == first
    answer = server.json("v1/chat/completions", chat(1))
    text = server.json("v1/chat/completions", chat())
    assert answer["usage"]["prompt_tokens"] == text["usage"]["prompt_tokens"] + NUM_TOKENS["mlp"]
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] > NUM_TOKENS["mlp"]


def test_openais_client_streams_it(server: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token)
    messages: list[ChatCompletionMessageParam] = chat(1)["messages"]
    with client:
        stream = client.chat.completions.create(
            model="tiny", messages=messages, temperature=0, max_tokens=8, stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == said(server, 1)


def test_several_answers_see_the_same(server: LiveServer) -> None:
    answer = server.json("v1/chat/completions", chat(1, n=3))
    texts = {choice["message"]["content"] for choice in answer["choices"]}
    assert texts == {said(server, 1)}


def test_a_response_sees_and_remembers(server: LiveServer) -> None:
    def respond(seed: int, **more: Any) -> Any:
        content = [
            {"type": "input_text", "text": "the thing"},
            {"type": "input_image", "image_url": url(seed), "detail": "auto"},
        ]
        body = {"model": "tiny", "temperature": 0, "max_output_tokens": 8}
        given = {**body, "input": [{"role": "user", "content": content}], **more}
        return server.json("v1/responses", given)

    first = respond(1)
    assert first["output"][0]["content"][0]["text"] == said(server, 1)
    after = [
        server.json(
            "v1/responses",
            {
                "model": "tiny",
                "temperature": 0,
                "max_output_tokens": 8,
                "input": "and",
                "previous_response_id": respond(seed)["id"],
            },
        )
        for seed in (1, 2)
    ]
    texts = [each["output"][0]["content"][0]["text"] for each in after]
    assert texts[0] != texts[1]
    items = server.json(f"v1/responses/{first['id']}/input_items")
    assert items["data"][0]["content"][1]["image_url"] == url(1)


def test_anthropics_messages_see(server: LiveServer) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(png(1)).decode()}
    content = [{"type": "text", "text": "the thing"}, {"type": "image", "source": source}]
    prompt = {"model": "tiny", "messages": [{"role": "user", "content": content}]}
    answer = server.json("v1/messages", {**prompt, "temperature": 0, "max_tokens": 8})
    assert answer["content"][0]["text"] == said(server, 1)
    counted = server.json("v1/messages/count_tokens", prompt)
    usage = answer["usage"]
    read = usage["input_tokens"] + (usage.get("cache_read_input_tokens") or 0)
    assert counted["input_tokens"] == read


def test_the_plain_route_and_tokenize_take_images(server: LiveServer) -> None:
    assert server.json("api/chat", chat(1))["message"]["content"] == said(server, 1)
    tokens = server.json(
        "v1/tokenize", {"model": "tiny", "messages": chat(1)["messages"], "with_pieces": True}
    )
    assert tokens["tokens"].count({"id": -1, "piece": ""}) == NUM_TOKENS["mlp"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (chat(1, model="guide"), "messages[0].content[1]"),
        (chat(1, 2, 1, 2), "messages[0].content[4]"),
    ],
)
def test_what_cannot_be_seen_is_named(server: LiveServer, body: dict[str, Any], param: str) -> None:
    for stream in (False, True):
        with server.open("v1/chat/completions", {**body, "stream": stream}) as response:
            assert response.status == 400
    assert server.json("v1/chat/completions", body)["error"]["param"] == param


@pytest.mark.parametrize("data", [b"\x89PNG", png(1)[:60], png(1)[:-400], png(1)[:200]])
def test_a_damaged_image_is_a_bad_request(server: LiveServer, data: bytes) -> None:
    body = chat(1)
    damaged = f"data:image/png;base64,{b64encode(data).decode()}"
    body["messages"][0]["content"][1]["image_url"]["url"] = damaged
    with server.open("v1/chat/completions", body) as response:
        assert response.status == 400
    assert server.json("v1/chat/completions", body)["error"]["param"] == "messages[0].content[1]"
    assert said(server, 1)


def test_a_url_of_a_host_that_is_not_allowed_is_refused(server: LiveServer) -> None:
    source = {"type": "url", "url": f"{server.url}/v1/models"}
    content = [{"type": "image", "source": source}]
    body = {"model": "tiny", "max_tokens": 3, "messages": [{"role": "user", "content": content}]}
    answer = server.json("v1/messages", body)
    assert answer["type"] == "error"
    assert "allowed_media_hosts" in answer["error"]["message"]
