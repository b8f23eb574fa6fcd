"""A request of ours in the words of OpenAI's API."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.chat.image_header import image_header
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import ConstraintKind, ToolChoice

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.settings import Dialect
    from jupyter_llm.types import Constraint, GenerationRequest, Image, Message, Toolbox

_OWN_NAMES = {
    "jupyter-llm": {"repeat_penalty": "repeat_penalty"},
    "vllm": {"repeat_penalty": "repetition_penalty"},
}


def route_of(request: GenerationRequest) -> str:
    """The path that a request goes to."""
    return "chat/completions" if request.messages is not None else "completions"


def body_of(request: GenerationRequest, name: str, dialect: Dialect) -> bytes:
    """The body for a service where the model is called `name`; always a stream.

    Raises:
        InvalidRequestError: The service has no words for it; `param` names the field.
    """
    return msgspec.json.encode(
        {
            "model": name,
            "stream": True,
            "stream_options": {"include_usage": True},
            **(_chat(request, dialect) if request.messages is not None else _completion(request)),
            **_sampling(request, dialect),
            **_form(request.constraint, dialect),
        }
    )


def _chat(request: GenerationRequest, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [_message(message) for message in request.messages or ()],
        **_tools(request.toolbox),
    }
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    if request.sampling.num_top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.sampling.num_top_logprobs}
    own = {
        "reasoning_budget": request.reasoning_budget,
        "chat_template_kwargs": dict(request.template_arguments) or None,
    }
    for param, value in own.items():
        if value is not None:
            _check_known(param, dialect)
            body[param] = value
    return body


def _completion(request: GenerationRequest) -> dict[str, Any]:
    prompt = request.prompt if request.prompt is not None else list(request.prompt_tokens or ())
    body: dict[str, Any] = {"prompt": prompt}
    if request.echo:
        body["echo"] = True
    if request.suffix is not None:
        body["suffix"] = request.suffix
    if request.sampling.num_top_logprobs is not None:
        body["logprobs"] = request.sampling.num_top_logprobs
    return body


def _message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        body["content"] = _parts(message)
    if message.role == "tool":
        body["tool_call_id"] = message.tool_call_id
    elif message.name:
        body["name"] = message.name
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
        body["content"] = message.content or None
    return body


def _parts(message: Message) -> list[dict[str, Any]]:
    """Text and images in their order."""
    parts: list[dict[str, Any]] = []
    begin = 0
    for image in message.images:
        if text := message.content[begin : image.offset]:
            parts.append({"type": "text", "text": text})
        begin = image.offset
        parts.append({"type": "image_url", "image_url": {"url": _data_url(image)}})
    if text := message.content[begin:]:
        parts.append({"type": "text", "text": text})
    return parts


def _data_url(image: Image) -> str:
    if not image.data:
        return image.url
    header = image_header(image.data)
    kind = header.kind.lower() if header else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image.data).decode('ascii')}"


def _tools(toolbox: Toolbox) -> dict[str, Any]:
    if not toolbox.tools:
        return {}
    choice: Any = toolbox.choice.value
    if toolbox.choice is ToolChoice.REQUIRED and toolbox.name:
        choice = {"type": "function", "function": {"name": toolbox.name}}
    return {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    **({"description": tool.description} if tool.description else {}),
                    "parameters": msgspec.Raw(tool.parameters.encode()),
                    **({"strict": True} if tool.is_strict else {}),
                },
            }
            for tool in toolbox.tools
        ],
        "tool_choice": choice,
        **({} if toolbox.is_parallel else {"parallel_tool_calls": False}),
    }


def _sampling(request: GenerationRequest, dialect: Dialect) -> dict[str, Any]:
    sampling = request.sampling
    optional: dict[str, Any] = {
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop) or None,
        "presence_penalty": sampling.presence_penalty or None,
        "frequency_penalty": sampling.frequency_penalty or None,
        "logit_bias": {str(token): bias for token, bias in sampling.logit_bias} or None,
        # this server gives every request a top_k, for which OpenAI's API has no word
        "top_k": sampling.top_k or None if dialect != "openai" else None,
        **_beyond(request, dialect),
    }
    given = {name: value for name, value in optional.items() if value is not None}
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, **given}


def _beyond(request: GenerationRequest, dialect: Dialect) -> dict[str, Any]:
    """What OpenAI's API has no words for, and somebody has asked for."""
    sampling = request.sampling
    wanted: dict[str, Any] = {}
    if sampling.min_p:
        wanted["min_p"] = sampling.min_p
    if sampling.repeat_penalty != 1:
        wanted["repeat_penalty"] = sampling.repeat_penalty
    if sampling.ignore_eos:
        wanted["ignore_eos"] = True
    for param in wanted:
        _check_known(param, dialect)
    names = _OWN_NAMES.get(dialect, {})
    return {names.get(param, param): value for param, value in wanted.items()}


def _form(constraint: Constraint | None, dialect: Dialect) -> dict[str, Any]:
    if constraint is None:
        return {}
    if constraint.kind is ConstraintKind.JSON_OBJECT:
        return {"response_format": {"type": "json_object"}}
    if constraint.kind is ConstraintKind.JSON_SCHEMA:
        schema = msgspec.Raw(constraint.text.encode())
        named = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    _check_known(constraint.param, dialect)
    if dialect == "vllm":
        return {"structured_outputs": _form_field(constraint, constraint.text)}
    grammar = {"syntax": constraint.kind.value, "definition": constraint.text}
    return _form_field(constraint, grammar)


def _form_field(constraint: Constraint, grammar: object) -> dict[str, Any]:
    match constraint.kind:
        case ConstraintKind.REGEX:
            return {"regex": constraint.text}
        case ConstraintKind.CHOICE:
            return {"choice": msgspec.Raw(constraint.text.encode())}
        case _:
            return {"grammar": grammar}


def _check_known(param: str, dialect: Dialect) -> None:
    if dialect == "openai":
        raise InvalidRequestError(
            f"The service of this model has no word for '{param}'. Leave it out, or choose "
            "another model.",
            param=param,
        )
