"""The magics in a plain IPython, without any kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from live_kernel import eventually
from terminal import Terminal

if TYPE_CHECKING:
    from live import LiveServer
    from live_kernel import LiveKernel

    from jupyter_llm.client import Client

SESSION = """
%load_ext jupyter_llm
name = "Ada"
%%llm -m echo -o reply
Hello {name}
you


print("kept", repr(reply))
%%llm -m nobody
Hello


%llm ps
exit
"""

# started by a kernel, as by a terminal of the server: what it knows is inherited
RUN = f"""
import subprocess, sys
ipython = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt"]
print(subprocess.run(ipython, input={SESSION!r}, capture_output=True, text=True, timeout=60).stdout)
"""


def test_ipython_streams_text_keeps_the_answer_and_shows_errors(kernel: LiveKernel) -> None:
    printed = kernel.ok(RUN).printed
    assert "Hello Ada\nyou\n\n[echo · 3 tokens · " in printed
    assert "kept 'Hello Ada\\nyou'" in printed
    assert "ModelNotFoundError: There is no model 'nobody'" in printed
    assert "Traceback" not in printed
    assert "MODEL  STATE" in printed


def test_tab_help_and_interrupt_in_a_terminal(live_server: LiveServer, client: Client) -> None:
    with Terminal(live_server) as terminal:
        terminal.run("%load_ext jupyter_llm", until=r"In .*\[.*2.*\]")
        terminal.complete("%llm swi", "tch")
        terminal.complete(" ec", "ho")
        terminal.keys("\x15")  # the line is not wanted any more
        terminal.run("1 / 0", until="ZeroDivisionError: division")
        assert "Traceback (most recent" in terminal.run("%llm fix -m echo", until="no other cell")
        terminal.run("long = 'word ' * 300_000", until=r"In .*\[")
        terminal.run("%%llm -m echo", until="\n")
        terminal.run("{long}", until="\n")
        terminal.keys("\r")
        terminal.run("", until="word word word")
        terminal.interrupt()
        assert "interrupted" in terminal.expect("KeyboardInterrupt")
        assert eventually(lambda: not any(s.stats.num_running for s in client.loaded()))
