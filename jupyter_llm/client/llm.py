"""Language models from Python: `from jupyter_llm import llm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .answer import Answer
from .answer_stream import AnswerStream
from .cache import AnswerCache
from .conversation import Conversation
from .indexing import Indexing
from .kept import ask_once
from .llm_async import AsyncMethods
from .reply import Reply
from .vector_requests import LOCAL, search
from .vectors import Vectors
from .work import Work, embedding, extraction

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from jupyter_llm.types import ModelStatus

    from .chat_request import Messages
    from .search_results import SearchResults
    from .stream import ChatDelta


class LLM(AsyncMethods):
    """The models of a notebook server.

        from jupyter_llm import llm

        llm.chat("Why is the sky blue?")

    A notebook needs no settings. Elsewhere:

        from jupyter_llm import LLM

        llm = LLM("http://localhost:8888/llm", "the server's token or a key")

    Args:
        url: Where the server is; by default it is looked for when it is first needed.
        api_key: Its token, or a key of this extension.
        defaults: `model`, `temperature` and other options for every chat and every map.

    Methods take `model` (id, alias or path; the server's default model if left out) and raise
    `LLMError`s. An interrupt, or the cancelling of a task, stops the model.
    """

    @overload
    def chat(self, messages: Messages, *, n: None = None, **options: Any) -> Answer: ...

    @overload
    def chat(self, messages: Messages, *, n: int, **options: Any) -> list[Answer]: ...

    def chat(self, messages: Messages, **options: Any) -> Answer | list[Answer]:
        """Ask, and wait for the answer; with `n`, for a list of so many.

        Args:
            messages: A question, or the turns of a conversation as dicts with `role` and
                `content`, which may be a list of texts and pictures.
            options: `system` (what the model is told first), `schema` (the type that
                `answer.value` gets: a pydantic model, dataclass, `list[str]`, …), `tools`
                (Python functions, called until there is an answer, in at most `max_rounds`
                rounds), `images` (paths, figures, arrays), `cache=True` (the answer that this
                question had before, from the disk, or this one kept), and the fields of
                `/v1/chat/completions`: `model`, `temperature`, `max_tokens`, `seed`, `stop`, …

        Raises:
            AnswerFormatError: The answer is not of the type `schema`.
        """
        if work := self._several(messages, options):
            return self.client.do(work)
        return self.stream(messages, **options).answer

    def stream(
        self,
        messages: Messages,
        *,
        cache: bool = False,
        on_answer: Callable[[Answer], None] | None = None,
        **options: Any,
    ) -> AnswerStream:
        """Ask, and get the text in pieces as it comes; takes what `chat` takes.

        `on_answer` is called with the whole answer at its end.
        """
        exchange = self._exchange(messages, options)

        def ask(work: Work[Reply]) -> Generator[ChatDelta, None, None]:
            if cache:
                return ask_once(self.client, work, exchange.check)
            return self.client.stream(work)

        return AnswerStream(exchange, ask, on_answer)

    def extract(self, text: str, schema: Any = None, **options: Any) -> Any:
        """Data out of a text, as a value of the type `schema`; a dict without one."""
        return self.client.do(extraction(text, schema, **self._with_model(options)))

    def embed(self, texts: str | Iterable[str], **options: Any) -> Any:
        """The vector of a text, or one row for each of several: an array of length-1 vectors.

        A list of lists where numpy is not installed. `model` and `dimensions` are the options.
        """
        vectors = Vectors(texts, self._with_model(options))
        return vectors.array([self.client.do(work) for work in vectors.works()])

    def map(
        self,
        data: Iterable[Any],
        prompt: str | Callable[[Any], Messages] | None = None,
        *,
        concurrency: int = 8,
        **options: Any,
    ) -> Any:
        """Ask about each row, several at a time; answers are kept on disk.

        Args:
            data: A list or other iterable; a pandas Series, which gives a Series with the same
                index; or a DataFrame, whose columns a prompt may name. Rows that are `None` or
                NaN are not asked about.
            prompt: A text with `{}` for the row or `{name}` for a column (without either, the
                row follows behind), or a function of the row that returns text or messages.
                Left out, the row is the question, or with a `schema` data is extracted from it.
            concurrency: Rows at a time.
            options: Those of `chat`, without `tools`, and: `cache=False` to keep no answers
                and use none; `progress=False` to show none; `on_error` for rows that fail:
                `"warn"` (they are `None`), `"return"` (they are the errors), `"raise"` (when
                all others are done). With a `schema` that has fields, pandas' rows give a
                DataFrame.

        Raises:
            RowsFailedError: No row was answered, or some were not with `on_error="raise"`.
        """
        return self._row_map(data, prompt, concurrency, options).run(self.client.server)

    def index(self, data: Iterable[Any], name: str, **options: Any) -> int:
        """Put texts into a collection, to be found by what they mean; how many there were.

        The collection is made if it is not there. A row that is put in again is there once.

        Args:
            data: Texts, or a pandas Series or DataFrame, or dicts; their other columns are kept.
            name: The collection.
            options: `text` (the column with the text), `replace=True` (what the collection had
                before goes), `indexes` (`{column: "keyword"}` or another kind, of columns that
                searches of many texts name in `where`), `database` (the id of a vector database),
                `progress=False`, and `model` and `dimensions` as for `embed`.

        Raises:
            InvalidRequestError: The collection has vectors of another model.
        """
        return Indexing(data, self._index_settings(name, options)).run(self.client.server)

    def search(
        self,
        query: str,
        name: str,
        *,
        limit: int = 5,
        where: Mapping[str, Any] | None = None,
        database: str = LOCAL,
        **options: Any,
    ) -> SearchResults:
        """The texts of a collection that are nearest to `query` in meaning, best first.

        Args:
            query: A text.
            name: The collection; its texts were put in with the same model.
            limit: How many.
            where: `{column: value}`, or several values, that a text must have; or a filter of
                Qdrant's.
            database: The id of a vector database.
            options: `model` and `dimensions`, as for `embed`.
        """
        vector = self.client.do(embedding(query, **self._with_model(options))).vectors[0]
        return self.client.do(search(database, name, vector, limit=limit, where=where))

    def conversation(self, system: str | None = None, **options: Any) -> Conversation:
        """Questions that follow each other; the options, those of `chat`, are for all of them."""
        return Conversation(self, system=system, **options)

    def models(self) -> tuple[ModelStatus, ...]:
        """Every model that can be loaded, and where each stands."""
        return self.client.models()

    def load(self, name: str, **options: Any) -> ModelStatus:
        """Load a model, with options such as `context_length`; returns when it is ready."""
        return self.client.load(name, **options)

    def unload(self, name: str) -> ModelStatus:
        """Unload a model; returns when its memory is free."""
        return self.client.unload(name)

    def clear_cache(self) -> int:
        """Forget the answers on disk, those of every model; returns how many there were."""
        with AnswerCache() as cache:
            return cache.clear()


llm = LLM()
"""The models of the notebook server that this kernel belongs to."""
