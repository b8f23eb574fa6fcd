"""Traits on how models are loaded and run."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
from traitlets import Dict, Enum, Float, HasTraits, Int, TraitError, Unicode, default, validate

from jupyter_llm import environment
from jupyter_llm.types import LoadOptions


class EngineTraits(HasTraits):
    """Engines, and the options that models are loaded with."""

    isolation = Enum(
        ("auto", "thread", "process"),
        default_value="auto",
        help="""Where engines run: in a thread of the server, or each in a process of its
        own, whose crash the server survives. 'auto' takes a thread for a single user and
        a process under JupyterHub, and for vLLM always.""",
    ).tag(config=True)

    num_threads = Int(
        min=0,
        help="""Threads that a model computes with; 0 takes the cores this process may use.
        Default: N_THREADS, then 0.""",
    ).tag(config=True)

    context_length = Int(
        min=0,
        help="""The longest conversation of one request, in tokens; 0 leaves it to the engine.
        Default: N_CTX, then 0.""",
    ).tag(config=True)

    batch_size = Int(
        min=0,
        help="""Tokens computed in one step; 0 leaves it to the engine.
        Default: N_BATCH, then 0.""",
    ).tag(config=True)

    num_gpu_layers = Int(
        min=-1,
        help="""Layers that go to the GPU; -1 takes all.
        Default: N_GPU_LAYERS, then -1.""",
    ).tag(config=True)

    max_concurrent_requests = Int(
        min=0,
        help="""Requests that one model works on at the same time, its slots; 0 leaves it to
        the engine. Of three or more a third, four at most, is kept from a user who
        has the others. Default: LLM_MAX_CONCURRENT_REQUESTS, then 0.""",
    ).tag(config=True)

    model_options = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="""How single models are loaded, as {id: {option: value}} with the options of
        POST /load; what it leaves out is as for every model.""",
    ).tag(config=True)

    load_timeout_s = Float(
        300.0, min=1.0, help="""Seconds after which a load that is not finished has failed."""
    ).tag(config=True)

    failed_load_cooldown_s = Float(
        30.0,
        min=0,
        help="""Seconds in which a model whose load has failed is not tried again by requests:
        they are answered 503 with the reason and a Retry-After.""",
    ).tag(config=True)

    @default("num_threads")
    def _default_num_threads(self) -> int:
        return environment.integer("N_THREADS", 0)

    @default("context_length")
    def _default_context_length(self) -> int:
        return environment.integer("N_CTX", 0)

    @default("batch_size")
    def _default_batch_size(self) -> int:
        return environment.integer("N_BATCH", 0)

    @default("num_gpu_layers")
    def _default_num_gpu_layers(self) -> int:
        return environment.integer("N_GPU_LAYERS", -1)

    @default("max_concurrent_requests")
    def _default_max_concurrent_requests(self) -> int:
        return environment.integer("LLM_MAX_CONCURRENT_REQUESTS", 0)

    def load_options(self) -> LoadOptions:
        """How a model is loaded where a request does not say."""
        return LoadOptions(
            context_length=self.context_length or None,
            slots=self.max_concurrent_requests or None,
            num_threads=self.num_threads or None,
            batch_size=self.batch_size or None,
            num_gpu_layers=self.num_gpu_layers,
        )

    @validate("model_options")
    def _check_model_options(self, proposal: Any) -> dict[str, dict[str, Any]]:
        known = {field.name for field in fields(LoadOptions)}
        for model, options in proposal.value.items():
            if unknown := ", ".join(set(options) - known):
                raise TraitError(
                    f"model_options of {model!r} has no option {unknown}; there are: "
                    f"{', '.join(sorted(known))}."
                )
            try:
                msgspec.convert(options, LoadOptions)
            except msgspec.ValidationError as error:
                raise TraitError(f"model_options of {model!r}: {error}.") from error
        return dict(proposal.value)

    def options_by_model(self) -> dict[str, LoadOptions]:
        """How single models are loaded."""
        return {
            model: msgspec.convert(options, LoadOptions)
            for model, options in self.model_options.items()
        }
