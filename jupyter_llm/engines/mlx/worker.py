"""The thread that owns a model: loads it, serves it, and frees it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.engines.common.stopping import LoadStoppedError, OnLoading
from jupyter_llm.errors import EngineDiedError, LLMError, ModelLoadError
from jupyter_llm.types import EngineStats, LoadOptions, Model

from .arrays import core
from .embedder import Embedder
from .runtime import Runtime
from .sequence import Sequence
from .stepper import Deliver, Stepper
from .wired import wired

OnDeath = Callable[[EngineDiedError], None]

log = logging.getLogger(__name__)


class Worker:
    """Runs one model until it is stopped; MLX's streams belong to the thread that made them.

    `loaded` gets what is in memory, or why nothing is. `deliver` is called on this thread
    with what a step brought. A sequence's chunks arrive in order, and nothing comes after its
    last chunk or its error. `stats` is the snapshot after the last step.
    """

    def __init__(
        self,
        model: Model,
        options: LoadOptions,
        on_loading: OnLoading,
        *,
        deliver: Deliver,
        on_death: OnDeath,
    ) -> None:
        self.loaded: Future[Runtime] = Future()
        self.stats = EngineStats()
        self._load: Callable[[], Runtime] = partial(Runtime, model, options, on_loading)
        self._deliver = deliver
        self._on_death = on_death
        self._inbox: deque[Sequence] = deque()
        self._tasks: deque[EmbeddingTask] = deque()
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="mlx", daemon=True)
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let a sequence take its turn. Callable from any thread."""
        self._inbox.append(sequence)
        self._wake.set()

    def read(self, task: EmbeddingTask) -> None:
        """Let a task of texts take its turn. Callable from any thread."""
        self._tasks.append(task)
        self._wake.set()

    def cancel(self, sequence: Sequence) -> None:
        """Take a sequence out before the next step. Callable from any thread."""
        sequence.is_cancelled = True
        self._wake.set()

    def stop(self) -> None:
        """End every sequence with an error, and the thread; the memory is free then."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            runtime = self._load()
            try:
                with wired():
                    self._serve(runtime)
            finally:
                runtime.free()
        except (LLMError, LoadStoppedError) as error:
            self.loaded.set_exception(error)
        except Exception as error:  # noqa: BLE001 - it is raised where the load is waited for
            if not self.loaded.done():
                self.loaded.set_exception(ModelLoadError(f"MLX cannot load the model: {error!r}."))

    def _serve(self, runtime: Runtime) -> None:
        stepper, embedder = Stepper(runtime, self._deliver), Embedder(runtime)
        self.stats = stepper.counters.snapshot()
        self.loaded.set_result(runtime)
        try:
            while not self._is_stopping:
                self._take_orders(stepper, embedder)
                if stepper.is_idle and embedder.is_idle:
                    self._rest(stepper)
                if not stepper.is_idle:
                    stepper.step()
                if not embedder.is_idle:
                    num_tokens = embedder.step(others_decode=stepper.has_decoding)
                    stepper.counters.note_read(num_tokens)
                self._note_stats(stepper)
        except Exception as error:  # noqa: BLE001 - nobody above this thread could tell
            self._die(stepper, embedder, EngineDiedError(_reason(error)))
        else:
            self._fail_all(
                stepper, embedder, EngineDiedError("the model was unloaded while it answered")
            )
        finally:
            stepper.close()

    def _die(self, stepper: Stepper, embedder: Embedder, error: EngineDiedError) -> None:
        log.error("%s", error, exc_info=error.__context__)
        self._fail_all(stepper, embedder, error)
        self._on_death(error)

    def _rest(self, stepper: Stepper) -> None:
        core().clear_cache()
        self._note_stats(stepper)
        self._wake.wait()
        self._wake.clear()

    def _take_orders(self, stepper: Stepper, embedder: Embedder) -> None:
        while self._tasks:
            embedder.submit(self._tasks.popleft())
        while self._inbox:
            stepper.begin(self._inbox.popleft())
        stepper.end_cancelled()

    def _note_stats(self, stepper: Stepper) -> None:
        stepper.note()
        self.stats = stepper.counters.snapshot()

    def _fail_all(self, stepper: Stepper, embedder: Embedder, error: EngineDiedError) -> None:
        """Tell everybody, without touching a model that may be broken."""
        self._is_stopping = True
        while self._tasks:
            embedder.submit(self._tasks.popleft())
        embedder.close(error)
        sequences = [*stepper.give_up(), *self._inbox]
        self._inbox.clear()
        self._deliver([(sequence, error) for sequence in sequences])
        self._note_stats(stepper)


def _reason(error: Exception) -> str:
    """What MLX's failure means."""
    text = str(error)
    if "memory" in text.lower() or "allocate" in text.lower():
        return (
            f"MLX ran out of memory: {text:.200}. Load the model with a shorter context_length, "
            "fewer slots or fewer num_kv_cells."
        )
    return f"the MLX engine failed: {error!r}"
