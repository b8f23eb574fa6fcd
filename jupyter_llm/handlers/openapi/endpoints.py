"""The table of endpoints: a new route says here what it takes and what it answers.

Everything else of the description comes from the route table, the handlers' docstrings and
their decorators. A test fails when a verb of a route is missing here, or the other way round.
"""

from __future__ import annotations

from http import HTTPStatus

from jupyter_llm.handlers.wire.admin import SettingsBody
from jupyter_llm.handlers.wire.chat_request import ChatBody
from jupyter_llm.handlers.wire.completion_request import CompletionBody
from jupyter_llm.handlers.wire.downloads import DownloadBody
from jupyter_llm.handlers.wire.embedding import EmbeddingBody
from jupyter_llm.handlers.wire.extraction import ExtractBody
from jupyter_llm.handlers.wire.keys import KeyBody
from jupyter_llm.handlers.wire.load_request import LoadBody, SwitchBody, UnloadBody
from jupyter_llm.handlers.wire.messages.request import MessagesBody, PromptBody
from jupyter_llm.handlers.wire.rerank import RerankBody
from jupyter_llm.handlers.wire.responses.request import ResponsesBody
from jupyter_llm.handlers.wire.tokens import DetokenizeBody, TokenizeBody
from jupyter_llm.types import Download

from . import answers
from .endpoint import EVERYWHERE, GENERATES, HUB, LOADS, NAMED, REGISTRY, Endpoint, Parameter

_HELLO = [{"role": "user", "content": "What can you do?"}]
_GUIDE = {"model": "guide"}
_MODEL = "openai.types:Model"
_ANTHROPIC_ERRORS = dict.fromkeys(EVERYWHERE | GENERATES, answers.AnthropicErrorBody)
_RESPONSE = "openai.types.responses:Response"
_RESPONSE_EVENTS = tuple(
    f"openai.types.responses:Response{name}Event"
    for name in (
        "Created",
        "InProgress",
        "OutputItemAdded",
        "ContentPartAdded",
        "TextDelta",
        "TextDone",
        "ReasoningTextDelta",
        "ReasoningTextDone",
        "FunctionCallArgumentsDelta",
        "FunctionCallArgumentsDone",
        "ContentPartDone",
        "OutputItemDone",
        "Completed",
        "Incomplete",
        "Failed",
    )
)

