"""What HTTP makes of each error: the one table."""

from __future__ import annotations

import math
from http import HTTPStatus

from jupyter_llm import errors

_STATUS: dict[type[errors.LLMError], HTTPStatus] = {
    errors.InvalidRequestError: HTTPStatus.BAD_REQUEST,
    errors.ModelNotFoundError: HTTPStatus.NOT_FOUND,
    errors.ResponseNotFoundError: HTTPStatus.NOT_FOUND,
    errors.StreamNotFoundError: HTTPStatus.NOT_FOUND,
    errors.ModelFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InsufficientMemoryError: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.ModelLoadError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.EngineUnavailableError: HTTPStatus.NOT_IMPLEMENTED,
    errors.EngineDiedError: HTTPStatus.BAD_GATEWAY,
    errors.UpstreamError: HTTPStatus.BAD_GATEWAY,
    errors.OverloadedError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.HubError: HTTPStatus.BAD_GATEWAY,
    errors.HubAccessError: HTTPStatus.FORBIDDEN,
    errors.DownloadError: HTTPStatus.BAD_GATEWAY,
    errors.InsufficientDiskError: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.ServiceNotFoundError: HTTPStatus.NOT_FOUND,
    errors.RecipeNotFoundError: HTTPStatus.NOT_FOUND,
    errors.ClusterError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RegistryError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.VectorStoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.VectorDatabaseNotFoundError: HTTPStatus.NOT_FOUND,
    errors.CollectionNotFoundError: HTTPStatus.NOT_FOUND,
    errors.CollectionExistsError: HTTPStatus.CONFLICT,
    errors.LLMError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class BodyTooLargeError(errors.InvalidRequestError):
    """The request's body is larger than the operator allows."""

    code = "body_too_large"


_STATUS[BodyTooLargeError] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def status_of(error: errors.LLMError) -> int:
    """The status of the nearest class in the table."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def retry_after(error: errors.LLMError) -> str | None:
    """The `Retry-After` header in whole seconds, at least one."""
    if error.retry_after_s is None:
        return None
    return str(max(1, math.ceil(error.retry_after_s)))
