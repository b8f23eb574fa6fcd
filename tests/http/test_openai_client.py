from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from live import LiveServer

MESSAGES = [{"role": "user", "content": "Say it again, Sam"}]


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{live_server.url}/v1", api_key=live_server.token, max_retries=0
    ) as client:
        yield client


def test_chat_is_answered(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="echo", messages=MESSAGES)

    assert completion.choices[0].message.content == "Say it again, Sam"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens == 4
    assert completion.usage.completion_tokens == 4
    assert completion.usage.total_tokens == 8


def test_a_chat_stream_says_the_same_as_the_whole_answer(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="echo", messages=MESSAGES)
    with client.chat.completions.create(
        model="echo", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)

    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


def test_a_prompt_is_completed(client: openai.OpenAI) -> None:
    completion = client.completions.create(model="echo", prompt="one two", max_tokens=1)

    assert completion.choices[0].text == "one"
    assert completion.choices[0].finish_reason == "length"


def test_a_wrong_key_is_an_authentication_error(live_server: LiveServer) -> None:
    with (
        openai.OpenAI(base_url=f"{live_server.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="key create"),
    ):
        client.chat.completions.create(model="echo", messages=MESSAGES)