ENDPOINTS: dict[str, Endpoint] = {
    "POST /v1/chat/completions": Endpoint(
        body=ChatBody,
        example={**_GUIDE, "messages": _HELLO, "max_tokens": 50},
        answer="openai.types.chat:ChatCompletion",
        events="openai.types.chat:ChatCompletionChunk",
        errors=GENERATES,
    ),
    "POST /v1/completions": Endpoint(
        body=CompletionBody,
        example={**_GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        answer="openai.types:Completion",
        events="openai.types:Completion",
        errors=GENERATES,
    ),
    "POST /v1/embeddings": Endpoint(
        body=EmbeddingBody,
        example={**_GUIDE, "input": ["How do I load a model?", "Who are you?"]},
        answer=answers.EmbeddingList,
        errors=GENERATES,
    ),
    "POST /v1/rerank": Endpoint(
        body=RerankBody,
        example={
            "model": "bge-reranker-v2-m3",
            "query": "What is a panda?",
            "documents": ["A bear that eats bamboo.", "A kind of bread."],
            "top_n": 1,
        },
        answer=answers.RankedDocuments,
        errors=GENERATES,
    ),
    "POST /v1/tokenize": Endpoint(
        body=TokenizeBody,
        example={**_GUIDE, "text": "What can you do?"},
        answer=answers.Tokens,
        errors=GENERATES,
    ),
    "POST /v1/detokenize": Endpoint(
        body=DetokenizeBody,
        example={**_GUIDE, "tokens": [300, 301]},
        answer=answers.Detokenized,
        errors=GENERATES,
    ),
    "POST /v1/messages": Endpoint(
        body=MessagesBody,
        example={**_GUIDE, "max_tokens": 50, "messages": _HELLO},
        answer=answers.AnthropicMessage,
        events=answers.AnthropicEvent,
        others=_ANTHROPIC_ERRORS,
    ),
    "POST /v1/messages/count_tokens": Endpoint(
        body=PromptBody,
        example={**_GUIDE, "messages": _HELLO},
        answer=answers.AnthropicTokenCount,
        others=_ANTHROPIC_ERRORS,
    ),
    "POST /v1/extract": Endpoint(
        body=ExtractBody,
        example={
            **_GUIDE,
            "text": "We introduce NuExtract 2.0.",
            "schema": {"type": "object", "properties": {"model_name": {"type": "string"}}},
            "max_tokens": 100,
        },
        answer=answers.Extraction,
        errors=GENERATES,
    ),
    "POST /api/generate": Endpoint(
        body=CompletionBody,
        example={**_GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        answer=answers.Generated,
        errors=GENERATES,
    ),
    "POST /api/generate/stream": Endpoint(
        body=CompletionBody,
        example={**_GUIDE, "prompt": "To load a model,", "max_tokens": 20},
        content_type="",
        events=answers.Generated,
        errors=GENERATES,
    ),
    "POST /api/chat": Endpoint(
        body=ChatBody,
        example={**_GUIDE, "messages": _HELLO},
        answer=answers.ChatAnswer,
        errors=GENERATES,
    ),
    "POST /api/chat/stream": Endpoint(
        body=ChatBody,
        example={**_GUIDE, "messages": _HELLO},
        content_type="",
        events=answers.ChatAnswer,
        errors=GENERATES,
    ),
    "POST /v1/responses": Endpoint(
        body=ResponsesBody,
        example={**_GUIDE, "input": "What can you do?", "max_output_tokens": 50},
        answer=_RESPONSE,
        events=_RESPONSE_EVENTS,
        errors=GENERATES | REGISTRY,
    ),
    "GET /v1/responses/{id}": Endpoint(answer=_RESPONSE, errors=NAMED | REGISTRY),
    "DELETE /v1/responses/{id}": Endpoint(answer=answers.DeletedResponse, errors=NAMED | REGISTRY),
    "GET /v1/responses/{id}/input_items": Endpoint(
        query=(
            Parameter(
                name="limit",
                description="how many to list",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            ),
            Parameter(
                name="order",
                description="whether the last one or the first one comes first",
                schema={"type": "string", "enum": ["desc", "asc"], "default": "desc"},
            ),
            Parameter(name="after", description="the id of the item before the page"),
        ),
        answer=answers.InputItems,
        errors=NAMED | REGISTRY,
    ),
    "POST /v1/responses/{id}/cancel": Endpoint(answer=_RESPONSE, errors=NAMED | REGISTRY),
    "GET /v1/streams/{id}": Endpoint(
        query=(
            Parameter(
                name="after",
                description="the id of the last event that came",
                schema={"type": "integer", "minimum": 0, "default": 0},
            ),
        ),
        events=("openai.types.chat:ChatCompletionChunk", "openai.types:Completion"),
        errors=NAMED | GENERATES,
    ),
    "DELETE /v1/streams/{id}": Endpoint(answer=answers.DeletedStream, errors=NAMED),
    "GET /v1/models": Endpoint(answer=answers.ModelList),
    "GET /v1/models/{id}": Endpoint(answer=_MODEL, errors=NAMED),
    "GET /models": Endpoint(answer=answers.Catalogue),
    "GET /api/llms": Endpoint(answer=answers.UsableModels),
    "GET /backends": Endpoint(answer=answers.Engines),
    "GET /vram": Endpoint(answer=answers.Memory),
    "POST /load": Endpoint(
        body=LoadBody,
        example=_GUIDE,
        answer=(answers.LoadedModel, answers.DownloadedModel),
        errors=LOADS | HUB,
    ),
    "POST /switch": Endpoint(
        body=SwitchBody,
        is_body_optional=True,
        example=_GUIDE,
        answer=answers.LoadedModel,
        errors=LOADS,
    ),
    "POST /reload": Endpoint(
        body=SwitchBody,
        is_body_optional=True,
        example=_GUIDE,
        answer=answers.LoadedModel,
        errors=LOADS,
    ),
    "POST /unload": Endpoint(
        body=UnloadBody,
        is_body_optional=True,
        example=_GUIDE,
        answer=answers.LoadedModel,
        errors=NAMED,
    ),
    "GET /api/admin/status": Endpoint(answer=answers.ServerStatus),
    "GET /api/admin/models": Endpoint(answer=answers.AdminModels),
    "GET /api/admin/models/{id}": Endpoint(answer=answers.AdminModel, errors=NAMED),
    "DELETE /api/admin/models/{id}": Endpoint(answer=answers.RemovedModel, errors=NAMED | REGISTRY),
    "POST /api/admin/models/{id}/load": Endpoint(
        body=LoadBody,
        is_body_optional=True,
        example={"context_length": 1024},
        answer=answers.LoadedModel,
        errors=LOADS,
    ),
    "POST /api/admin/models/{id}/unload": Endpoint(answer=answers.LoadedModel, errors=NAMED),
    "GET /api/admin/models/{id}/settings": Endpoint(
        answer=answers.SettingsAnswer, errors=NAMED | REGISTRY
    ),
    "POST /api/admin/models/{id}/settings": Endpoint(
        body=SettingsBody,
        example={"aliases": ["gpt-4o"], "keep_alive": "1h"},
        answer=answers.SettingsAnswer,
        errors=NAMED | REGISTRY,
    ),
    "DELETE /api/admin/models/{id}/settings": Endpoint(
        answer=answers.SettingsAnswer, errors=NAMED | REGISTRY
    ),
    "POST /api/admin/models/download": Endpoint(
        body=DownloadBody,
        example={"repo_id": "Qwen/Qwen3-0.6B-GGUF"},
        answer=Download,
        status=HTTPStatus.ACCEPTED,
        errors=HUB,
    ),
    "GET /api/admin/downloads": Endpoint(answer=answers.Downloads),
    "GET /api/admin/downloads/{id}": Endpoint(answer=Download, errors=NAMED),
    "DELETE /api/admin/downloads/{id}": Endpoint(answer=Download, errors=NAMED),
    "GET /api/admin/hub": Endpoint(
        query=(
            Parameter(name="search", description="words to look for"),
            Parameter(
                name="limit",
                description="how many to list",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
            ),
        ),
        answer=answers.HubRepositories,
        errors=HUB,
    ),
    "GET /api/admin/hub/{id}": Endpoint(answer=answers.HubFiles, errors=HUB),
    "GET /api/admin/keys": Endpoint(answer=answers.Keys),
    "POST /api/admin/keys": Endpoint(
        body=KeyBody,
        example={"name": "app", "scopes": ["read", "execute"], "tokens_per_day": 100_000},
        answer=answers.CreatedKey,
        status=HTTPStatus.CREATED,
    ),
    "DELETE /api/admin/keys/{id}": Endpoint(answer=answers.RevokedKey, errors=NAMED),
    "GET /ws": Endpoint(
        status=HTTPStatus.SWITCHING_PROTOCOLS,
        content_type="",
        errors=frozenset({HTTPStatus.UPGRADE_REQUIRED}),
    ),
    "GET /metrics": Endpoint(content_type="text/plain"),
    "GET /health": Endpoint(answer=answers.Health),
    "GET /api/health": Endpoint(answer=answers.DetailedHealth),
    "GET /health/live": Endpoint(answer=answers.Alive),
    "GET /health/ready": Endpoint(
        answer=answers.Readiness,
        others={HTTPStatus.SERVICE_UNAVAILABLE: answers.Readiness},
    ),
    "GET /openapi.json": Endpoint(answer=dict),
    "GET /swagger-ui": Endpoint(
        content_type="text/html", errors=frozenset({HTTPStatus.NOT_IMPLEMENTED})
    ),
    "GET /swagger-ui/{id}": Endpoint(
        content_type="*/*", errors=NAMED | {HTTPStatus.NOT_IMPLEMENTED}
    ),
}
