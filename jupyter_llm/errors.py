"""Every error that this package raises on purpose.

    LLMError
    ├── InvalidRequestError          the caller's values; `param` names the field
    │   ├── ContextLengthError       prompt and answer do not fit the context
    │   └── PreviousResponseError    the response to go on from is not there
    ├── ResponseNotFoundError        no response of this id is stored for this user
    ├── StreamNotFoundError          no stream of this id can be resumed by this user
    ├── ModelNotFoundError           no model of that name; close names in the message
    ├── ModelFileError               the file is damaged or not understood
    ├── ModelLoadError               the file is sound, loading failed all the same
    │   └── InsufficientMemoryError  it would not fit; need and free in the message
    ├── EngineUnavailableError       not installed here; the message says how to install
    ├── EngineDiedError              the engine stopped in the middle of its work
    ├── UpstreamError                the service that a model runs in did not answer as it should
    ├── OverloadedError              too many wait; `retry_after_s` is measured
    ├── TooManyRequestsError         this user has too many; `retry_after_s` says when to come
    │   └── QuotaExceededError       the requests or tokens that a user or key may have are used up
    ├── ForbiddenError               these credentials are good, but not for this
    ├── HubError                     the model hub did not answer as it should
    │   └── HubAccessError           gated or private; the page to visit in the message
    ├── DownloadError                what the Hub delivers is not what it promised
    ├── InsufficientDiskError        no room for a download; need and free in the message
    ├── ServiceNotFoundError         no service of this id is this user's
    ├── RecipeNotFoundError          no recipe of that name; those there are in the message
    ├── ClusterError                 the machines that run services do not answer
    ├── RegistryError                the database of settings, downloads and usage fails
    ├── VectorStoreError             a vector database of this server's own does not run now
    ├── VectorDatabaseNotFoundError  no vector database has this id
    ├── CollectionNotFoundError      the vector database has no collection of this name
    ├── CollectionExistsError        the vector database has one of this name already
    ├── AnswerFormatError            (kernel side) an answer is not of the type asked for
    ├── RowsFailedError              (kernel side) rows of a map have no answer; `failures` has why
    └── ServerNotFoundError          (kernel side) no server of ours to talk to

A message says what happened and what to do next. What HTTP makes of an error is
decided in one table of the handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.types import Suggestion


class LLMError(Exception):
    """The root: `code` is a stable word for programs, the message is for people."""

    code = "internal_error"

    def __init__(
        self, message: str, *, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s


class InvalidRequestError(LLMError):
    """A value that cannot be honoured; `param` names the field."""

    code = "invalid_value"


class ContextLengthError(InvalidRequestError):
    """Prompt and answer do not fit the context; the message gives both numbers."""

    code = "context_length_exceeded"


class PreviousResponseError(InvalidRequestError):
    """The response to go on from is not stored, or not this user's."""

    code = "previous_response_not_found"


class ResponseNotFoundError(LLMError):
    """No response of this id is stored for this user."""

    code = "response_not_found"


class StreamNotFoundError(LLMError):
    """No stream of this id can be resumed by this user."""

    code = "stream_not_found"


class ModelNotFoundError(LLMError):
    """No model has this name; the message lists close ones."""

    code = "model_not_found"


class ModelFileError(LLMError):
    """A model file is damaged, cut short, or of a kind no engine here reads."""

    code = "invalid_model_file"


class ModelLoadError(LLMError):
    """Loading failed although the file is sound."""

    code = "model_load_failed"


class InsufficientMemoryError(ModelLoadError):
    """The model would not fit into memory; the message gives need and free.

    `suggestions` are ways that would fit, each tried; all three are empty where this error
    has come from another process, whose message says the same.
    """

    code = "insufficient_memory"
    need_bytes: int = 0
    free_bytes: int = 0
    suggestions: tuple[Suggestion, ...] = ()


class EngineUnavailableError(LLMError):
    """The engine for this model is not installed; the message says how to install it."""

    code = "engine_unavailable"


class EngineDiedError(LLMError):
    """The engine stopped in the middle of its work; the request may be sent again."""

    code = "engine_died"


class UpstreamError(LLMError):
    """The service that a model runs in did not answer as it should; the message says how."""

    code = "upstream_error"


class OverloadedError(LLMError):
    """Too many requests wait; `retry_after_s` is when a place is expected."""

    code = "overloaded"


class TooManyRequestsError(LLMError):
    """One user asks for too much; others are served meanwhile."""

    code = "rate_limit_exceeded"


class QuotaExceededError(TooManyRequestsError):
    """A user or a key has had what it may have; `retry_after_s` is when there is more."""

    code = "quota_exceeded"


class ForbiddenError(LLMError):
    """The credentials are good, but not for this; the message says what is missing."""

    code = "insufficient_scope"


class HubError(LLMError):
    """The model hub did not answer as it should; trying later may help."""

    code = "hub_error"


class HubAccessError(HubError):
    """The Hub lets this account not have it; the message says where to ask for access."""

    code = "hub_access_denied"


class DownloadError(LLMError):
    """What arrived is not what the Hub promised, or nothing was downloaded."""

    code = "download_failed"


class InsufficientDiskError(LLMError):
    """The disk has no room for a download; the message gives need and free."""

    code = "insufficient_disk"


class ServiceNotFoundError(LLMError):
    """No service of this id is there, or it is somebody else's."""

    code = "service_not_found"


class RecipeNotFoundError(LLMError):
    """No recipe has this name; the message lists those there are."""

    code = "recipe_not_found"


class ClusterError(LLMError):
    """What runs services does not answer, or not as it should; the message says how."""

    code = "cluster_unavailable"


class RegistryError(LLMError):
    """The registry cannot be used now; the message says where it is and what to do."""

    code = "registry_unavailable"


class VectorStoreError(LLMError):
    """The embedded vector database, or one that is a service, does not run now; it says why."""

    code = "vector_store_unavailable"


class VectorDatabaseNotFoundError(LLMError):
    """No vector database has this id: no service of this user, and none that is configured."""

    code = "vector_db_not_found"


class CollectionNotFoundError(LLMError):
    """The vector database has no collection of this name."""

    code = "collection_not_found"


class CollectionExistsError(LLMError):
    """The vector database has a collection of this name already."""

    code = "collection_exists"


class AnswerFormatError(LLMError):
    """The kernel asked for a value of some type, and the answer is none; the message has both."""

    code = "answer_format"


class RowsFailedError(LLMError):
    """Rows have no answer; `failures` has the error of each, by the name of the row."""

    code = "rows_failed"

    def __init__(
        self,
        message: str,
        *,
        failures: Mapping[str, Exception] | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.failures = failures or {}


class ServerNotFoundError(LLMError):
    """The kernel found no notebook server that runs this extension."""

    code = "server_not_found"
