"""Every magic in a notebook that papermill runs, with nobody there to answer."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat

from jupyter_llm.kernel.line_arguments import VERBS

if TYPE_CHECKING:
    from pathlib import Path

    from live import LiveServer
    from nbformat import NotebookNode

SETTING_UP = """
from dataclasses import dataclass
from typing import Literal

@dataclass
class Verdict:
    verdict: Literal["good", "bad"]

def weather(city: str) -> str:
    "Tell the weather in a city."
    return f"sunny in {city}"
"""

CELLS = {
    "parameters": "question = 'What can you do?'",
    "load_ext": "%load_ext jupyter_llm",
    "setting up": SETTING_UP,
    "models": "%llm models",
    "load": "%llm load guide",
    "switch": "%llm switch guide",
    "ps": "%llm ps",
    "vram": "%llm vram",
    "usage": "%llm usage",
    "doctor": "%llm doctor",
    "service": "%llm service recipes",
    "set": "%llm set guide",
    "ask": "%%llm -o said --max-tokens 20 --top-k 1 --top-p 1 --stop nothing\n{question}",
    "said": "print(said)",
    "schema": "%%llm --schema Verdict -o verdict\nIs that good?",
    "verdict": "print(type(verdict).__name__, verdict.verdict in {'good', 'bad'})",
    "tools": "%%llm --tools weather --allow-tools --no-history\nWhat is the weather in Paris?",
    "code": "%%llm --as code -o code --no-history --max-tokens 9\nPrint one",
    "next": "%%llm --code --no-history --max-tokens 9\nPrint one",
    "failure": "import sys\ntry:\n    1 / 0\nexcept ArithmeticError as e:\n    sys.last_value = e",
    "fix": "%llm fix -m echo",
    "reset": "%llm reset",
    "help": "%llm help",
    "unload": "%llm unload guide",
}

SILENT = {"parameters", "load_ext", "setting up", "failure"}


def papermill(
    server: LiveServer, folder: Path, cells: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, NotebookNode]]:
    """Run cells with papermill, in a kernel that it starts itself; the cells as they are then."""
    made = [nbformat.v4.new_code_cell(source) for source in cells.values()]
    made[0].metadata["tags"] = ["parameters"]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, folder / "in.ipynb")
    run = subprocess.run(
        [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "-p", "question", "Hello?"],
        cwd=folder,
        env={
            **os.environ,
            "JUPYTER_LLM_BASE_URL": f"{server.url}/",
            "JUPYTER_LLM_API_KEY": server.token,
            "IPYTHONDIR": str(folder / "ipython"),
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    # papermill puts its parameters and its remarks into cells of their own
    ran = nbformat.read(folder / "out.ipynb", as_version=4).cells
    names = {source: name for name, source in cells.items()}
    return run, {names[cell.source]: cell for cell in ran if cell.source in names}


def shown(cell: NotebookNode) -> str:
    texts = [o.get("text") or o.data["text/plain"] for o in cell.outputs]
    return "\n".join(texts)


def test_papermill_runs_every_magic(guide_server: LiveServer, tmp_path: Path) -> None:
    run, cells = papermill(guide_server, tmp_path, CELLS)
    assert run.returncode == 0, run.stderr
    assert {verb for verb in VERBS if verb not in cells} == {"search", "pull", "rm"}
    assert all(cell.outputs for name, cell in cells.items() if name not in SILENT)
    assert cells["ask"].outputs[0].metadata["jupyter_llm"]["model"] == "guide"
    assert cells["verdict"].outputs[0].text == "Verdict True\n"
    assert "sunny in Paris" in shown(cells["tools"])
    assert "ZeroDivisionError" in shown(cells["fix"])
    assert "Forgot 2 questions" in shown(cells["reset"])


def test_papermill_notices_what_fails(guide_server: LiveServer, tmp_path: Path) -> None:
    cells = {name: CELLS[name] for name in ("parameters", "load_ext", "setting up")}
    asking = "%%llm --tools weather --no-history\nWhat is the weather in Paris?"
    run, _ = papermill(guide_server, tmp_path, {**cells, "asking": asking})
    assert run.returncode != 0
    assert "Say --allow-tools to allow it beforehand" in run.stderr
