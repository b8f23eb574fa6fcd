"""Services that run, used in a notebook: a model is asked as any other, and a database searched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from live import LiveServer
from live_client import client_of
from live_kernel import LiveKernel

from jupyter_llm.client import services

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = {
    "kind": "vector-db",
    "environment": {"QDRANT_HOST": None},
    "port": 17400,
    "key_variable": "QDRANT__SERVICE__API_KEY",
    "health": "/readyz",
    "command": [
        *("${PYTHON}", str(Path(__file__).parents[1] / "vectors" / "qdrant.py")),
        *("${HOST}", "${PORT}", "${FOLDER}/storage"),
    ],
}

QUESTION = "How do I load a model?"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "vectors.yaml").write_text(yaml.safe_dump(VECTORS))
    options = (
        f"--LLMExtension.recipe_dirs={tmp_path}",
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.2",
        "--LLMExtension.default_temperature=0",
    )
    with LiveServer(*options) as server:
        yield server
        with client_of(server) as client:
            for service in client.do(services.services()):
                client.do(services.stop(service.id))


def started(kernel: LiveKernel, recipe: str, options: str = "") -> tuple[str, str]:
    """The id of a service that runs, and all that was shown of it."""
    shown = kernel.ok(f"%llm service start {recipe} {options} --gpus none --wait").markdown
    found = re.search(rf"(\S+) \({recipe}\)", shown)
    assert found, shown
    return found[1], shown


def printed(kernel: LiveKernel, code: str) -> str:
    return kernel.ok(code).printed.strip()


def words(markdown: str) -> str:
    """An answer without the figures under it."""
    return markdown.partition("<small")[0].strip()


def test_a_service_is_a_model_and_a_database_in_a_notebook(server: LiveServer) -> None:
    with LiveKernel(server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        recipe = "inference/llama-cpp-single-node"
        service_id, shown = started(kernel, recipe, "--model guide")
        model = f"guide-{service_id}"
        assert f"ask it as {model}" in shown
        assert model in kernel.ok("%llm models").markdown

        # it answers as the same model does here, through the cell magic and in Python
        here = kernel.ok(f"%%llm --model guide\n{QUESTION}")
        there = kernel.ok(f"%%llm --model {model}\n{QUESTION}")
        assert words(there.markdown) == words(here.markdown) != ""
        assert there.facts["model"] == model
        kernel.ok("from jupyter_llm import llm")
        assert printed(kernel, f"print(llm.chat({QUESTION!r}, model={model!r}).text)")
        kernel.ok(f"pieces = list(llm.stream({QUESTION!r}, model={model!r}))")
        same = f"print(''.join(pieces) == llm.chat({QUESTION!r}, model={model!r}).text)"
        assert printed(kernel, same) == "True"
        assert int(printed(kernel, "print(len(pieces))")) > 1

        # its vectors go into a database that is a service, too, and are found there
        database, _ = started(kernel, "test/vectors")
        there = f"model={model!r}, database={database!r}"
        texts = "['Cells run in order.', 'Keys are shown once.', 'A kernel keeps variables.']"
        code = f"print(llm.index({texts}, 'notes', progress=False, {there}))"
        assert printed(kernel, code) == "3"
        code = f"print(llm.search('Keys are shown once.', 'notes', {there})[0].text)"
        assert printed(kernel, code) == "Keys are shown once."
        assert "CollectionNotFoundError" in str(
            kernel.run(f"llm.search('x', 'notes', model={model!r})").reply["ename"]
        )
