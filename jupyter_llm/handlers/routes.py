"""The route table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .admin import (
    AdminModelHandler,
    AdminModelsHandler,
    AdminStatusHandler,
    ModelSettingsHandler,
)
from .admin_page import AdminAssetHandler, AdminPageHandler, AdminPageWithoutSlashHandler
from .catalogue import BackendsHandler, CatalogueHandler, LLMsHandler, VramHandler
from .chat_completions import ChatCompletionsHandler
from .completions import CompletionsHandler
from .description import DescriptionHandler, SwaggerAssetHandler, SwaggerUIHandler
from .downloads import (
    BeginDownloadHandler,
    DownloadHandler,
    DownloadsHandler,
    HubRepoHandler,
    HubSearchHandler,
)
from .events import EventsHandler
from .health import DetailedHealthHandler, HealthHandler, LiveHandler, ReadyHandler
from .keys import KeyHandler, KeysHandler
from .loading import (
    LoadHandler,
    NamedLoadHandler,
    NamedUnloadHandler,
    SwitchHandler,
    UnloadHandler,
)
from .messages import CountTokensHandler, MessagesHandler
from .metrics import MetricsHandler
from .models import ModelHandler, ModelsHandler
from .not_found import NotFoundHandler
from .plain import (
    ExtractHandler,
    PlainChatHandler,
    PlainChatStreamHandler,
    PlainGenerateHandler,
    PlainGenerateStreamHandler,
)
from .questions import DetokenizeHandler, EmbeddingsHandler, RerankHandler, TokenizeHandler
from .responses import (
    CancelResponseHandler,
    InputItemsHandler,
    ResponseHandler,
    ResponsesHandler,
)
from .resumption import StreamHandler
from .service_groups import GroupHandler, GroupsHandler, GroupStatusHandler
from .services import (
    RecipeHandler,
    RecipesHandler,
    ServiceHandler,
    ServiceLogsHandler,
    ServicesHandler,
    ServiceStatusHandler,
)
from .usage import (
    RecentRequestsHandler,
    UsageOfModelsHandler,
    UsageOfUsersHandler,
    UsageOverTimeHandler,
    UsageSummaryHandler,
)
from .vectors import (
    VectorCollectionHandler,
    VectorCollectionsHandler,
    VectorMetricsHandler,
    VectorPointsHandler,
    VectorSearchHandler,
)
from .vllm import (
    AvailableModelsHandler,
    InferenceServicesHandler,
    ModelInfoHandler,
    PromptHandler,
    SearchModelsHandler,
    ServedModelsHandler,
    ServiceMetricsHandler,
)

if TYPE_CHECKING:
    from .base import LLMHandler
    from .context import Context

ROUTES: tuple[tuple[str, type[LLMHandler]], ...] = (
    ("v1/chat/completions", ChatCompletionsHandler),
    ("v1/completions", CompletionsHandler),
    ("v1/messages", MessagesHandler),
    ("v1/messages/count_tokens", CountTokensHandler),
    ("v1/embeddings", EmbeddingsHandler),
    ("v1/rerank", RerankHandler),
    ("v1/tokenize", TokenizeHandler),
    ("v1/detokenize", DetokenizeHandler),
    ("v1/extract", ExtractHandler),
    ("api/generate", PlainGenerateHandler),
    ("api/generate/stream", PlainGenerateStreamHandler),
    ("api/chat", PlainChatHandler),
    ("api/chat/stream", PlainChatStreamHandler),
    ("v1/responses", ResponsesHandler),
    ("v1/responses/(.+)/input_items", InputItemsHandler),
    ("v1/responses/(.+)/cancel", CancelResponseHandler),
    ("v1/responses/(.+)", ResponseHandler),
    ("v1/streams/(.+)", StreamHandler),
    ("v1/models", ModelsHandler),
    ("v1/models/(.+)", ModelHandler),
    ("models", CatalogueHandler),
    ("api/llms", LLMsHandler),
    ("backends", BackendsHandler),
    ("load", LoadHandler),
    ("unload", UnloadHandler),
    ("switch", SwitchHandler),
    ("reload", SwitchHandler),
    ("api/admin/status", AdminStatusHandler),
    ("api/admin/models", AdminModelsHandler),
    ("api/admin/models/download", BeginDownloadHandler),
    ("api/admin/models/(.+)/load", NamedLoadHandler),
    ("api/admin/models/(.+)/unload", NamedUnloadHandler),
    ("api/admin/models/(.+)/settings", ModelSettingsHandler),
    ("api/admin/models/(.+)", AdminModelHandler),
    ("api/admin/downloads", DownloadsHandler),
    ("api/admin/downloads/(.+)", DownloadHandler),
    ("api/admin/hub", HubSearchHandler),
    ("api/admin/hub/(.+)", HubRepoHandler),
    ("api/v1/vllm/available-models", AvailableModelsHandler),
    ("api/v1/vllm/search-models", SearchModelsHandler),
    ("api/v1/vllm/model-info/(.+)", ModelInfoHandler),
    ("api/v1/vllm/services", InferenceServicesHandler),
    ("api/v1/vllm/(.+)/models", ServedModelsHandler),
    ("api/v1/vllm/(.+)/prompt", PromptHandler),
    ("api/v1/vllm/(.+)/metrics", ServiceMetricsHandler),
    ("api/v1/recipes", RecipesHandler),
    ("api/v1/recipes/(.+)", RecipeHandler),
    ("api/v1/services", ServicesHandler),
    ("api/v1/services/(.+)/status", ServiceStatusHandler),
    ("api/v1/services/(.+)/logs", ServiceLogsHandler),
    ("api/v1/services/(.+)", ServiceHandler),
    ("api/v1/service-groups", GroupsHandler),
    ("api/v1/service-groups/(.+)/status", GroupStatusHandler),
    ("api/v1/service-groups/(.+)", GroupHandler),
    ("openapi.json", DescriptionHandler),
    ("swagger-ui", SwaggerUIHandler),
    ("swagger-ui/(.+)", SwaggerAssetHandler),
    ("admin", AdminPageWithoutSlashHandler),
    ("admin/", AdminPageHandler),
    ("admin/(.+)", AdminAssetHandler),
    ("api/admin/metrics/summary", UsageSummaryHandler),
    ("api/admin/metrics/models", UsageOfModelsHandler),
    ("api/admin/metrics/users", UsageOfUsersHandler),
    ("api/admin/metrics/timeseries", UsageOverTimeHandler),
    ("api/admin/metrics/requests", RecentRequestsHandler),
    ("api/admin/keys", KeysHandler),
    ("api/admin/keys/(.+)", KeyHandler),
    ("api/v1/vector-db/(.+)/collections/(.+)/points/search", VectorSearchHandler),
    ("api/v1/vector-db/(.+)/collections/(.+)/points", VectorPointsHandler),
    ("api/v1/vector-db/(.+)/collections/(.+)", VectorCollectionHandler),
    ("api/v1/vector-db/(.+)/collections", VectorCollectionsHandler),
    ("api/v1/vector-db/(.+)/metrics", VectorMetricsHandler),
    ("ws", EventsHandler),
    ("metrics", MetricsHandler),
    ("vram", VramHandler),
    ("health", HealthHandler),
    ("api/health", DetailedHealthHandler),
    ("health/live", LiveHandler),
    ("health/ready", ReadyHandler),
    ("(.*)", NotFoundHandler),
)


def routes(context: Context) -> list[tuple[str, type[LLMHandler], dict[str, Any]]]:
    """Every route, its path relative to the server's base URL."""
    return [(f"/llm/{path}", handler, {"context": context}) for path, handler in ROUTES]
