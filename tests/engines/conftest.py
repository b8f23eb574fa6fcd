from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from contract import Stage, staged
from guide_float32 import write_gguf

from jupyter_llm.types import Model


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, asyncio.Runner]]:
    """The engine that a test of the contract is about, loaded once for all of them."""
    with staged(request.param) as one:
        yield one


@pytest.fixture(scope="session")
def exact_guide(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The guide in float32: rounding would choose by the batch between tokens as likely."""
    path = write_gguf(tmp_path_factory.mktemp("guide") / "guide.gguf")
    return Model(id="guide", path=str(path), format="gguf", engine="llama_cpp", context_length=2048)
