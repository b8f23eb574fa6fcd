"""llama.cpp's own memory of a context: what its sequences hold there."""

from __future__ import annotations

from .runtime import Runtime


class ContextMemory:
    """llama.cpp's memory of one context, as the KV cache's books need it."""

    def __init__(self, runtime: Runtime) -> None:
        self._llama = runtime.llama
        self._memory = runtime.llama.llama_get_memory(runtime.context)

    def copy(self, source: int, target: int, end: int) -> None:
        """Give one sequence's cells before position `end` to another, too."""
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, end)

    def truncate(self, sequence_id: int, end: int) -> bool:
        """Drop everything from position `end` on; False where that is impossible."""
        return bool(self._llama.llama_memory_seq_rm(self._memory, sequence_id, end, -1))

    def clear(self, sequence_id: int) -> None:
        """Drop a whole sequence."""
        self._llama.llama_memory_seq_rm(self._memory, sequence_id, -1, -1)
