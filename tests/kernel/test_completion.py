"""Tab behind the magics: in a kernel of a server, and without a server."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from live_kernel import LiveKernel
from traitlets.config import Config

from jupyter_llm.kernel.recent import WAIT_S, Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.client import Client


@pytest.fixture(scope="module")
def completing(shared_kernel: LiveKernel) -> LiveKernel:
    """A kernel with a few variables that completion may find."""
    shared_kernel.ok("reply = 'x'; _hidden = 1; import math")
    shared_kernel.ok("class City: pass\ndef weather(): pass\nimport numpy; grid = numpy.eye(2)")
    return shared_kernel


def offered(kernel: LiveKernel, typed: str) -> list[str]:
    """What the front end would write in the place of the last word, for `|` in `typed`."""
    before, _, after = typed.partition("|")
    reply = kernel.complete(before + after, len(before))
    assert reply["status"] == "ok"
    start, end = reply["cursor_start"], reply["cursor_end"]
    assert end == len(before)
    return [before[:start] + match for match in reply["matches"]]


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("%llm sw|", ["%llm switch"]),
        ("x = 1\n%llm sw|", ["x = 1\n%llm switch"]),
        ("shown = %llm do|", ["shown = %llm doctor"]),
        ("%llm load gu|", ["%llm load guide"]),
        ("%llm load GU|", ["%llm load guide"]),
        ("%llm load --slots 4 gu|", ["%llm load --slots 4 guide"]),
        ("%llm load guide --sl|", ["%llm load guide --slots"]),
        ("%llm load guide --speculation p|", ["%llm load guide --speculation prompt_lookup"]),
        ("%llm load guide --kv-type=q8|", ["%llm load guide --kv-type=q8_0"]),
        ("%llm load guide --backend ec|", ["%llm load guide --backend echo"]),
        ("%llm ls |", ["%llm ls --help"]),
        ("%%llm -m ec|\nHello", ["%%llm -m echo"]),
        ("%%llm --model=ec|\nHello", ["%%llm --model=echo"]),
        ("\n%%llm --top|", ["\n%%llm --top-p", "\n%%llm --top-k"]),
        ("%%llm -o re|", ["%%llm -o reply"]),
        ("%%llm --schema Ci|", ["%%llm --schema City"]),
        ("%%llm --as Da|", ["%%llm --as DataFrame"]),
        ("%%llm --tools w|", ["%%llm --tools weather"]),
        ("%%llm --tools weather,w|", ["%%llm --tools weather,weather"]),
        ("%%llm --image gr|", ["%%llm --image grid"]),
        ("%llm fix --mo|", ["%llm fix --model"]),
        ("%llm fix -m gu|", ["%llm fix -m guide"]),
        ("%%llm --reasoning-effort lo|", ["%%llm --reasoning-effort low"]),
    ],
)
def test_what_fits_is_offered(completing: LiveKernel, typed: str, texts: list[str]) -> None:
    assert offered(completing, typed) == texts


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("%llm pull gu|", "%llm pull guide"),
        ("%llm nonsense gu|", "%llm nonsense guide"),
        ("%%llm gu|", "%%llm guide"),
        ("%%llm -o _|", "%%llm -o _hidden"),
        ("%%llm -o ma|", "%%llm -o math"),
        ("llm.load(gu|", "llm.load(guide"),
        ("print(1)\n%%llm -m gu|", "print(1)\n%%llm -m guide"),
    ],
)
def test_what_does_not_belong_there_is_not_offered(
    completing: LiveKernel, typed: str, wrong: str
) -> None:
    assert wrong not in offered(completing, typed)


def test_verbs_come_in_the_order_of_the_help(completing: LiveKernel) -> None:
    assert offered(completing, "%llm |")[:3] == ["%llm models", "%llm ps", "%llm vram"]
    assert "%llm ls" not in offered(completing, "%llm |")


def test_python_in_a_prompt_is_completed_as_ever(completing: LiveKernel) -> None:
    assert any(text.endswith("{reply") for text in offered(completing, "%%llm\nWhat of {rep|"))
    assert "math.sqrt" in offered(completing, "math.sq|")


def test_models_are_known_as_they_are_now(kernel: LiveKernel, client: Client) -> None:
    client.unload("echo")
    client.change_settings("echo", aliases=["my parrot"])
    try:
        kernel.ok("import time; time.sleep(5)")  # what was known is asked for anew
        assert "%llm unload echo" not in offered(kernel, "%llm unload e|")
        assert offered(kernel, "%llm load e|") == ["%llm load echo"]
        assert offered(kernel, "%%llm -m my|") == ['%%llm -m "my parrot"']
        assert offered(kernel, '%%llm -m "my p|') == ['%%llm -m "my parrot"']
        assert kernel.ok('%%llm -m "my parrot"\nHello').markdown.startswith("Hello")
    finally:
        client.change_settings("echo", aliases=None)


def test_a_server_that_does_not_answer_holds_no_key_up() -> None:
    answered = threading.Event()
    asked: list[float] = []

    def ask() -> str:
        asked.append(time.monotonic())
        answered.wait(60)
        return "late"

    recent = Recent(ask, "nothing")
    began = time.monotonic()
    assert recent.get() == "nothing"
    assert recent.get() == "nothing"
    assert time.monotonic() - began < 2.5 * WAIT_S
    assert len(asked) == 1
    answered.set()
    assert recent.get() == "late"


def test_what_was_known_is_kept_where_the_server_fails() -> None:
    now = 0.0
    answers: Iterator[Any] = iter(["known"])
    recent = Recent(lambda: next(answers), "nothing", clock=lambda: now)
    assert recent.get() == "known"
    now = 60.0
    assert recent.get() == "known"


def test_without_a_server_there_are_verbs_and_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_LLM_BASE_URL", "http://127.0.0.1:1/llm/")
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "jupyter_llm")

    def texts(line: str) -> list[str]:
        with provisionalcompleter():
            return [c.text for c in shell.Completer.completions(line, len(line))]

    began = time.monotonic()
    assert texts("%llm lo") == ["load"]
    assert "guide" not in texts("%llm load gu")
    assert time.monotonic() - began < 3
