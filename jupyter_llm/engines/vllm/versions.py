"""Which versions of vLLM the engine was tried with."""

from __future__ import annotations

import re

from jupyter_llm.errors import EngineUnavailableError

TESTED = ((0, 32), (0, 34))
"""The first version that this works with, and the first that is too new to be known."""


def check(version: str) -> None:
    """See that vLLM is one that this was tried with.

    Raises:
        EngineUnavailableError: It is not.
    """
    first, beyond = TESTED
    if not first <= version_of(version) < beyond:
        raise EngineUnavailableError(
            f"vLLM {version} is installed, and this engine was tested from "
            f"{_dotted(first)} to below {_dotted(beyond)}: "
            f"pip install 'vllm>={_dotted(first)},<{_dotted(beyond)}'"
        )


def version_of(text: str) -> tuple[int, int]:
    """The first two numbers of a version; zeros where it has none."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
