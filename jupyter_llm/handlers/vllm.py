"""`/api/v1/vllm/…`: prompts to inference services, and models that one could serve."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.engines.select import backends
from jupyter_llm.errors import InvalidRequestError, OverloadedError, ServiceNotFoundError
from jupyter_llm.services.calls import Calls, ready_replicas

from .base import LLMHandler
from .generation import GenerationHandler
from .services import viewer
from .wire.completion_request import completion_call
from .wire.downloads import search_limit
from .wire.services import service_body
from .wire.vllm import (
    PromptReply,
    as_chat,
    available_body,
    found_body,
    info_body,
    merged_metrics,
    prompt_call,
    served_models,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from jupyter_llm.types import GenerationRequest, Service, TokenChunk

_NO_TEMPLATE = "chat template"
"""What servers say of a model that has none, and so cannot chat."""

_AGAIN_S = 2.0
_TEXT_GENERATION = "text-generation"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def _inference(handler: LLMHandler, service_id: str) -> Service:
    """A service of this caller that models run in.

    Raises:
        ServiceNotFoundError: There is none.
    """
    service = await handler.context.services.get(service_id, viewer(handler))
    if service.kind != "inference":
        raise ServiceNotFoundError(
            f"The service {service.id} runs {service.recipe}, which serves no models.", param="id"
        )
    return service


class AvailableModelsHandler(LLMHandler):
    """`GET /api/v1/vllm/available-models`."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Architectures that vLLM serves, and a model of each."""
        self.finish(available_body())


class SearchModelsHandler(LLMHandler):
    """`GET /api/v1/vllm/search-models?query=…`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Models of the Hub that generate text, the most downloaded first."""
        query = self.get_query_argument("query", "")
        limit = search_limit(self.get_query_argument("limit", "10"))
        found = await self.context.puller.search_kind(query, limit, _TEXT_GENERATION)
        self.finish(found_body(query, found))


class ModelInfoHandler(LLMHandler):
    """`GET /api/v1/vllm/model-info/{org}/{name}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, repo_id: str) -> None:
        """Architecture and size of a model, what could run it, and whether that fits here."""
        repo, weights, fit = await self.context.puller.facts(repo_id)
        engines = await asyncio.to_thread(backends)
        self.finish(info_body(repo, weights, fit, [(one.name, one.formats) for one in engines]))


class InferenceServicesHandler(LLMHandler):
    """`GET /api/v1/vllm/services`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """The caller's services that run models now, with their endpoints."""
        found = await self.context.services.all(viewer(self))
        running = [one for one in found if one.kind == "inference" and one.state == "running"]
        self.finish({"services": [self._described(one) for one in running]})

    def _described(self, service: Service) -> dict[str, object]:
        endpoints = [f"http://{one.host}:{one.port}{one.base_path}" for one in service.replicas]
        model_id = self.context.service_models.model_id_of(service.id)
        return {**service_body(service), "endpoints": endpoints, "model_id": model_id}


class ServedModelsHandler(LLMHandler):
    """`GET /api/v1/vllm/{id}/models`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, service_id: str) -> None:
        """The models that a service can be asked for, by their names there."""
        service = await _inference(self, service_id)
        replica = ready_replicas(service)[0]
        listing = await Calls(self.context.services).get(service, replica, "/v1/models")
        self.finish({"service_id": service.id, "models": served_models(listing)})


class PromptHandler(GenerationHandler):
    """`POST /api/v1/vllm/{id}/prompt`."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self, service_id: str) -> None:
        """Have a service answer a prompt; of a group the replica whose turn it is."""
        service = await _inference(self, service_id)
        ready_replicas(service)
        model_id = self.context.service_models.model_id_of(service.id)
        if model_id is None:
            raise OverloadedError(
                f"The servers of {service.id} are not reached yet.", retry_after_s=_AGAIN_S
            )
        answer_id = f"prompt-{uuid4().hex}"
        call = await self.understood(completion_call, answer_id, self.context.defaults)
        await self.answer(prompt_call(call, service, model_id), partial(PromptReply, service))

    async def generated(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """The answer to the prompt as a chat, or to the text itself of a model that has none."""
        chat = as_chat(request)
        if chat is not None:
            try:
                async with aclosing(self.context.manager.generate(chat)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except InvalidRequestError as error:
                if _NO_TEMPLATE not in error.message:
                    raise
            else:
                return
        async with aclosing(self.context.manager.generate(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class ServiceMetricsHandler(LLMHandler):
    """`GET /api/v1/vllm/{id}/metrics`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, service_id: str) -> None:
        """What the servers of a service tell Prometheus, those of a group with their names."""
        service = await _inference(self, service_id)
        said = await Calls(self.context.services).all(service, ready_replicas(service), "/metrics")
        self.set_header("Content-Type", _METRICS_TYPE)
        self.finish(merged_metrics(said) if service.is_group else next(iter(said.values())))
