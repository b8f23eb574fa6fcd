"""The magics in a plain IPython, without any kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from live_kernel import LiveKernel

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
