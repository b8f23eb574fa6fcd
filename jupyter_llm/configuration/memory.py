"""Traits on memory: which models stay in it, and which make room."""

from __future__ import annotations

from pathlib import Path

from traitlets import Float, HasTraits, Int, List, Unicode, default

from jupyter_llm.hardware.ledger import Ledger, default_folder
from jupyter_llm.hardware.page import is_supported
from jupyter_llm.hardware.pool import MemoryPool


class MemoryTraits(HasTraits):
    """Models in memory, and out of it."""

    keep_alive_s = Float(
        1800.0,
        help="""Seconds after which a model leaves memory that nobody has used; -1 keeps it for
        ever. A request can say otherwise with keep_alive.""",
    ).tag(config=True)

    pinned_models = List(
        Unicode(),
        help="""The ids of models that stay in memory once they are loaded, until somebody
        unloads them.""",
    ).tag(config=True)

    memory_budget_bytes = Int(
        min=0, help="""Bytes that all models together may take; 0 sets no limit but the memory."""
    ).tag(config=True)

    memory_margin_bytes = Int(
        256 * 1024 * 1024,
        min=0,
        help="""Bytes of memory that loading a model leaves free for everything else.""",
    ).tag(config=True)

    ledger_dir = Unicode(
        help="""The folder in which the notebook servers of one machine tell each other what
        memory their models hold, so that no two load into the same bytes; the same for all,
        and empty for none.
        Default: jupyter-llm in /dev/shm, or in the folder for temporary files."""
    ).tag(config=True)

    eviction_patience_s = Float(
        10.0,
        min=0,
        help="""Seconds that a model waits for memory of busy ones before these take no new
        requests until it had its turn.""",
    ).tag(config=True)

    eviction_wait_s = Float(
        120.0,
        min=0,
        help="""Seconds that a model waits for memory of busy ones at all; then its requests
        are answered 503.""",
    ).tag(config=True)

    @default("ledger_dir")
    def _default_ledger_dir(self) -> str:
        return str(default_folder())

    def memory_pool(self) -> MemoryPool:
        """The memory that models are loaded into; nothing is read or made yet."""
        has_ledger = bool(self.ledger_dir) and is_supported()
        ledger = Ledger(Path(self.ledger_dir).expanduser()) if has_ledger else None
        return MemoryPool(ledger=ledger, margin_bytes=self.memory_margin_bytes)
