"""The notebooks that come with the project, run as a user runs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from live import LiveServer
from live_kernel import LiveKernel
from nbclient import NotebookClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
QUICKSTART = NOTEBOOKS / "01_quickstart.ipynb"
EXTRACTION = NOTEBOOKS / "02_extraction.ipynb"
TOOLS = NOTEBOOKS / "03_tools.ipynb"
SEARCH = NOTEBOOKS / "04_search_by_meaning.ipynb"
COMPARISON = NOTEBOOKS / "05_compare_models.ipynb"
HTTP_API = NOTEBOOKS / "06_http_api.ipynb"
DOCUMENTS = NOTEBOOKS / "07_answer_from_documents.ipynb"
WITH_ANSWERS = (QUICKSTART, EXTRACTION, TOOLS, SEARCH, HTTP_API, DOCUMENTS)

GREEDY = "--LLMExtension.default_temperature=0"  # what the guide says is then the same every time


def execute(path: Path) -> dict[str, NotebookNode]:
    """Run a notebook in a kernel of a server; its cells by id."""
    notebook = nbformat.read(path, as_version=4)
    with LiveServer(GREEDY) as server, LiveKernel(server) as kernel:
        NotebookClient(notebook, km=kernel.manager(), timeout=120).execute(cleanup_kc=True)
    return {cell.id: cell for cell in notebook.cells}


def test_the_quickstart_runs_and_says_what_its_text_promises() -> None:
    cells = execute(QUICKSTART)
    answers = [cell for cell in cells.values() if cell.source.startswith("%%llm")]
    for cell in answers:
        (shown,) = cell.outputs
        assert shown.metadata["jupyter_llm"]["model"] == "guide"
        assert shown.metadata["jupyter_llm"]["finish_reason"] == "stop"
        assert shown.metadata["jupyter_llm"]["usage"]["completion_tokens"] > 3
        assert "tokens/s" in shown.data["text/markdown"]
    assert len(answers) == 5
    assert "guide" in cells["ls"].outputs[0].data["text/markdown"]
    assert "load" in cells["ask"].outputs[0].data["text/plain"]
    assert cells["out-use"].outputs[0].text.startswith("str ")
    assert "GGUF" in cells["interpolate"].outputs[0].data["text/plain"]
    assert cells["seed-same"].outputs[0].data["text/plain"] == "True"
    assert "| guide | ready |" in cells["ps"].outputs[0].data["text/markdown"]
    assert "%llm reset" in "".join(output.text for output in cells["openai"].outputs)
    assert "Forgot 3 questions" in cells["reset"].outputs[0].data["text/plain"]


def shown(cell: NotebookNode) -> str:
    """What the last output of a cell says as text."""
    last = cell.outputs[-1]
    return str(last.text if last.output_type == "stream" else last.data["text/plain"])


def test_the_extraction_runs_and_says_what_its_text_promises() -> None:
    cells = execute(EXTRACTION)

    assert "%llm load NAME" in shown(cells["answer"])
    assert re.search(r"103 +None", shown(cells["answer"]))
    assert cells["answer"].outputs[0].data["text/plain"].startswith("4 of 4")
    assert "4 of 4 · 4 from the cache" in cells["again"].outputs[0].data["text/plain"]
    assert shown(cells["again"]) == "True"
    assert len(re.findall(r"\b(?:yes|no)$", shown(cells["choice"]), re.MULTILINE)) == 4
    assert "topic  stars" in shown(cells["schema"])
    assert len(re.findall(r"loading|stopping|clients|files", shown(cells["schema"]))) == 4
    assert "NaN" in shown(cells["join"])
    assert shown(cells["fail"]) == "['str', 'ZeroDivisionError', 'str']"
    assert shown(cells["one"]) == "('Ticket', True)"


def test_the_tools_run_and_say_what_their_text_promises() -> None:
    cells = execute(TOOLS)

    assert "guide" in cells["ask"].outputs[0].data["text/markdown"]
    assert 'get_weather({"city": "' in shown(cells["turns"])
    assert "The weather in " in shown(cells["turns"])
    assert "'Get the current weather of a city.'" in shown(cells["what"])
    assert shown(cells["errors"]) == "Error: ConnectionError('the clock of Bern does not answer')\n"
    assert "('read_file', '{\"path\"" in shown(cells["by-hand"])
    roles = ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert shown(cells["conversation"]) == repr(roles)


def test_the_search_finds_what_its_text_promises() -> None:
    cells = execute(SEARCH)

    assert shown(cells["embed"]) == "((5, 256), dtype('float32'), 1.0)"
    best = shown(cells["search"]).splitlines()[1]
    assert best.startswith("1  The kernel keeps your variables")
    assert shown(cells["answer"]) == "('stop', True)"


def test_documents_are_found_and_answered_from_as_the_notebook_says() -> None:
    cells = execute(DOCUMENTS)

    assert shown(cells["index"]) == "6"
    best = shown(cells["search"]).splitlines()[1]
    assert re.match(r"0\.9\d\d +The kernel keeps your variables", best)
    assert re.findall(r" (notebooks|server) +\d", shown(cells["where"])) == ["server", "server"]
    kept = "The kernel keeps your variables until it is restarted."
    assert shown(cells["answer"]) == repr((True, kept))


def test_the_api_answers_other_programs_as_the_notebook_says() -> None:
    cells = execute(HTTP_API)

    assert '"id": "guide"' in shown(cells["curl"])
    assert shown(cells["stream"]).startswith("data: {")
    assert shown(cells["stream"]).endswith("data: [DONE]\n")
    assert "%llm load NAME" in shown(cells["openai"])
    assert shown(cells["schema"]) == "['mood', 'urgent']"
    assert shown(cells["httpx"]) == "('text', 'end_turn', 'cpu')"
    assert shown(cells["errors"]).startswith("400 temperature ")


@pytest.mark.parametrize("path", WITH_ANSWERS, ids=lambda path: path.stem)
def test_a_notebook_is_published_with_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code if re.match(r"%%?llm|.*(llm|chat)\.", cell.source))
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_models_are_compared_as_the_notebook_says() -> None:
    cells = execute(COMPARISON)
    assert "vnd.jupyter.widget-view" in str(cells["make"].outputs[0].data.keys())
    assert cells["ask"].outputs[0].data["text/plain"] == "True"
    table = cells["table"].outputs[0].data["text/markdown"].splitlines()
    assert [row.count("tokens") for row in table[2:]] == [2, 2, 2]
    assert "temperature=1.5, seed=7" in table[3]
    assert "| What is GGUF? |" in table[4]
    assert cells["values"].outputs[0].text.count(" stop ") == 3
    assert "%llm load NAME" in cells["many"].outputs[0].data["text/plain"]
    saved = nbformat.read(COMPARISON, as_version=4)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
