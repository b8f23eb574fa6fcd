"""The values that travel between the layers.

Every value is frozen and keyword-only; a name carries its unit (`_bytes`, `_s`,
`num_`). Storage, identity and behaviour live elsewhere.
"""

from jupyter_llm.types.constraint import Constraint, ConstraintKind
from jupyter_llm.types.conversation import Image, Message, Tool, Toolbox, ToolCall, ToolChoice
from jupyter_llm.types.download import Download, DownloadState
from jupyter_llm.types.embedding import (
    EmbeddingRequest,
    Embeddings,
    Ranking,
    RerankRequest,
)
from jupyter_llm.types.generation import (
    FinishReason,
    GenerationRequest,
    Relayed,
    SamplingParams,
    Timings,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from jupyter_llm.types.memory import Device, MemoryUse, Suggestion
from jupyter_llm.types.model import (
    Adapter,
    EngineStats,
    Fit,
    ListedModel,
    LoadOptions,
    Model,
    ModelSettings,
    ModelSource,
    ModelState,
    ModelStatus,
    ModelUsage,
    RemovedModel,
)
from jupyter_llm.types.service import Replica, Service, ServiceKind, ServiceState
from jupyter_llm.types.sharing import QueuePosition
from jupyter_llm.types.tokens import DetokenizeRequest, TokenizeRequest, TokenList
from jupyter_llm.types.usage import FinishedRequest, UsageSums, sums_of
from jupyter_llm.types.vectors import Collection, Distance, FoundPoint, VectorQuery

__all__ = [
    "Adapter",
    "Collection",
    "Constraint",
    "ConstraintKind",
    "DetokenizeRequest",
    "Device",
    "Distance",
    "Download",
    "DownloadState",
    "EmbeddingRequest",
    "Embeddings",
    "EngineStats",
    "FinishReason",
    "FinishedRequest",
    "Fit",
    "FoundPoint",
    "GenerationRequest",
    "Image",
    "ListedModel",
    "LoadOptions",
    "MemoryUse",
    "Message",
    "Model",
    "ModelSettings",
    "ModelSource",
    "ModelState",
    "ModelStatus",
    "ModelUsage",
    "QueuePosition",
    "Ranking",
    "Relayed",
    "RemovedModel",
    "Replica",
    "RerankRequest",
    "SamplingParams",
    "Service",
    "ServiceKind",
    "ServiceState",
    "Suggestion",
    "Timings",
    "TokenAlternative",
    "TokenChunk",
    "TokenList",
    "TokenLogprob",
    "TokenizeRequest",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "Toolbox",
    "Usage",
    "UsageSums",
    "VectorQuery",
    "sums_of",
]
