"""The model that guesses for another one: how it is loaded, and which can be one.

It runs in a context of its own, with as many tokens as the other's, and guesses for a few
sequences at a time.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.engines.common.stopping import OnLoading
from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.types import LoadOptions, MemoryUse, Model

from .runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .params import ResolvedOptions
    from .vocabulary import Vocabulary

MAX_DRAFTED = 4
"""Sequences that are guessed for at the same time: with more of them a step computes enough
tokens already, and each guess that it checks costs nearly as much as a token of its own."""

MAX_EXTRA_TOKENS = 128
"""Models of one family fill their vocabularies up to unequal lengths, with tokens of no use."""


def load_draft(
    runtime: Runtime, options: LoadOptions, on_loading: OnLoading, *, no_alloc: bool = False
) -> Runtime | None:
    """The draft model that `options` name by its path, to guess for `runtime`; or none.

    Raises:
        InvalidRequestError: It cannot guess for this model; `param` is `draft_model`.
        LLMError: What `Runtime` raises, of this file.
    """
    path = options.draft_model
    if not path:
        return None
    _check_kind("The model", runtime)
    length = runtime.options.context_length
    model = draft_as_model(path, length)
    with _named(path):
        # whether the load is wanted still; its progress was told to the end
        draft = Runtime(
            model, _options(runtime.options), lambda _part: on_loading(1.0), no_alloc=no_alloc
        )
    try:
        _check_kind("The draft model", draft)
        check_same_tokens(runtime.vocabulary, draft.vocabulary)
        _check_length(draft, length)
    except BaseException:
        draft.free()
        raise
    return draft


def draft_as_model(path: str, context_length: int) -> Model:
    """A model of which nothing is known but its file."""
    return Model(
        id=path, path=path, format="gguf", engine="llama_cpp", context_length=context_length
    )


def memory_with(runtime: Runtime, draft: Runtime | None) -> MemoryUse:
    """What a model and its draft take together."""
    return runtime.memory + draft.memory if draft else runtime.memory


def check_same_tokens(vocabulary: Vocabulary, draft: Vocabulary) -> None:
    """See that a token means the same to both.

    Raises:
        InvalidRequestError: It does not.
    """
    counts = vocabulary.num_tokens, draft.num_tokens
    if max(counts) - min(counts) > MAX_EXTRA_TOKENS:
        raise _unfit(
            f"it has a vocabulary of {draft.num_tokens} tokens and the model one of "
            f"{vocabulary.num_tokens}"
        )
    for token in range(min(counts)):
        if (own := vocabulary.text(token)) != (other := draft.text(token)):
            raise _unfit(f"its token {token} is {_shown(other)}, and the model's {_shown(own)}")


def _options(resolved: ResolvedOptions) -> LoadOptions:
    slots = min(resolved.slots, MAX_DRAFTED)
    return LoadOptions(
        context_length=resolved.context_length,
        slots=slots,
        num_kv_cells=min(resolved.num_kv_cells, slots * resolved.context_length),
        num_threads=resolved.num_threads,
        batch_size=resolved.batch_size,
        num_gpu_layers=resolved.num_gpu_layers,
        kv_type=resolved.kv_type,
    )


def _check_kind(whose: str, runtime: Runtime) -> None:
    if not runtime.purpose.generates:
        raise InvalidRequestError(
            f"{whose} writes no text: leave draft_model out.", param="draft_model"
        )
    if not runtime.can_cut_state:
        raise InvalidRequestError(
            f"{whose} is a recurrent one, which cannot take a guess back: leave draft_model out.",
            param="draft_model",
        )


def _check_length(draft: Runtime, context_length: int) -> None:
    trained: int = draft.llama.llama_model_n_ctx_train(draft.model)
    if trained < context_length:
        raise InvalidRequestError(
            f"The draft model was trained for {trained} tokens, and context_length is "
            f"{context_length}: name another draft_model, or ask for {trained} or fewer.",
            param="draft_model",
        )


def _unfit(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The draft model cannot guess for this model: {why}. Name a smaller model of the same "
        "family as draft_model.",
        param="draft_model",
    )


def _shown(text: bytes) -> str:
    return repr(text.decode("utf-8", "replace"))


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Say of errors that they are the draft model's."""
    try:
        yield
    except LLMError as error:
        message = error.message if path in error.message else f"{path}: {error.message}"
        raise type(error)(message, param="draft_model") from error
