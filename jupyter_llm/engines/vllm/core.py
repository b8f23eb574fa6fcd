"""vLLM itself: every import of it is here, and happens when a model is loaded."""

from __future__ import annotations

import gc
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jupyter_llm.engines.common.inputs import Vector
from jupyter_llm.errors import (
    EngineDiedError,
    EngineUnavailableError,
    InvalidRequestError,
    ModelFileError,
    ModelLoadError,
)

TESTED = ((0, 32), (0, 34))
"""The first version that this works with, and the first that is too new to be known."""

_END_S = 1.0
"""How long vLLM's processes may take to end before they are killed."""

_CONFINED = "jupyter_llm.engines.vllm.confined.Confined"
_GPU_SHARE = 0.01
"""Of a GPU, what vLLM wants free before it looks: how much a model may take is decided above."""

Scores = Mapping[int, float]
"""Log-probabilities by token: the one that was drawn, and the likeliest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to draw, and how, in vLLM's words; `lark` is a grammar that the tokens have to follow.

    `num_top` asks for scores of the tokens drawn, `num_prompt_top` for those of the prompt's.
    """

    max_tokens: int
    options: Mapping[str, Any] = field(default_factory=dict)
    lark: str = ""
    num_top: int | None = None
    num_prompt_top: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What came of a request since the last time; `scores` is empty where none are wanted.

    `prompt_scores` are of all tokens of the prompt but the first, once.
    """

    tokens: Sequence[int]
    scores: Sequence[Scores] = ()
    prompt_scores: Sequence[Scores] = ()
    num_cached: int = 0


def num_gpus() -> int:
    """How many GPUs there are that this process may use; 0 where vLLM runs on the processor."""
    from vllm.platforms import current_platform

    return 0 if current_platform.is_cpu() else int(current_platform.device_count())


def check_version() -> None:
    """See that vLLM is one that this was tried with.

    Raises:
        EngineUnavailableError: It is not.
    """
    import vllm

    first, beyond = TESTED
    if not first <= version_of(vllm.__version__) < beyond:
        raise EngineUnavailableError(
            f"vLLM {vllm.__version__} is installed, and this engine was tested from "
            f"{_dotted(first)} to below {_dotted(beyond)}: "
            f"pip install 'vllm>={_dotted(first)},<{_dotted(beyond)}'"
        )


def version_of(text: str) -> tuple[int, int]:
    """The first two numbers of a version; zeros where it has none, as a build from a checkout."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Core:
    """A model in vLLM's processes. Made by `start` on a thread that lives as long as they do."""

    def __init__(self, engine: Any, adapter: str) -> None:
        self._engine = engine
        self._lora = _lora(adapter)
        self.num_tokens = int(engine.model_config.get_vocab_size())
        self.num_dimensions = int(engine.model_config.get_hidden_size())

    @classmethod
    def start(cls, arguments: Mapping[str, Any], *, adapter: str = "") -> Core:
        """Start vLLM and wait until the model is in memory, seconds or minutes.

        Raises:
            ModelFileError: vLLM does not understand the folder.
            ModelLoadError: Its processes failed; its log says why.
        """
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        lora = {"enable_lora": True, "max_lora_rank": _rank(adapter)} if adapter else {}
        try:
            config = AsyncEngineArgs(**_ALWAYS, **arguments, **lora).create_engine_config()
        except (ValueError, TypeError, OSError, KeyError, RuntimeError, ImportError) as error:
            raise ModelFileError(f"vLLM cannot load the model: {_first_words(error)}.") from error
        try:
            engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)
        except Exception as error:  # whatever its processes meet arrives as one of many kinds
            raise ModelLoadError(f"vLLM could not start: {_first_words(error)}.") from error
        return cls(engine, adapter)

    @property
    def is_dead(self) -> bool:
        """Whether its processes are gone."""
        return self._engine is not None and bool(self._engine.errored)

    async def draw(
        self, prompt: list[int], wanted: Wanted, name: str
    ) -> AsyncGenerator[Drawn, None]:
        """The tokens that follow `prompt`; closing the generator takes the request back.

        `name` is of this request alone.

        Raises:
            InvalidRequestError: vLLM refuses a value.
            EngineDiedError: Its processes are gone.
        """
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            stream = self._engine.generate(
                tokens_input(prompt), _sampling(wanted), name, lora_request=self._lora
            )
            async with aclosing(stream):
                async for output in stream:
                    yield _drawn(output)
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineDiedError("vLLM's process ended while it answered.") from error
        except ValueError as error:
            raise InvalidRequestError(f"vLLM refuses this: {_first_words(error)}.") from error

    async def vector(self, text: list[int], name: str) -> Vector:
        """The vector of a text.

        Raises:
            EngineDiedError: Its processes are gone.
        """
        from vllm import PoolingParams
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        stream = self._engine.encode(
            tokens_input(text), PoolingParams(task="embed"), name, lora_request=self._lora
        )
        try:
            async for output in stream:
                if output.finished:
                    return np.asarray(output.outputs.data.float().numpy(), np.float32)
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineDiedError("vLLM's process ended while it read.") from error
        raise EngineDiedError("vLLM gave no vector.")

    def fail_all(self) -> None:
        """End every request with an error. Called on the event loop."""
        from vllm.v1.engine.exceptions import EngineDeadError

        self._engine.output_processor.propagate_error(EngineDeadError())

    def close(self) -> None:
        """End its processes; their memory is free then."""
        manager = self._engine.engine_core.resources.engine_manager
        processes = tuple(manager.processes) if manager else ()
        self._engine.shutdown(timeout=_END_S)
        for process in processes:  # those that were killed are not reaped yet
            process.join(_END_S)

    def forget(self) -> None:
        """Let go of what a client keeps, which vLLM leaves to the end of the process."""
        context, self._engine = self._engine.engine_core.resources.ctx, None
        context.destroy(linger=0)
        gc.collect()


