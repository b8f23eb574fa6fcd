"""What `import jupyter_llm.client` brings with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    *("tornado", "jupyter_server", "jupyter_core", "IPython", "httpx", "openai", "psutil"),
    *("llama_cpp", "mlx", "vllm", "torch", "numpy", "huggingface_hub", "msgspec"),
}


OURS = {f"jupyter_llm.{part}" for part in ("app", "engines", "handlers", "manager", "kernel")}


@pytest.mark.parametrize("module", ["jupyter_llm", "jupyter_llm.client"])
def test_importing_the_client_is_light(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert module in loaded
    assert not loaded & (HEAVY | OURS)
