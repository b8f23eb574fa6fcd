"""What a process of vLLM does before it touches a model: it dies with the one that started it.

vLLM imports this module in each process that computes, and nowhere else.
"""

from __future__ import annotations

import os

from jupyter_llm.processes.confinement import confine

confine(os.getppid())


class Confined:
    """Adds nothing to vLLM's worker; to be imported is all."""
