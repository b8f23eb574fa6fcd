"""What `%llm` shows and decides, in a kernel of a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from live_kernel import LiveKernel, eventually

from jupyter_llm._version import __version__
from jupyter_llm.client.server import server_at
from jupyter_llm.kernel.doctor import doctor_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.client import Client, Server


@pytest.mark.parametrize("verb", ["models", "ls"])
def test_models_and_ls_are_the_same(kernel: LiveKernel, verb: str) -> None:
    cell = kernel.ok(f"%llm {verb}")
    assert cell.markdown.startswith("| model | state | size |")
    assert "| guide |" in cell.markdown
    assert "MODEL  STATE" in cell.displays[0].data["text/plain"]


def test_usage_counts_what_models_have_done(kernel: LiveKernel) -> None:
    kernel.ok("%%llm -m echo\none two three")

    def written() -> int:
        rows = kernel.ok("%llm usage echo").markdown.split("\n")
        return sum(int(row.split("|")[4]) for row in rows if row.startswith("| echo |"))

    assert eventually(lambda: written() >= 3, timeout_s=20)
    before = written()
    kernel.ok("%%llm -m echo\none two three four")
    assert eventually(lambda: written() >= before + 4, timeout_s=20)
    assert "guide" not in kernel.ok("%llm usage echo").markdown
    assert kernel.run("%llm usage nobody").reply["ename"] == "ModelNotFoundError"


@pytest.fixture
def undecided(client: Client) -> Iterator[None]:
    """Whatever is decided about the echo in a test is taken back."""
    yield
    client.change_settings("echo", aliases=None, options=None, pinned=None, keep_alive=None)


@pytest.mark.usefixtures("undecided")
def test_set_decides_and_keeps_what_was_decided(kernel: LiveKernel, client: Client) -> None:
    assert "Nothing was decided about echo." in kernel.ok("%llm set echo").markdown
    shown = kernel.ok("%llm set echo --alias parrot --slots 3 --keep-alive 5m --pin").markdown
    assert "| slots | 3 | - |" in shown
    assert "| keep alive | 300 s | - |" in shown
    kernel.ok("%llm set parrot --context-length 100")
    settings = client.settings("echo")
    assert settings["aliases"] == ["parrot"]
    assert settings["options"] == {"slots": 3, "context_length": 100}
    assert settings["pinned"] is True
    kernel.ok("%llm set echo --no-pin")
    assert client.settings("echo")["pinned"] is False
    assert client.settings("echo")["aliases"] == ["parrot"]
    both = kernel.run("%llm set echo --forget --slots 2")
    assert both.reply["ename"] == "UsageError"
    assert "Nothing was decided" in kernel.ok("%llm set echo --forget").markdown


def test_set_takes_no_value_that_the_server_refuses(kernel: LiveKernel) -> None:
    refused = kernel.run("%llm set echo --keep-alive soon")
    assert refused.reply["ename"] == "InvalidRequestError"
    assert kernel.run("%llm set echo --backend echo").reply["ename"] == "UsageError"


def test_the_doctor_looks_at_everything(kernel: LiveKernel) -> None:
    cell = kernel.ok("%llm doctor")
    assert "| what | how it is | what mends it |" in cell.markdown
    for what in ("server", "jupyter-llm", "models", "engine echo", "engine llama_cpp", "registry"):
        assert f"| {what} |" in cell.markdown
    assert "found by JUPYTER_LLM_BASE_URL" in cell.markdown


class Ill:
    """A server where much is wrong."""

    server: Server = server_at("http://localhost:1/llm/", token="", found_by="test")

    def status(self) -> dict[str, Any]:
        return {
            "version": "99.0",
            "status": "unloaded",
            "default_model": None,
            "models": [{"id": "big", "state": "failed", "error": "no memory"}],
            "engines": [
                {
                    "name": "echo",
                    "installed": True,
                    "version": "1",
                    "device": "cpu",
                    "reason": "",
                    "install_command": "",
                },
                {
                    "name": "fast",
                    "installed": False,
                    "version": "",
                    "device": "cpu",
                    "reason": "fast is not installed",
                    "install_command": "pip install fast",
                },
            ],
            "devices": [{"name": "cpu", "id": "cpu", "free_bytes": 10**9, "total_bytes": 10**10}],
            "device_hints": ["no GPU is seen"],
            "registry": {"status": "failed", "error": "locked"},
            "downloads": {"failed": 2},
        }

    def unusable(self) -> list[dict[str, str]]:
        return [{"id": "half.gguf", "path": "/half.gguf", "error": "cut short"}]


def test_the_doctor_says_what_mends_each_thing_and_that_first() -> None:
    table = doctor_table(Ill())  # type: ignore[arg-type]  # stands in for a client
    mending = {what: mends for what, _, mends in table.rows}
    assert mending["jupyter-llm"].startswith("`%pip install jupyter-llm==99.0`")
    assert mending["model big"] == "`%llm load big` tries again"
    assert mending["engine fast"] == "`pip install fast` on the server"
    assert "%llm pull" in mending["models"]
    assert "%llm pull" in mending["downloads"]
    assert mending["file half.gguf"]
    assert mending["registry"]
    assert mending["engine echo"] == mending["server"] == ""
    ill = [bool(mends) for _, _, mends in table.rows]
    assert ill == sorted(ill, reverse=True)
    assert f"{__version__} in this kernel, 99.0 in the server" in table.text()


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("%llm?", ["%llm doctor", "VERB", "switch", "Tab completes"]),
        ("%%llm?", ["%%llm -m NAME -o reply", "--top-p", "conversation"]),
    ],
)
def test_a_question_mark_shows_help(kernel: LiveKernel, code: str, texts: list[str]) -> None:
    cell = kernel.ok(code)
    (page,) = [p for p in cell.reply["payload"] if p["source"] == "page"]
    for text in texts:
        assert text in page["data"]["text/plain"]
    name = code.removesuffix("?")
    told = kernel.inspect(f"{name} -h", len(name) - 1)
    assert told["found"]


def test_a_package_that_takes_the_magics_away_is_named(live_server: Any) -> None:
    other = """
from IPython.core.magic import register_cell_magic
def llm(line, cell): ...
llm.__module__ = "cellwizard.magics"
register_cell_magic(llm)
"""
    with LiveKernel(live_server) as kernel:
        assert kernel.ok("%load_ext jupyter_llm").printed == ""
        kernel.ok("%%llm -m echo\none", cell_id="a")
        printed = kernel.ok(other).printed
        assert "%%llm is that of cellwizard.magics now" in printed
        assert "%reload_ext jupyter_llm" in printed
        assert kernel.ok("fine = 1").printed == ""
        assert "replaces the %%llm magic" in kernel.ok("%reload_ext jupyter_llm").printed
        again = kernel.ok("%%llm -m echo\ntwo", cell_id="b")
        assert again.facts["usage"]["prompt_tokens"] == 3, "the conversation goes on"
