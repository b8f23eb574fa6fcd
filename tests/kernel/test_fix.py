"""`%llm fix` and `--code`: code that comes out of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from live_kernel import Cell, LiveKernel

from jupyter_llm.kernel.code import blocks, code_of
from jupyter_llm.kernel.failures import MAX_LINES, Failure
from jupyter_llm.kernel.fixing import diff, mended, question

if TYPE_CHECKING:
    from live import LiveServer

BROKEN = "import math\nradius = '2'\narea = math.pi * radius**2"
MENDED = "import math\nradius = 2\narea = math.pi * radius**2"
WISH = f"wish = {f'```python{chr(10)}{MENDED}{chr(10)}```'!r}"

FAILURE = Failure(cell=BROKEN, report="TypeError: no")


def next_input(cell: Cell) -> dict[str, Any]:
    """The cell that the front end is asked to write."""
    (payload,) = [p for p in cell.reply["payload"] if p["source"] == "set_next_input"]
    found: dict[str, Any] = payload
    return found


def test_an_error_is_explained_and_a_mended_cell_proposed(kernel: LiveKernel) -> None:
    """An echo repeats its question; what it is told beside the error it proposes."""
    assert kernel.run(BROKEN).reply["ename"] == "TypeError"
    kernel.ok(WISH)
    fixed = kernel.ok('%llm fix -m echo "{wish}"')
    explained, proposed = fixed.displays
    asked = explained.data["text/plain"]
    assert f"```python\n{BROKEN}\n```" in asked
    assert '  File "In[' in asked
    assert "    area = math.pi * radius**2\n" in asked
    assert "TypeError: unsupported operand type(s) for ** or pow()" in asked
    assert "IPython" not in asked
    assert proposed.data["text/markdown"].startswith("```diff\n@@")
    assert "\n-radius = '2'\n+radius = 2\n" in proposed.data["text/plain"]
    assert next_input(fixed) == {"source": "set_next_input", "text": MENDED, "replace": False}
    replaced = kernel.ok('%llm fix -m echo --replace "{wish}"')
    assert next_input(replaced)["replace"] is True


def test_what_changes_nothing_is_not_proposed(kernel: LiveKernel) -> None:
    kernel.run("1 / 0")
    fixed = kernel.ok("%llm fix -m echo")
    assert "no other cell" in fixed.markdown
    assert fixed.reply["payload"] == []


@pytest.mark.parametrize(
    ("code", "report"),
    [
        ("def f(:\n    pass", 'File "In['),
        ("%%time\nfirst = {}\nfirst['key']", "KeyError: 'key'"),
        (
            "try:\n    1 / 0\nexcept ArithmeticError as e:\n    raise ValueError('odd') from e",
            "odd",
        ),
        ("def deep(n):\n    return deep(n + 1) + 1\ndeep(0)", "RecursionError"),
    ],
)
def test_all_kinds_of_failures_are_told(kernel: LiveKernel, code: str, report: str) -> None:
    assert kernel.run(code).reply["status"] == "error"
    asked = kernel.ok("%llm fix -m echo").displays[0].data["text/plain"]
    assert f"```python\n{code}\n```" in asked
    told = asked.partition("```text\n")[2].partition("\n```")[0]
    assert report in told
    assert told.count("\n") <= MAX_LINES
    assert "IPython/core" not in told


def test_an_interrupt_a_wrong_magic_and_a_question_are_nothing_to_mend(kernel: LiveKernel) -> None:
    kernel.run("the_error_to_mend")
    kernel.run("raise KeyboardInterrupt")
    kernel.run("%llm nonsense")
    kernel.run("%%llm -m nobody\nHello")
    kernel.ok("fine = 1")
    asked = kernel.ok("%llm fix -m echo").displays[0].data["text/plain"]
    assert "name 'the_error_to_mend' is not defined" in asked


def test_an_error_from_before_the_extension_was_loaded_is_known(live_server: LiveServer) -> None:
    with LiveKernel(live_server) as kernel:
        kernel.ok("%load_ext jupyter_llm")
        nothing = kernel.run("%llm fix -m echo")
        assert nothing.reply["ename"] == "UsageError"
        assert "No cell has failed" in nothing.reply["evalue"]
    with LiveKernel(live_server) as kernel:
        kernel.run("early = 1\nearly / 0")
        kernel.ok("%load_ext jupyter_llm")
        asked = kernel.ok("%llm fix -m echo").displays[0].data["text/plain"]
        assert "```python\nearly = 1\nearly / 0\n```" in asked
        assert "ZeroDivisionError" in asked


def test_the_code_of_an_answer_becomes_a_cell(kernel: LiveKernel) -> None:
    kernel.ok("fence = '`' * 3")
    asked = "Use this:\n{fence}python\nx = 1\n{fence}\nand this:\n{fence}\ny = 2\n{fence}"
    cell = kernel.ok(f"%%llm -m echo --code\n{asked}")
    assert next_input(cell)["text"] == "x = 1\n\ny = 2"
    assert cell.markdown.startswith("Use this:")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("x = 1\n", "x = 1"),
        ("```py\nx = 1\n```\n```bash\nls\n```", "x = 1"),
        ("```bash\nls\n```", "ls"),
        ("````\n```\ninner\n```\n````", "```\ninner\n```"),
        ("  ~~~python\n  x\n  ~~~", "x"),
        ("```python\ncut off", "cut off"),
        ("see ```inline``` here", "see ```inline``` here"),
    ],
)
def test_fences_are_stripped(answer: str, code: str) -> None:
    assert code_of(answer) == code


def test_a_block_that_was_cut_off_is_not_proposed() -> None:
    assert [block.is_closed for block in blocks("```python\nx = 1\n```\n```python\nx")] == [
        True,
        False,
    ]
    assert mended("```python\nx = 1\n```\n```python\nx", "x") == "x = 1"
    assert mended("```python\nx", "y") is None
    assert mended("```text\nx\n```", "y") is None


def test_a_cell_with_fences_of_its_own_is_quoted_whole() -> None:
    asked = question(Failure(cell="'''\n```\n'''", report="e"), "a remark")
    assert "````python\n'''\n```\n'''\n````" in asked
    assert "a remark" in asked


def test_a_difference_has_its_surroundings() -> None:
    before = "\n".join("abcdefghij")
    assert diff(before, before.replace("e", "E")) == (
        "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h"
    )
