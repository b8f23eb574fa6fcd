"""The routes under `/api/v1/vllm`: prompts to services, and what could be served."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InvalidRequestError, UpstreamError
from jupyter_llm.services.architectures import EXAMPLES, is_served
from jupyter_llm.types import FinishReason, Message

from .downloads import repo_body
from .plain import plain_call, usage_body
from .reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jupyter_llm.library.hub.repo import HubRepo
    from jupyter_llm.library.hub.weights import Weights
    from jupyter_llm.types import Fit, GenerationRequest, Service, TokenChunk

    from .call import Call

DEFAULT_MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
"""What the recipes for vLLM serve where nothing is said."""

_VLLM = "vllm"


class _Listed(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Listed]


_LISTING = msgspec.json.Decoder(_Listing)


def prompt_call(call: Call, service: Service, model_id: str) -> Call:
    """A call as `/v1/completions` reads it, for the service whose model is `model_id` here.

    Raises:
        InvalidRequestError: It asks for what these answers cannot hold, or for another model.
    """
    if call.stream:
        raise InvalidRequestError(
            "This route does not stream. POST /v1/chat/completions does, with the same model.",
            param="stream",
        )
    if call.request.prompt is None:
        raise InvalidRequestError("'prompt' is one text here.", param="prompt")
    if call.request.model_id not in ("", model_id, service.model, service.name):
        raise InvalidRequestError(
            f"The service {service.id} serves {service.model or model_id}. Leave 'model' out.",
            param="model",
        )
    named = replace(call, request=replace(call.request, model_id=model_id))
    return plain_call(named, stream=False)


def as_chat(request: GenerationRequest) -> GenerationRequest | None:
    """The prompt as what a user says, unless it asks for what only a text has."""
    if request.echo or request.suffix is not None or request.prompt is None:
        return None
    said = Message(role="user", content=request.prompt)
    return replace(request, prompt=None, messages=(said,))


class PromptReply(Reply):
    """The whole answer of a service, with the replica that has given it."""

    def __init__(self, service: Service, *, request_id: str, model: str, **_frame: Any) -> None:
        self._service = service
        self._frame = {"id": request_id, "service_id": service.id, "model": model}

    def events(self, chunk: TokenChunk) -> bytes:
        """Nothing: this route does not stream."""
        del chunk
        return b""

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The complete answer."""
        last, service = chunks[-1], self._service
        reasoning = "".join(chunk.reasoning for chunk in chunks)
        body = {
            "success": True,
            **self._frame,
            "text": "".join(chunk.text for chunk in chunks),
            **({"reasoning_content": reasoning} if reasoning else {}),
            "finish_reason": (last.finish_reason or FinishReason.STOP).value,
            "routed_to": last.served_by,
            "group_id": service.id if service.is_group else None,
            "total_replicas": service.num_replicas,
            "usage": usage_body(last.usage) if last.usage else None,
        }
        return msgspec.json.encode(body)


def served_models(answer: bytes) -> list[str]:
    """The ids in an answer to `GET /v1/models`.

    Raises:
        UpstreamError: It is none.
    """
    try:
        return [one.id for one in _LISTING.decode(answer).data]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamError("The server answers with something else than its models.") from error


def available_body() -> dict[str, Any]:
    """What vLLM serves, with a model of each architecture to begin with."""
    return {
        "default_model": DEFAULT_MODEL,
        "supported_architectures": sorted(EXAMPLES),
        "examples": [
            {"architecture": name, "model": model} for name, model in sorted(EXAMPLES.items())
        ],
    }


def found_body(query: str, repos: Iterable[HubRepo]) -> dict[str, Any]:
    """What a search has found."""
    return {
        "query": query,
        "models": [{**repo_body(repo), "task": repo.task} for repo in repos],
    }


def info_body(
    repo: HubRepo, weights: Weights, fit: Fit, engines: Iterable[tuple[str, Sequence[str]]]
) -> dict[str, Any]:
    """A repository as somebody sees it who thinks of serving it; `engines` are with formats."""
    return {
        **repo_body(repo),
        "task": repo.task,
        "architectures": list(repo.architectures),
        "num_parameters": repo.num_parameters or None,
        "format": weights.format or None,
        "size_bytes": weights.size_bytes or None,
        "compatible_engines": _compatible(repo, weights, engines),
        "fits": fit,
    }


def merged_metrics(texts: Mapping[str, bytes]) -> str:
    """Prometheus' text of several servers as one, each sample with the label `replica`.

    The format wants all samples of a metric together, and its HELP and TYPE once
    (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
    """
    heads: dict[str, dict[str, str]] = {}
    samples: dict[str, list[str]] = {}
    for replica, text in texts.items():
        metric = ""
        for line in text.decode(errors="replace").splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                _, kind, metric, *_ = line.split(" ", 3)
                heads.setdefault(metric, {}).setdefault(kind, line)
            elif line and not line.startswith("#"):
                samples.setdefault(metric, []).append(_labelled(line, replica))
    lines = [
        line
        for metric, found in samples.items()
        for line in (*heads.get(metric, {}).values(), *found)
    ]
    return "\n".join(lines) + "\n"


def _labelled(sample: str, replica: str) -> str:
    name, _, rest = sample.partition(" ")
    metric, brace, _ = name.partition("{")
    label = f'{metric}{{replica="{replica}"'
    if not brace:
        return f"{label}}} {rest}"
    others = sample[len(metric) + 1 :]
    return f"{label}{others}" if others.startswith("}") else f"{label},{others}"


def _compatible(
    repo: HubRepo, weights: Weights, engines: Iterable[tuple[str, Sequence[str]]]
) -> list[str]:
    able = {name for name, formats in engines if weights.format in formats}
    is_vllms = weights.format in ("safetensors", "pytorch") and is_served(repo.architectures)
    return sorted((able - {_VLLM}) | ({_VLLM} if is_vllms else set()))
