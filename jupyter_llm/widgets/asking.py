"""One question to a model, asked in a thread of its own."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import LLMError

from .answer import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jupyter_llm.client import Client

UPDATE_INTERVAL_S = 0.05


class Asking:
    """Streams the answer to a conversation into `answer`.

    Args:
        client: Which server to ask; the connection is one of its own.
        messages: The conversation.
        model: Id, alias or path; the server's default model if empty.
        options: Fields of the request, such as `temperature`.
        show: Is called in the thread when the answer has grown, 20 times a second at most,
            and once when it has ended.
    """

    def __init__(
        self,
        client: Client,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        options: Mapping[str, Any],
        show: Callable[[Answer], None],
    ) -> None:
        self.answer = Answer(model)
        self._client = client.copy()
        self._messages = tuple(messages)
        self._options = {**options, "model": model or None}
        self._show = show
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="llm-asking", daemon=True)

    def start(self) -> None:
        """Ask."""
        self.answer.begin()
        self._thread.start()

    def stop(self) -> None:
        """Stop the model; the answer ends with what has come so far."""
        self._is_stopped = True
        self._client.interrupt()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; whether it has come in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        answer = self.answer
        try:
            outcome = "stopped" if self._is_stopped else self._stream(answer)
        except Exception as exc:  # noqa: BLE001  # it is shown in place of the answer
            outcome = "stopped" if self._is_stopped else "failed"
            answer.error = "" if self._is_stopped else _message(exc)
        answer.outcome = outcome
        self._client.close()
        self._show(answer)

    def _stream(self, answer: Answer) -> str:
        shown_at = -math.inf
        deltas = self._client.chat(self._messages, **self._options)
        try:
            for delta in deltas:
                answer.add(delta)
                if self._is_stopped:
                    return "stopped"
                if time.monotonic() - shown_at >= UPDATE_INTERVAL_S:
                    self._show(answer)
                    shown_at = time.monotonic()
        finally:
            deltas.close()
        return answer.finish_reason


def _message(error: Exception) -> str:
    return error.message if isinstance(error, LLMError) else f"{type(error).__name__}: {error}"
