"""The bodies of `POST /load`, `/switch`, `/reload` and `/unload`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import LoadOptions

from .decode import decode
from .fields import Count
from .keep_alive import KeepAlive, keep_alive_s

MAX_GPUS = 128
Share = Annotated[float, Meta(ge=0, le=1e9)]


class EngineOptionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """`LoadOptions`, each of them or none."""

    context_length: Count | None = None
    slots: Count | None = None
    num_kv_cells: Count | None = None
    num_threads: Count | None = None
    batch_size: Count | None = None
    num_gpu_layers: Annotated[int, Meta(ge=-1)] | None = None
    kv_type: str | None = None
    adapters: tuple[str, ...] | None = None
    speculation: str | None = None
    draft_model: str | None = None
    split_mode: Literal["none", "layer", "row"] | None = None
    tensor_split: Annotated[tuple[Share, ...], Meta(max_length=MAX_GPUS)] | None = None


class OptionsBody(EngineOptionsBody, forbid_unknown_fields=True):
    """A model by id, alias or path, and how to load it."""

    model: str | None = None
    path: str | None = None
    backend: str | None = None
    keep_alive: KeepAlive | None = None


class LoadBody(OptionsBody, forbid_unknown_fields=True):
    """The same, or a model to download first."""

    repo_id: str | None = None
    filename: str | None = None
    load: bool | None = None


class SwitchBody(OptionsBody, forbid_unknown_fields=True):
    """The same, also in the words of single-model servers; `verbose` changes nothing."""

    model_path: str | None = None
    n_ctx: Count | None = None
    n_threads: Count | None = None
    n_batch: Count | None = None
    n_gpu_layers: Annotated[int, Meta(ge=-1)] | None = None
    verbose: bool | None = None


class UnloadBody(msgspec.Struct, forbid_unknown_fields=True):
    """A model by id, alias or path; the only one in memory if none is named."""

    model: str | None = None
    path: str | None = None
    backend: str | None = None


_LOAD = msgspec.json.Decoder(LoadBody)
_SWITCH = msgspec.json.Decoder(SwitchBody)
_UNLOAD = msgspec.json.Decoder(UnloadBody)
_OTHER_WORDS = {
    "model_path": "path",
    "n_ctx": "context_length",
    "n_threads": "num_threads",
    "n_batch": "batch_size",
    "n_gpu_layers": "num_gpu_layers",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadCall:
    """A load, understood; an empty name is the default model, no options the usual ones.

    With `repo_id` a download comes first, of `wanted` or of what suits this machine; it is
    loaded afterwards if `is_to_load`.
    """

    name: str
    engine: str | None
    options: LoadOptions | None
    keep_alive_s: float | None
    repo_id: str = ""
    wanted: str = ""
    is_to_load: bool = True


def load_call(body: bytes) -> LoadCall:
    """The body as a load.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    load = decode(body, _LOAD)
    if load.repo_id and (load.model or load.path):
        raise InvalidRequestError(
            "'repo_id' names a model to download and 'model' one that is here; give one.",
            param="repo_id",
        )
    if load.filename and not load.repo_id:
        raise InvalidRequestError("'filename' needs a 'repo_id'.", param="filename")
    call = _understood(load)
    if not load.repo_id:
        return call
    wanted = load.filename or ""
    return replace(call, repo_id=load.repo_id, wanted=wanted, is_to_load=bool(load.load))


def named_load_call(body: bytes, name: str) -> LoadCall:
    """The body, which may be empty, as a load of the model that the path names.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    call = load_call(body or b"{}")
    if call.name or call.repo_id:
        raise InvalidRequestError(
            "The path names the model; leave 'model', 'path' and 'repo_id' out.", param="model"
        )
    return replace(call, name=name)


def switch_call(body: bytes) -> LoadCall:
    """The body as a load of the model to switch to; an empty one means the active model.

    Raises:
        InvalidRequestError: `param` names the field that is wrong or unsupported.
    """
    switch = decode(body or b"{}", _SWITCH)
    for other, name in _OTHER_WORDS.items():
        if (value := getattr(switch, other)) is None:
            continue
        if getattr(switch, name) not in (None, value):
            raise InvalidRequestError(
                f"'{other}' and '{name}' mean the same and differ; give one.", param=other
            )
        setattr(switch, name, value)
    return _understood(switch)


def _understood(load: OptionsBody) -> LoadCall:
    options = given_options(load)
    return LoadCall(
        name=_name(load.model, load.path),
        engine=load.backend,
        options=None if options == LoadOptions() else options,
        keep_alive_s=keep_alive_s(load.keep_alive),
    )


def given_options(body: EngineOptionsBody) -> LoadOptions:
    """What the body says of how to load; the rest is left open."""
    return LoadOptions(**{field.name: getattr(body, field.name) for field in fields(LoadOptions)})


def unload_name(body: bytes) -> str:
    """The name of the model to unload, empty if there is none.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    unload = decode(body or b"{}", _UNLOAD)
    return _name(unload.model, unload.path)


def _name(model: str | None, path: str | None) -> str:
    if model and path:
        raise InvalidRequestError("'model' and 'path' name a model both; give one.", param="path")
    return model or path or ""
