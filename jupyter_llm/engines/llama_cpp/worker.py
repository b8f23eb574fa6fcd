"""The thread that owns a context: takes orders, has them served, and dies in an orderly way."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.errors import EngineDiedError, ModelLoadError

from .embedder import Embedder
from .runtime import Runtime
from .sequence import Sequence
from .stepper import Deliver, Stepper

OnDeath = Callable[[EngineDiedError], None]

log = logging.getLogger(__name__)


class Worker:
    """Runs the sequences of one model until it is stopped.

    `deliver` is called on this thread with what a step brought. A sequence's chunks arrive
    in order, and nothing comes after its last chunk or its error. `stats` is the snapshot
    after the last step.
    """

    def __init__(
        self,
        runtime: Runtime,
        deliver: Deliver,
        on_death: OnDeath,
        *,
        draft: Runtime | None = None,
    ) -> None:
        self._deliver = deliver
        self._on_death = on_death
        self._stepper = Stepper(runtime, deliver, draft)
        self._embedder = Embedder(runtime)
        self._inbox: deque[Sequence] = deque()
        self._wake = threading.Event()
        self._is_stopping = False
        self.stats = self._stepper.counters.snapshot()
        self._thread = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let a sequence take its turn. Callable from any thread."""
        self._inbox.append(sequence)
        self._wake.set()

    def read(self, task: EmbeddingTask) -> None:
        """Let a task of texts take its turn. Callable from any thread."""
        self._embedder.submit(task)
        self._wake.set()

    def cancel(self, sequence: Sequence) -> None:
        """Take a sequence out before the next step. Callable from any thread."""
        sequence.is_cancelled = True
        self._wake.set()

    def stop(self) -> None:
        """End every sequence with an error, and the thread; waits for the current step."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._take_orders()
                if self._stepper.is_idle and self._embedder.is_idle:
                    self._rest()
                if not self._stepper.is_idle:
                    self._stepper.step()
                    self._note_stats()
                if not self._embedder.is_idle:
                    self._embed()
        except EngineDiedError as error:
            self._die(error)
        except Exception as error:  # noqa: BLE001 - nobody above this thread could tell
            self._die(EngineDiedError(f"the llama.cpp engine failed: {error!r}"))
        else:
            self._fail_all(EngineDiedError("the model was unloaded while it answered"))
        finally:
            self._stepper.close()

    def _die(self, error: EngineDiedError) -> None:
        log.error("%s", error, exc_info=error.__context__)
        self._fail_all(error)
        self._on_death(error)

    def _rest(self) -> None:
        self._note_stats()
        self._wake.wait()
        self._wake.clear()

    def _take_orders(self) -> None:
        while self._inbox:
            self._stepper.begin(self._inbox.popleft())
        self._stepper.end_cancelled()

    def _embed(self) -> None:
        """Read some of the texts whose vectors are wanted, between two steps."""
        try:
            num_tokens = self._embedder.step(others_decode=self._stepper.has_decoding)
        except ModelLoadError as error:
            self._embedder.fail(error)
        else:
            self._stepper.counters.note_read(num_tokens)
            self._note_stats()

    def _note_stats(self) -> None:
        self.stats = self._stepper.counters.snapshot()

    def _fail_all(self, error: EngineDiedError) -> None:
        """Tell every sequence, without touching a context that may be broken."""
        self._is_stopping = True
        self._embedder.close(error)
        sequences = [*self._stepper.give_up(), *self._inbox]
        self._inbox.clear()
        self._deliver([(sequence, error) for sequence in sequences])
