"""The magics in a real kernel of a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from live_kernel import LiveKernel, eventually
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

if TYPE_CHECKING:
    from live import LiveServer

    from jupyter_llm.client import Client


def test_an_answer_is_one_display_with_a_status_line(kernel: LiveKernel) -> None:
    cell = kernel.ok("%%llm -m echo\n**Hello** there\nyou")
    assert len(cell.outputs) == 1
    assert cell.markdown.startswith("**Hello** there\nyou\n\n<small")
    assert "echo · 3 tokens · " in cell.markdown
    assert cell.facts["model"] == "echo"
    assert cell.facts["finish_reason"] == "stop"
    assert cell.facts["usage"]["completion_tokens"] == 3
    assert "**Hello** there\nyou\n\n[echo · 3 tokens" in cell.displays[0].data["text/plain"]


def test_out_puts_the_answer_into_a_variable(kernel: LiveKernel) -> None:
    kernel.ok("%%llm -m echo -o reply\nkeep this")
    assert kernel.ok("print(type(reply).__name__, repr(reply))").printed == "str 'keep this'\n"


def test_variables_are_put_in_and_other_braces_kept(kernel: LiveKernel) -> None:
    kernel.ok("name = 'Ada'; data = {'k': [1, '{name}']}")
    cell = kernel.ok(
        '%%llm -m echo\n{name}: {data["k"][1]} {missing} {"name": {name}} \\frac{1}{2}'
    )
    assert cell.markdown.startswith('Ada: {name} {missing} {"name": Ada} \\frac{1}{2}\n')


def test_raw_sends_the_cell_as_it_is_typed(kernel: LiveKernel) -> None:
    kernel.ok("name = 'Ada'")
    assert kernel.ok("%%llm -m echo --raw\n{name}").markdown.startswith("{name}\n")


def test_arguments_take_variables_too(kernel: LiveKernel) -> None:
    kernel.ok("which = 'echo'; persona = 'You are {brief}. $HOME'")
    cell = kernel.ok('%%llm -m {which} --system "{persona}"\nHello')
    assert cell.facts["model"] == "echo"
    assert cell.facts["usage"]["prompt_tokens"] == 1 + len(["You", "are", "{brief}.", "$HOME"])


def test_max_tokens_cuts_the_answer_and_the_status_says_so(kernel: LiveKernel) -> None:
    cell = kernel.ok("%%llm -m echo --max-tokens 2\none two three")
    assert cell.markdown.startswith("one two\n")
    assert cell.facts["finish_reason"] == "length"


def num_prompt_words(kernel: LiveKernel, cell_id: str, prompt: str, options: str = "") -> int:
    """How many words the model was shown for this question."""
    cell = kernel.ok(f"%%llm -m echo {options}\n{prompt}", cell_id)
    shown: int = cell.facts["usage"]["prompt_tokens"]
    return shown


def test_cells_share_a_conversation_and_a_cell_run_again_replaces_its_turn(
    kernel: LiveKernel,
) -> None:
    assert num_prompt_words(kernel, "a", "one") == 1
    assert num_prompt_words(kernel, "b", "one two") == 2 + 2 * 1
    assert num_prompt_words(kernel, "c", "x") == 1 + 2 * (1 + 2)
    # a sees nothing before it, and c the new a
    assert num_prompt_words(kernel, "a", "one two three four") == 4
    assert num_prompt_words(kernel, "c", "x") == 1 + 2 * (4 + 2)
    assert num_prompt_words(kernel, "d", "x", "--no-history") == 1
    assert num_prompt_words(kernel, "d", "x") == 1 + 2 * (4 + 2 + 1)
    assert "Forgot 4 questions" in kernel.ok("%llm reset").markdown
    assert num_prompt_words(kernel, "d", "x") == 1


def test_an_interrupt_stops_the_model_and_keeps_the_partial_text(
    kernel: LiveKernel, client: Client
) -> None:
    kernel.ok("long = 'word ' * 300_000")
    cell = kernel.start("%%llm -m echo -o partial\n{long}", cell_id="a")
    while "word word" not in cell.markdown:
        assert kernel.step(cell)
    assert any(status.stats.num_running for status in client.loaded())
    kernel.interrupt()
    kernel.finish(cell)

    assert cell.reply["status"] == "error"
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert cell.error is not None
    assert len(cell.error.traceback) == 1
    assert eventually(lambda: not any(s.stats.num_running for s in client.loaded()))
    num_words = cell.markdown.count("word")
    assert 0 < num_words < 300_000
    assert "echo · first token after" in cell.markdown
    assert "interrupted" in cell.markdown
    assert int(kernel.ok("print(partial.count('word'))").printed) == num_words
    # the conversation goes on with what was said
    assert num_prompt_words(kernel, "b", "next") > 300_000 + num_words


def test_a_failure_raises_with_one_line(kernel: LiveKernel) -> None:
    cell = kernel.run("%%llm -m ehco -o reply\nHello")
    assert cell.reply["ename"] == "ModelNotFoundError"
    assert cell.error is not None
    assert cell.error.traceback == [f"ModelNotFoundError: {cell.error.evalue}"]
    assert "echo" in cell.error.evalue
    assert kernel.run("reply").reply["ename"] == "NameError"


def test_a_conversation_that_grew_too_long_says_how_to_go_on(kernel: LiveKernel) -> None:
    kernel.ok("%%llm -m echo\nHello", cell_id="a")
    kernel.ok("long = 'a ' * 1_000_000")
    cell = kernel.run("%%llm -m echo\n{long}", cell_id="b")
    assert cell.error is not None
    assert cell.error.ename == "ContextLengthError"
    assert "1000000" in cell.error.traceback[0]
    assert "%llm reset" in cell.error.traceback[1]
    assert "--no-history" in cell.error.traceback[1]


def test_a_failure_stops_nbclient(kernel: LiveKernel) -> None:
    cells = ["%%llm -m echo\nfine", "%%llm -m nobody\nHello", "never = 'reached'"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(CellExecutionError, match="ModelNotFoundError"):
        NotebookClient(notebook, km=kernel.manager()).execute(cleanup_kc=True)
    assert notebook.cells[0].outputs[0].data["text/markdown"].startswith("fine")
    assert notebook.cells[2].execution_count is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("%%llm --temperature warm\nHello", "--temperature"),
        ("%%llm --modle echo\nHello", "--modle"),
        ("%%llm -o 3x\nHello", "'3x' is not a name"),
        ('%%llm --system "open\nHello', "quotation"),
        ("%%llm\n   \n", "prompt"),
        ("%llm speak", "choose from"),
        ("%llm load", "NAME"),
    ],
)
def test_wrong_arguments_are_usage_errors(kernel: LiveKernel, code: str, message: str) -> None:
    cell = kernel.run(code)
    assert cell.reply["ename"] == "UsageError"
    assert message in cell.reply["evalue"]


@pytest.mark.parametrize("code", ["%llm", "%llm help"])
def test_help_shows_both_magics(kernel: LiveKernel, code: str) -> None:
    markdown = kernel.ok(code).markdown
    assert "usage: %llm [-h] VERB" in markdown
    assert "--num-threads" not in markdown
    assert "--temperature T" in markdown


@pytest.mark.parametrize(
    ("code", "option"), [("%%llm -h\n ", "--seed"), ("%llm load -h", "--slots")]
)
def test_h_prints_help_and_does_nothing(kernel: LiveKernel, code: str, option: str) -> None:
    cell = kernel.ok(code)
    assert option in cell.printed
    assert cell.displays == []


def test_another_packages_llm_magic_is_named_in_a_warning(live_server: LiveServer) -> None:
    other = """
from IPython.core.magic import register_cell_magic
def llm(line, cell): ...
llm.__module__ = "cellwizard.magics"
register_cell_magic(llm)
"""
    with LiveKernel(live_server) as kernel:
        kernel.ok(other)
        assert (
            "replaces the %%llm magic of cellwizard.magics"
            in kernel.ok("%load_ext jupyter_llm").printed
        )
        assert kernel.ok("%%llm -m echo\nHello").markdown.startswith("Hello")
        assert kernel.ok("%reload_ext jupyter_llm").printed == ""