_ALWAYS: Mapping[str, Any] = {
    "generation_config": "vllm",  # what a request leaves open is decided above
    "structured_outputs_config": {"backend": "guidance"},
    "max_logprobs": -1,
    "enable_log_requests": False,
    "disable_log_stats": True,
    "worker_extension_cls": _CONFINED,
    "gpu_memory_utilization": _GPU_SHARE,
}


def _sampling(wanted: Wanted) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    form = StructuredOutputsParams(grammar=wanted.lark) if wanted.lark else None
    return SamplingParams(
        max_tokens=wanted.max_tokens,
        logprobs=wanted.num_top,
        prompt_logprobs=wanted.num_prompt_top,
        structured_outputs=form,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
        **wanted.options,
    )


def _drawn(output: Any) -> Drawn:
    (completion,) = output.outputs
    if completion.finish_reason in {"abort", "error"}:
        raise EngineDiedError("vLLM gave the request up.")
    return Drawn(
        tokens=completion.token_ids,
        scores=[_scores(one) for one in completion.logprobs or ()],
        prompt_scores=[_scores(one) for one in (output.prompt_logprobs or ())[1:]],
        num_cached=output.num_cached_tokens or 0,
    )


def _scores(found: Any) -> Scores:
    return {token: one.logprob for token, one in found.items()}


def _lora(adapter: str) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, adapter) if adapter else None


def _rank(adapter: str) -> int:
    """The least rank that vLLM has room for and this adapter fits in."""
    from vllm.lora.peft_helper import PEFTHelper

    try:
        rank = int(PEFTHelper.from_local_dir(adapter, max_position_embeddings=None).r)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{adapter} is no LoRA adapter that vLLM reads: {_first_words(error)}.",
            param="adapters",
        ) from error
    return next(known for known in (8, 16, 32, 64, 128, 256, 320, 512) if known >= min(rank, 512))


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _first_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # pydantic's first line only counts its errors
    chosen = lines[1:2] if lines and "validation error" in lines[0] else lines
    return " ".join(chosen or [repr(error)])[:300].rstrip(".")
