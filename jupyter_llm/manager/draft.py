"""The draft model of a load: another model here, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError, ModelFileError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_llm.types import LoadOptions, Model

    FindModel = Callable[[str], Awaitable[Model]]


async def with_draft_id(options: LoadOptions | None, find: FindModel) -> LoadOptions | None:
    """The options with the draft model's id for its name; `find` sees what the caller may.

    Raises:
        LLMError: There is no such model for this caller; `param` is `draft_model`.
    """
    if options is None or not options.draft_model:
        return options
    return replace(options, draft_model=(await _found(options.draft_model, find)).id)


async def with_draft_path(model: Model, options: LoadOptions, find: FindModel) -> LoadOptions:
    """The options for an engine that loads `model`: the draft model is its file.

    Raises:
        LLMError: There is no such model, or it is of another format.
    """
    if not options.draft_model:
        return options
    draft = await _found(options.draft_model, find)
    if draft.format != model.format:
        raise InvalidRequestError(
            f"{draft.id} cannot guess for {model.id}: the one is {draft.format}, the other "
            f"{model.format}. Name a model of the same format as draft_model.",
            param="draft_model",
        )
    return replace(options, draft_model=draft.path)


async def _found(name: str, find: FindModel) -> Model:
    try:
        return await find(name)
    except (ModelFileError, ModelNotFoundError) as error:
        raise type(error)(error.message, param="draft_model") from error
