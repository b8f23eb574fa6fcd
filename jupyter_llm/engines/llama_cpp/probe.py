"""Look at a model file before it is loaded, where it can do no harm.

llama.cpp ends its process when a check of its own fails, and a damaged file can
make it fail. So the header is read first, by a reader that says precisely what
is wrong; then a short-lived child opens the file exactly as the engine would,
but without memory for weights: what kills the child spares the server.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import msgspec

from jupyter_llm.errors import ModelFileError, ModelLoadError
from jupyter_llm.library.gguf import read_header
from jupyter_llm.processes.child import (
    CRASHES,
    child_environment,
    describe_end,
    python_command,
)
from jupyter_llm.types import LoadOptions, Model

from .hyperparameters import check_hyperparameters
from .probe_answer import ProbeAnswer, ProbeRequest, ProbeResult

CHILD_MODULE = "jupyter_llm.engines.llama_cpp.probe_child"

TIME_LIMIT_S = 8.0
"""Reading a header and building an empty context takes half a second."""


async def probe(model: Model, options: LoadOptions) -> ProbeResult:
    """What `model` would take if it were loaded with `options`.

    Raises:
        ModelFileError: The file is damaged or of an unknown kind.
        InvalidRequestError: An option cannot be honoured; `param` names it.
        ModelLoadError: llama.cpp refused the model, or took too long over it.
    """
    try:
        check_hyperparameters(await asyncio.to_thread(read_header, Path(model.path)))
        for beside in (*(options.adapters or ()), model.projector_path):
            if beside:
                await asyncio.to_thread(read_header, Path(beside))
        if options.draft_model:
            await asyncio.to_thread(_check_draft, Path(options.draft_model))
        return await _try_in_child(model, options)
    except ModelFileError as error:
        # llama.cpp's own messages name the file already, and those of a draft model its own
        if model.path in error.message or error.param == "draft_model":
            raise
        raise ModelFileError(f"{model.path}: {error.message}") from error


def _check_draft(path: Path) -> None:
    try:
        check_hyperparameters(read_header(path))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error.message}", param="draft_model") from error


async def _try_in_child(model: Model, options: LoadOptions) -> ProbeResult:
    request = msgspec.json.encode(ProbeRequest(model, options))
    try:
        returncode, output, errors = await _ask_child(request)
    except TimeoutError as error:
        raise ModelLoadError(
            f"llama.cpp was not done with looking at {model.path} after {TIME_LIMIT_S:.0f} s. "
            "The file is damaged, or this machine is too busy: try again."
        ) from error
    if -returncode in CRASHES:
        how = describe_end(returncode, errors)
        raise ModelFileError(f"The file is damaged: the process that tried it {how}.")
    if returncode:
        how = describe_end(returncode, errors)
        raise ModelLoadError(f"{model.path} could not be tried: the process for it {how}.")
    return _understand(output)


async def _ask_child(request: bytes) -> tuple[int, bytes, str]:
    """Run the child; returns its exit status, its answer and what it wrote besides."""
    child = await asyncio.create_subprocess_exec(
        *python_command(CHILD_MODULE, str(os.getpid())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment(os.environ),
        start_new_session=True,
    )
    try:
        output, errors = await asyncio.wait_for(child.communicate(request), TIME_LIMIT_S)
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    return child.returncode or 0, output, errors.decode(errors="replace")


def _understand(output: bytes) -> ProbeResult:
    """The result in the last line, or the error it tells of; a library may print before it."""
    lines = output.splitlines() or [b""]
    try:
        answer = msgspec.json.decode(lines[-1], type=ProbeAnswer)
    except msgspec.MsgspecError as error:
        raise ModelLoadError(f"The model could not be tried: {output[-200:]!r}.") from error
    if answer.failure:
        raise answer.failure.to_error()
    if answer.result is None:
        raise ModelLoadError("The model could not be tried: its process said nothing.")
    return answer.result
