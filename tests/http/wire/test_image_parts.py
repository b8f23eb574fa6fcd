"""Images in the bodies of the three APIs, and where they end up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.chat_request import chat_call
from jupyter_llm.handlers.wire.messages.request import messages_call
from jupyter_llm.handlers.wire.responses.request import asked_of, responses_call
from jupyter_llm.handlers.wire.responses.stored import stored_form
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.types import Image, Message

DEFAULTS = SamplingDefaults()
URL = "data:image/png;base64,AAAA"


def of_chat(*messages: dict[str, Any]) -> tuple[Message, ...]:
    body = json.dumps({"messages": messages}).encode()
    return chat_call(body, "1", DEFAULTS).request.messages or ()


def of_responses(*items: dict[str, Any]) -> tuple[Message, ...]:
    asked = asked_of(json.dumps({"input": items}).encode())
    return responses_call(asked, (), "1", DEFAULTS).request.messages or ()


def of_messages(*messages: dict[str, Any]) -> tuple[Message, ...]:
    body = json.dumps({"max_tokens": 1, "messages": messages}).encode()
    return messages_call(body, "1", DEFAULTS).request.messages or ()


def test_parts_of_a_chat_keep_their_order() -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "detail": "high"}}
    text = {"type": "text", "text": "abc"}
    [message] = of_chat({"role": "user", "content": [part, text, part, text]})

    assert message.content == "abcabc"
    assert message.images == (
        Image(param="messages[0].content[0]", offset=0, url=URL),
        Image(param="messages[0].content[2]", offset=3, url=URL),
    )


def test_parts_of_a_response_keep_their_order() -> None:
    part = {"type": "input_image", "image_url": URL, "detail": "original"}
    content = [{"type": "input_text", "text": "ab"}, part]
    [_, message] = of_responses(
        {"role": "user", "content": "Hi"}, {"role": "user", "content": content}
    )

    assert message.content == "ab"
    assert message.images == (Image(param="input[1].content[1]", offset=2, url=URL),)


def test_blocks_of_a_message_keep_their_order() -> None:
    here = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    there = {"type": "url", "url": "https://example.org/a.png"}
    [message] = of_messages(
        {"role": "user", "content": [{"type": "text", "text": "ab"}]},
        {
            "role": "user",
            "content": [
                {"type": "image", "source": here},
                {"type": "text", "text": "c"},
                {"type": "image", "source": there, "cache_control": {"type": "ephemeral"}},
            ],
        },
    )

    assert message.content == "ab\nc"
    assert message.images == (
        Image(param="messages[1].content[0]", offset=2, url=URL),
        Image(param="messages[1].content[2]", offset=4, url="https://example.org/a.png"),
    )


def test_an_image_item_is_stored_as_openai_lists_it() -> None:
    content = [{"type": "input_image", "image_url": URL}]
    asked = asked_of(json.dumps({"input": [{"role": "user", "content": content}]}).encode())
    [part] = stored_form(asked.items[0])["content"]
    assert part == {"type": "input_image", "image_url": URL, "detail": "auto", "file_id": None}


IMAGE_URL = {"type": "image_url", "image_url": {"url": URL}}
INPUT_IMAGE = {"type": "input_image", "image_url": URL}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}


@pytest.mark.parametrize(
    ("read", "message", "param"),
    [
        (of_chat, {"role": "system", "content": [IMAGE_URL]}, "messages[0].content[0].type"),
        (of_chat, {"role": "assistant", "content": [IMAGE_URL]}, "messages[0].content[0].type"),
        (
            of_chat,
            {"role": "user", "content": [{"type": "image_url", "image_url": URL}]},
            "messages[0].content[0].image_url",
        ),
        (
            of_chat,
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            of_chat,
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
            "messages[0].content[0].type",
        ),
        (of_responses, {"role": "developer", "content": [INPUT_IMAGE]}, "input[0].content[0]"),
        (of_responses, {"role": "assistant", "content": [INPUT_IMAGE]}, "input[0].content[0]"),
        (
            of_responses,
            {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]},
            "input[0].content[0].file_id",
        ),
        (
            of_messages,
            {"role": "assistant", "content": [{"type": "image", "source": SOURCE}]},
            "messages[0].content[0].type",
        ),
        (
            of_messages,
            {"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]},
            "messages[0].content[0].source.type",
        ),
        (
            of_messages,
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {**SOURCE, "media_type": "image/tiff"}},
                ],
            },
            "messages[0].content[0].source.media_type",
        ),
    ],
)
def test_what_cannot_be_an_image_is_named(read: Any, message: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(message)
    assert caught.value.param == param
