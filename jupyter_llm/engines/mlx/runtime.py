"""A model in memory, with all that is known of it."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.folder import Folder, read_folder
from jupyter_llm.engines.common.folder_memory import cell_bytes, planned_memory
from jupyter_llm.engines.common.pages import return_free_pages
from jupyter_llm.engines.common.stopping import LoadStoppedError, OnLoading
from jupyter_llm.errors import LLMError, ModelFileError, ModelLoadError
from jupyter_llm.types import LoadOptions, MemoryUse, Model

from .arrays import Array, core
from .lora import apply_adapters
from .memory import check_room
from .options import resolve_options

_GROUP_BYTES = 256 << 20
"""Weights that are read at once, between two looks at whether the load is still wanted."""


class Runtime:
    """What MLX holds for one model, and the options it was loaded with.

    Made, used and freed by one thread.

    Raises:
        ModelFileError: MLX does not understand the folder, or that of an adapter.
        ModelLoadError: There is no room.
        LoadStoppedError: `on_loading` returned False.
    """

    def __init__(self, model: Model, options: LoadOptions, on_loading: OnLoading) -> None:
        self.options = resolve_options(options, model.context_length)
        self.folder = read_folder(Path(model.path))
        plan = plan_load(model, options, self.folder)
        check_room(plan.total_bytes)
        try:
            self.net = _load(self.folder.path)
            apply_adapters(self.net, options.adapters or ())
            weights_bytes = _fill(self.net, on_loading)
            self.vocabulary = FileVocabulary(self.folder, _num_logits(self.net))
        except BaseException:
            self.free()
            raise
        self.cell_bytes = cell_bytes(model, self.folder.config)
        self.memory = replace(plan, weights_bytes=weights_bytes)
        self.num_dimensions = int(self.states([[0]]).shape[-1])

    def states(self, tokens: list[list[int]], cache: Any = None) -> Array:
        """The last hidden states (text, token, dimension), from which vectors are made."""
        inner = getattr(self.net, "model", None)
        if inner is None:
            inner = self.net.language_model.model
        return inner(core().array(tokens), cache=cache)

    def new_cache(self) -> Any:
        """An empty cache for one sequence."""
        from mlx_lm.models.cache import make_prompt_cache

        return make_prompt_cache(self.net)

    def free(self) -> None:
        """Give the memory back, to the system and not only to MLX."""
        self.net = None
        gc.collect()
        core().clear_cache()
        return_free_pages()


def plan_load(model: Model, options: LoadOptions, folder: Folder) -> MemoryUse:
    """What loading the folder would take.

    Raises:
        ModelFileError: MLX does not know this kind of model.
        InvalidRequestError: An option cannot be honoured; `param` names it.
    """
    resolved = resolve_options(options, model.context_length)
    _check_architecture(folder.config)
    files = (f for path in options.adapters or () for f in Path(path).glob("adapter*.safetensors"))
    adapters_bytes = sum(file.stat().st_size for file in files)
    # keys and values grow with the sequences: they take so much at most
    return planned_memory(
        model,
        folder.config,
        slots=resolved.slots,
        num_kv_cells=resolved.num_kv_cells,
        batch_size=resolved.batch_size,
        adapters_bytes=adapters_bytes,
    )


def _check_architecture(config: Mapping[str, Any]) -> None:
    from mlx_lm.utils import MODEL_REMAPPING

    stated = config.get("model_type")
    name = MODEL_REMAPPING.get(stated, stated)
    if config.get("model_file"):
        raise ModelFileError(
            "The model brings code of its own, which is not run here. Take a copy of the model "
            "that MLX knows."
        )
    is_name = isinstance(name, str) and name.isidentifier()
    if not is_name or importlib.util.find_spec(f"mlx_lm.models.{name}") is None:
        raise ModelFileError(
            f"MLX does not know models of the kind {stated!r}. Install a newer one "
            "(pip install --upgrade mlx-lm), or take the model as a GGUF file."
        )


def _load(path: Path) -> Any:
    """The network, its weights not read yet."""
    from mlx_lm.utils import load_model

    try:
        net, _ = load_model(path, lazy=True)
    except LLMError:
        raise
    except MemoryError:
        raise ModelLoadError("There is no memory for the model: take a smaller one.") from None
    except Exception as error:  # whatever a file can lead foreign code to
        raise ModelFileError(f"MLX cannot load {path}: {error!s:.300}.") from error
    from mlx_lm.models.cache import make_prompt_cache

    if not all(hasattr(layer, "merge") for layer in make_prompt_cache(net)):
        raise ModelFileError(
            "MLX keeps the state of this model in a form that cannot serve several requests. "
            "Take the model as a GGUF file."
        )
    return net


def _fill(net: Any, on_loading: OnLoading) -> int:
    """Read the weights; returns what they take."""
    from mlx.utils import tree_flatten

    arrays = [array for _, array in tree_flatten(net.parameters())]
    total: int = sum(array.nbytes for array in arrays)
    done: int = 0
    if not on_loading(0.0):
        raise LoadStoppedError
    for group in _groups(arrays):
        try:
            core().eval(*group)
        except RuntimeError as error:
            raise ModelLoadError(
                f"MLX cannot read the weights: {error!s:.300}. If memory has run out, unload "
                "another model or take a smaller one."
            ) from error
        done += sum(array.nbytes for array in group)
        if not on_loading(done / total):
            raise LoadStoppedError
    return total


def _groups(arrays: list[Array]) -> Iterator[list[Array]]:
    group: list[Array] = []
    for array in arrays:
        group.append(array)
        if sum(one.nbytes for one in group) >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _num_logits(net: Any) -> int:
    """The size of the vocabulary that the network computes with."""
    args = net.args
    sizes = getattr(args, "text_config", None)
    size = getattr(args, "vocab_size", None)
    if size is None and isinstance(sizes, Mapping):
        size = sizes.get("vocab_size")
    return int(size or 0)
