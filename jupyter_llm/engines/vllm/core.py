"""vLLM itself: every import of it is here, and happens when a model is loaded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_llm.engines.common.inputs import Vector
from jupyter_llm.engines.common.stopping import LoadStoppedError
from jupyter_llm.errors import (
    EngineDiedError,
    InvalidRequestError,
    ModelFileError,
    ModelLoadError,
)
from jupyter_llm.types import LoadOptions, Model

from .environment import environment, settings
from .plan import Begun, IsWanted, Plan, arguments_of, check_plan, planned
from .steps import Drawn, Scores, Wanted
from .versions import check

_END_S = 1.0
"""How long vLLM's processes may take to end before they are killed."""

_CONFINED = "jupyter_llm.engines.vllm.confined.Confined"
_GPU_SHARE = 0.01
"""Of a GPU, what vLLM wants free before it looks: how much a model may take is decided above."""


def begin(model: Model, options: LoadOptions, work: Path, is_wanted: IsWanted) -> Begun:
    """Start vLLM's processes, with its client in this one. See `Begin`."""
    # vLLM looks for its log's place when it is imported
    with environment(settings(work, num_threads=1, on_processor=False)):
        check_version()
        plan = planned(model, options, num_gpus=num_gpus())
    check_plan(plan)
    if not is_wanted():
        raise LoadStoppedError
    named = settings(work, num_threads=plan.options.num_threads, on_processor=plan.on_processor)
    with environment(named):
        return AsyncCore.start(plan), plan


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

    check(vllm.__version__)


class AsyncCore:
    """See `Core`: vLLM's client in this process; made on a thread that lives as long as it does."""

    def __init__(self, engine: Any, adapter: str) -> None:
        self._engine = engine
        self._lora = _lora(adapter)
        self.num_tokens = int(engine.model_config.get_vocab_size())
        self.num_dimensions = int(engine.model_config.get_hidden_size())
        self.can_sleep = bool(engine.model_config.enable_sleep_mode)

    @classmethod
    def start(cls, plan: Plan) -> AsyncCore:
        """Start vLLM and wait until the model is in memory, seconds or minutes.

        Raises:
            ModelFileError: vLLM does not understand the folder.
            ModelLoadError: Its processes failed; its log says why.
        """
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        try:
            config = AsyncEngineArgs(
                **_ALWAYS, **arguments_of(plan), enable_sleep_mode=_may_sleep()
            ).create_engine_config()
        except (ValueError, TypeError, OSError, KeyError, RuntimeError, ImportError) as error:
            raise ModelFileError(f"vLLM cannot load the model: {_first_words(error)}.") from error
        try:
            engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)
        except Exception as error:  # whatever its processes meet arrives as one of many kinds
            raise ModelLoadError(f"vLLM could not start: {_first_words(error)}.") from error
        return cls(engine, plan.options.adapter)

    @property
    def is_dead(self) -> bool:
        """Whether its processes are gone."""
        return self._engine is not None and bool(self._engine.errored)

    async def draw(
        self, prompt: list[int], wanted: Wanted, name: str
    ) -> AsyncGenerator[Drawn, None]:
        """The tokens that follow. See `Core.draw`."""
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
        """The vector of a text. See `Core.vector`."""
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

    async def sleep(self) -> None:
        """Leave the GPUs. See `Core.sleep`."""
        with _explained("went to sleep"):
            await self._engine.sleep(level=1)

    async def wake(self) -> None:
        """Come back to the GPUs. See `Core.wake`."""
        with _explained("woke"):
            await self._engine.wake_up()

    def fail_all(self) -> None:
        """End every request with an error. Called on the event loop."""
        from vllm.v1.engine.exceptions import EngineDeadError

        self._engine.output_processor.propagate_error(EngineDeadError())
        # the first requests ask vLLM what it can do before they are requests to it
        for answer in self._engine.engine_core.utility_results.values():
            if not answer.done():
                answer.set_exception(EngineDeadError())

    def close(self) -> None:
        """End its processes; their memory is free then."""
        manager = self._engine.engine_core.resources.engine_manager
        processes = tuple(manager.processes) if manager else ()
        self._engine.shutdown(timeout=_END_S)
        for process in processes:  # those that were killed are not reaped yet
            process.join(_END_S)

    async def forget(self) -> None:
        """Let go of what a client keeps, which vLLM leaves to the end of the process."""
        context, self._engine = self._engine.engine_core.resources.ctx, None
        await asyncio.to_thread(context.destroy, linger=0)
        await asyncio.to_thread(gc.collect)


_ALWAYS: Mapping[str, Any] = {
    "generation_config": "vllm",  # what a request leaves open is decided above
    "structured_outputs_config": {"backend": "guidance"},
    "max_logprobs": -1,
    "enable_log_requests": False,
    "disable_log_stats": True,
    "worker_extension_cls": _CONFINED,
    "gpu_memory_utilization": _GPU_SHARE,
}


def _may_sleep() -> bool:
    """Whether vLLM has its own allocator here, without which it cannot leave a GPU."""
    from vllm.platforms import current_platform as here

    return here.is_cuda() and bool(here.is_cumem_allocator_available())


@contextmanager
def _explained(when: str) -> Iterator[None]:
    """Turn what vLLM raises into what an engine does."""
    try:
        yield
    except Exception as error:  # whatever its processes meet arrives as one of many kinds
        raise EngineDiedError(f"vLLM failed when it {when}: {_first_words(error)}.") from error


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


def _first_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # pydantic's first line only counts its errors
    chosen = lines[1:2] if lines and "validation error" in lines[0] else lines
    return " ".join(chosen or [repr(error)])[:300].rstrip(".")
