"""Render a conversation with a model's own chat template, in a sandbox.

Templates come with model files, from anybody. The conventions (names in scope,
filters, whitespace) are those of Hugging Face's `apply_chat_template`, which
template authors write for:
https://huggingface.co/docs/transformers/main/en/chat_templating
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import Message


class ChatTemplate:
    """A compiled chat template.

    Raises:
        ModelFileError: The template is not valid Jinja.
    """

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        try:
            self._template = _environment().from_string(source)
        except TemplateSyntaxError as error:
            raise ModelFileError(
                f"the model's chat template does not compile: {error.message}"
            ) from error

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt that asks for the assistant's next turn.

        Raises:
            InvalidRequestError: The template refuses these messages, or fails on them.
        """
        try:
            return self._template.render(
                messages=[_as_dict(message) for message in messages],
                add_generation_prompt=True,
                **self._tokens,
            )
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise InvalidRequestError(
                f"the model's chat template does not take these messages: {error}",
                param="messages",
            ) from error


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _as_dict(message: Message) -> dict[str, Any]:
    fields = {"role": message.role, "content": message.content}
    return fields if message.name is None else fields | {"name": message.name}


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    """JSON as it is; Jinja's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)
