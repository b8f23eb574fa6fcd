"""The vLLM engine where vLLM lives in another environment."""

from __future__ import annotations

from .engine import VllmEngine
from .server import begin


class VllmServerEngine(VllmEngine):
    """One folder of safetensors in a server of vLLM's own, which this engine starts and ends."""

    name = "vllm_server"
    begin = staticmethod(begin)
