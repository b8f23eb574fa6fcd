"""Pictures of a notebook, shown to a model that sees and to one that does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_kernel import LiveKernel

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "engines"))

from tiny_gguf import write_tiny_gguf
from tiny_projector import NUM_TOKENS, write_tiny_projector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PICTURES = """
import io
import numpy as np
from PIL import Image

pixels = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
picture = Image.fromarray(pixels)
picture.save("picture file.png")

class Figure:
    def get_size_inches(self):
        return 4, 3
    def savefig(self, file, **_):
        picture.save(file, format="PNG")

figure = Figure()
holder = {"figure": figure}
"""
ASK = "%%llm -m tiny --temperature 0 --max-tokens 4 --no-history"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_gguf(folder / "tiny.gguf", quantizes=False)
    write_tiny_projector(folder / "mmproj-tiny.gguf")
    return folder


@pytest.fixture(scope="module")
def seeing(folder: Path) -> Iterator[LiveKernel]:
    server = LiveServer(f"--LLMExtension.models_dir={folder}")
    with server, LiveKernel(server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        kernel.ok(PICTURES)
        yield kernel


def num_prompt_tokens(kernel: LiveKernel, options: str = "") -> int:
    shown: int = kernel.ok(f"{ASK} {options}\nthe thing").facts["usage"]["prompt_tokens"]
    return shown


@pytest.mark.parametrize(
    "options",
    [
        "--image pixels",
        "--image picture",
        "--image figure",
        """--image "holder['figure']" """,
        "--image 'picture file.png'",
        "--image pixels --image figure",
    ],
)
def test_a_model_that_sees_is_shown_it(seeing: LiveKernel, options: str) -> None:
    num_images = options.count("--image")
    more = num_images * NUM_TOKENS["mlp"]
    assert num_prompt_tokens(seeing, options) == num_prompt_tokens(seeing) + more


def test_a_conversation_is_about_the_pictures_before(seeing: LiveKernel) -> None:
    seeing.ok("%llm reset")
    first = seeing.ok("%%llm -m tiny --max-tokens 4 --image pixels\nthe thing", cell_id="a")
    second = seeing.ok("%%llm -m tiny --max-tokens 4\nand now", cell_id="b")
    cached = second.facts["usage"]["cached_tokens"]
    assert cached > NUM_TOKENS["mlp"]
    assert second.facts["usage"]["prompt_tokens"] > first.facts["usage"]["prompt_tokens"]
    blind = seeing.run("%%llm -m guide\nAnd you?", cell_id="c")
    assert blind.error is not None
    assert "guide does not see" in blind.error.traceback[0]
    assert "--no-history" in blind.error.traceback[1]
    seeing.ok("%llm reset")
    seeing.ok("%%llm -m guide\nAnd you?", cell_id="c")


def test_a_model_that_does_not_see_says_so_and_what_would(seeing: LiveKernel) -> None:
    cell = seeing.run("%%llm -m guide --image pixels --no-history\nWhat is that?")
    assert cell.error is not None
    (line,) = cell.error.traceback
    assert line.startswith("InvalidRequestError: guide does not see.")
    assert "modality 'image'" in line


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "neither a variable nor a file"),
        ("missing.png", "neither a variable nor a file"),
        ("ASK", "neither a variable nor a file"),
        ("holder", "dict is no image"),
        ("holder['x']", "--image names"),
    ],
)
def test_what_is_no_picture_is_refused(seeing: LiveKernel, name: str, message: str) -> None:
    cell = seeing.run(f"{ASK} --image {name}\nWhat is that?")
    assert cell.reply["ename"] == "InvalidRequestError"
    assert message in cell.reply["evalue"]
