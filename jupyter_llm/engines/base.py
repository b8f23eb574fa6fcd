"""The contract between the manager and whatever runs a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable

from jupyter_llm.errors import EngineDiedError, InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Ranking,
    RerankRequest,
    TokenChunk,
    TokenizeRequest,
    TokenList,
)

OnProgress = Callable[[float], None]
"""Called on the event loop with the part of a load that is done, 0 to 1."""


class Engine(ABC):
    """One model in memory.

    An engine is loaded once, serves any number of requests at a time, and is
    unloaded once; a second model takes a second engine. All methods are called
    from one event loop and none of them blocks it.
    """

    name: str

    @property
    def can_sleep(self) -> bool:
        """Whether what is loaded can leave its device and come back faster than by a load."""
        return False

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """What `load` with these arguments would take, found without taking it.

        Zero means that nothing is known: then nobody can say beforehand whether
        the model fits. Raises what `load` would raise for a file or an option.
        """
        del model, options
        return MemoryUse()

    @abstractmethod
    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Bring `model` into memory; returns what it takes there.

        Cancelling the call stops the load and gives its memory back.

        Raises:
            ModelFileError: The file is damaged or of an unknown kind.
            InvalidRequestError: An option cannot be honoured; `param` names it.
            ModelLoadError: Loading failed for another reason.
        """

    @abstractmethod
    def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream the answer; the last chunk alone has finish reason, usage and timings.

        Closing the generator cancels the request within one step of the engine,
        also while its prompt is being read.

        Raises:
            ContextLengthError: The prompt leaves no room in the context.
            InvalidRequestError: A value cannot be honoured; `param` names it.
            EngineDiedError: The engine stopped before the answer was complete.
        """

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors of texts; cancelling the call takes what is left of them back.

        Raises:
            ContextLengthError: A text is longer than the model reads; `param` names it.
            InvalidRequestError: A value cannot be honoured; `param` names it.
            EngineDiedError: The engine stopped before the vectors were complete.
        """
        raise _lacking("give embeddings", request.model_id)

    async def rerank(self, request: RerankRequest) -> Ranking:
        """How relevant documents are to a query. Raises what `embed` raises."""
        raise _lacking("rank documents", request.model_id)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """The tokens of a prompt, however long it is.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        raise _lacking("show its tokens", request.request.model_id)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """The text of tokens.

        Raises:
            InvalidRequestError: There is no such token; `param` is `tokens`.
        """
        raise _lacking("show its tokens", request.model_id)

    async def sleep(self) -> None:
        """Give back what the device holds; returns once that is free.

        Until `wake` only the weights are kept, in the machine's own memory, and nothing is
        answered. Called where `can_sleep` is true and no request runs.

        Raises:
            EngineDiedError: It did not, and has to be unloaded.
        """
        raise EngineDiedError(f"The engine {self.name} cannot sleep.")

    async def wake(self) -> None:
        """Serve again, with all that `load` took.

        Raises:
            EngineDiedError: It did not, and has to be unloaded.
        """
        raise EngineDiedError(f"The engine {self.name} cannot sleep.")

    @abstractmethod
    async def unload(self) -> None:
        """Give the memory back; returns once it is measurably free.

        Requests still running end with `EngineDiedError`. Safe to call twice.
        """

    @abstractmethod
    def stats(self) -> EngineStats:
        """A snapshot, cheap enough to take for every metrics scrape."""

    @abstractmethod
    async def died(self) -> EngineDiedError:
        """Wait until this engine can serve no more, and say why.

        Never returns for an engine that is healthy or was unloaded on purpose.
        """


def _lacking(ability: str, model_id: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The engine of {model_id} does not {ability}. Choose another model.", param="model"
    )
