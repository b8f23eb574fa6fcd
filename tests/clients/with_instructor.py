"""Instructor around OpenAI's client."""

from __future__ import annotations

from typing import Any

import instructor
import openai
from abilities import KEY, MESSAGES, MODEL, URL, Order, show

inner = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
ASKED: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "temperature": 0, "max_retries": 0}


def client(mode: instructor.Mode) -> Any:
    return instructor.from_openai(inner, mode=mode)


def chat() -> Any:
    answer = client(instructor.Mode.TOOLS).create(response_model=None, **ASKED)
    return answer.choices[0].message.content


def stream() -> Any:
    *_, last = client(instructor.Mode.JSON_SCHEMA).create_partial(response_model=Order, **ASKED)
    return Order.model_validate(last.model_dump()).model_dump()


def tools() -> Any:
    return client(instructor.Mode.TOOLS).create(response_model=Order, **ASKED).model_dump()


def structured() -> Any:
    return client(instructor.Mode.JSON_SCHEMA).create(response_model=Order, **ASKED).model_dump()


show(chat=chat, stream=stream, tools=tools, structured=structured)
