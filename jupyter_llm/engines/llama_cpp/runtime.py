"""A model and its context in memory: the handles, how they come and how they go."""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from jupyter_llm.engines.common.stopping import LoadStoppedError, OnLoading
from jupyter_llm.errors import ModelFileError, ModelLoadError
from jupyter_llm.hardware.cores import num_usable_cores
from jupyter_llm.types import LoadOptions, MemoryUse, Model

from .adapters import apply_adapters
from .bindings import load_bindings, log_lines
from .embedding_context import (
    EmbeddingContext,
    embedding_params,
    embedding_size,
    output_bytes,
    with_bounded_outputs,
)
from .mapped import REPACKED, release_pages
from .memory_log import memory_from_log
from .params import context_params, model_params, resolve_options
from .projector import Projector, planned_compute_bytes
from .purpose import purpose_of
from .vocabulary import Vocabulary


class Runtime:
    """What llama.cpp holds for one model, and the options it was loaded with.

    Raises:
        ModelFileError: llama.cpp does not understand the file, or that of an adapter or of
            the projector.
        ModelLoadError: There is no room for the context.
        LoadStoppedError: `on_loading` returned False.

    With `no_alloc` everything is built but the weights, the cache and the
    buffers: enough to see what they would take, not to compute. What a projector takes is
    then planned from the size of its file.
    """

    def __init__(
        self, model: Model, options: LoadOptions, on_loading: OnLoading, *, no_alloc: bool = False
    ) -> None:
        self.llama = load_bindings()
        self._adapters = options.adapters or ()
        self._beside: Any = None
        self._embedding: EmbeddingContext | None = None
        self.projector: Projector | None = None
        self.options = resolve_options(options, model.context_length, num_usable_cores())
        params = model_params(self.llama, self.options, no_alloc=no_alloc)
        self.model = _load_model(self.llama, model.path, params, on_loading)
        try:
            if REPACKED.search(log_lines.text()) and not no_alloc:
                release_pages(model.path)
            self.vocabulary = Vocabulary(self.llama, self.model)
            self.chat_template = _template(self.llama, self.model, None)
            self.rerank_template = _template(self.llama, self.model, b"rerank")
            self.purpose = purpose_of(self.llama, self.model)
            self.context = self._make_context(options)
        except BaseException:
            self.llama.llama_model_free(self.model)
            raise
        try:
            apply_adapters(self.llama, self.model, self.context, self._adapters)
            projector_path = model.projector_path if "image" in model.modalities else ""
            if projector_path and not no_alloc:
                self.projector = Projector(
                    projector_path, self.llama, self.model, self.options, on_loading
                )
        except BaseException:
            self.free()
            raise
        self.num_cells: int = self.llama.llama_n_ctx(self.context)
        self.num_dimensions: int = self.llama.llama_model_n_embd_out(self.model)
        self.memory = _with_projector(self._memory(), projector_path, is_planned=no_alloc)

    def embedding_context(self) -> EmbeddingContext:
        """What gives vectors; a model that continues texts gets a small one beside its own.

        Raises:
            ModelLoadError: There is no memory for it.
        """
        if self._embedding is None:
            size = embedding_size(self.options, self.purpose)
            context = self.context
            if self.purpose.generates:
                params = embedding_params(self.llama, self.options, size, self.purpose.pooling)
                context = self._beside = self.llama.llama_init_from_model(self.model, params)
                if not context:
                    raise ModelLoadError(
                        "There is no memory for embeddings beside this model: "
                        f"{log_lines.first_error()}. Use an embedding model."
                    )
                apply_adapters(self.llama, self.model, context, self._adapters)
            self._embedding = EmbeddingContext(self, context, size)
        return self._embedding

    @property
    def can_cut_state(self) -> bool:
        """Whether the state of a sequence can be copied and cut at any token."""
        return not (
            self.llama.llama_model_is_recurrent(self.model)
            or self.llama.llama_model_is_hybrid(self.model)
        )

    @property
    def counts_positions_apart(self) -> bool:
        """Whether several tokens of an image may have the same position (M-RoPE)."""
        kinds = (self.llama.LLAMA_ROPE_TYPE_MROPE, self.llama.LLAMA_ROPE_TYPE_IMROPE)
        return self.llama.llama_model_rope_type(self.model) in kinds

    def free(self) -> None:
        """Give the memory back, to the system and not only to the allocator."""
        if self.projector:
            self.projector.free()
        if self._beside:
            self.llama.llama_free(self._beside)
        self.llama.llama_free(self.context)
        self.llama.llama_model_free(self.model)
        _return_free_pages()

    def _make_context(self, asked: LoadOptions) -> Any:
        if self.purpose.generates:
            params = context_params(self.llama, self.options)
        else:
            num_vocabulary = self.vocabulary.num_tokens
            self.options = with_bounded_outputs(self.options, asked, num_vocabulary)
            size = embedding_size(self.options, self.purpose)
            params = embedding_params(self.llama, self.options, size, self.purpose.pooling)
        context = self.llama.llama_init_from_model(self.model, params)
        if not context:
            raise ModelLoadError(
                f"llama.cpp cannot make a context of {params.n_ctx} tokens for "
                f"{self.options.slots} slots: {log_lines.first_error()}. Ask for a shorter "
                "context_length, fewer slots or another kv_type."
            )
        return context

    def _memory(self) -> MemoryUse:
        memory = memory_from_log(log_lines.text())
        if self.purpose.generates:
            return memory
        step_tokens = embedding_size(self.options, self.purpose).step_tokens
        outputs = output_bytes(step_tokens, self.vocabulary.num_tokens, self.num_dimensions)
        return replace(memory, compute_bytes=memory.compute_bytes + outputs)


def _with_projector(memory: MemoryUse, path: str, *, is_planned: bool) -> MemoryUse:
    """The memory with that of a projector, whose buffers are in the log once it is loaded."""
    if not path:
        return memory
    size_bytes = Path(path).stat().st_size
    compute_bytes = planned_compute_bytes(size_bytes) if is_planned else 0
    return replace(
        memory,
        weights_bytes=memory.weights_bytes + size_bytes,
        compute_bytes=memory.compute_bytes + compute_bytes,
    )


def _load_model(llama: ModuleType, path: str, params: Any, on_loading: OnLoading) -> Any:
    is_stopped = False

    def on_progress(part: float, _user_data: object) -> bool:
        nonlocal is_stopped
        is_stopped = not on_loading(part)
        return not is_stopped

    params.progress_callback = llama.llama_progress_callback(on_progress)
    log_lines.clear()
    model = llama.llama_model_load_from_file(path.encode(), params)
    if model:
        return model
    if is_stopped:
        raise LoadStoppedError
    raise ModelFileError(f"llama.cpp cannot load {path}: {log_lines.first_error()}.")


def _template(llama: ModuleType, model: Any, name: bytes | None) -> str:
    source: bytes | None = llama.llama_model_chat_template(model, name)
    return source.decode("utf-8", "replace") if source else ""


def _return_free_pages() -> None:
    """Hand freed pages back; glibc otherwise keeps them for later allocations."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
