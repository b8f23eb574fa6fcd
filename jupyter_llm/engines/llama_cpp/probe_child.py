"""The probe's child: `python -m` this module tries one model file and ends.

Its argument is the process id of the server; request and answer are JSON on
standard input and output.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from jupyter_llm.engines.failure import Failure
from jupyter_llm.errors import ModelFileError
from jupyter_llm.processes.confinement import confine, limit_memory, private_bytes
from jupyter_llm.types import LoadOptions, Model

from .batch import Batch
from .bindings import load_bindings
from .draft import draft_as_model, load_draft, memory_with
from .probe_answer import ProbeAnswer, ProbeRequest, ProbeResult
from .prompts import Prompts
from .runtime import Runtime
from .sampling import logits_at
from .vocabulary import Vocabulary

SMALL_FILE_BYTES = 64 << 20
"""Up to this size a step is computed too: it takes a tenth of a second."""

_ALLOWANCE_BYTES = 2 << 30
"""What the probe of a sound model stays far below; a damaged count does not."""

_NUM_PIECES = 300
_NUM_TRIAL_TOKENS = 32
_SAMPLE = "Hello, world! Grüße, 世界. 🐘\n\n\tdef f(x): return x ** 2  # 1234567890\r\n"


def try_model(model: Model, options: LoadOptions) -> ProbeResult:
    """Do all that a load does, without memory for the weights."""
    llama = load_bindings()
    size_bytes = max(Path(model.path).stat().st_size, model.size_bytes)
    draft_bytes, projector_bytes = map(
        _size_bytes, (options.draft_model or "", model.projector_path)
    )
    limit_memory(_ALLOWANCE_BYTES + size_bytes + draft_bytes + projector_bytes)
    before_bytes = private_bytes()
    runtime = Runtime(model, options, lambda _part: True, no_alloc=True)
    _check_kind(runtime)
    Prompts(runtime)
    _try_vocabulary(runtime.vocabulary)
    draft = load_draft(runtime, options, lambda _part: True, no_alloc=True)
    # without weights, cache and buffers what is left is the rest that a load takes
    overhead_bytes = max(private_bytes() - before_bytes, 0)
    result = ProbeResult(
        memory=replace(memory_with(runtime, draft), overhead_bytes=overhead_bytes),
        trained_context_length=llama.llama_model_n_ctx_train(runtime.model),
        num_layers=llama.llama_model_n_layer(runtime.model),
        is_recurrent=llama.llama_model_is_recurrent(runtime.model),
        is_hybrid=llama.llama_model_is_hybrid(runtime.model),
    )
    length = runtime.options.context_length
    if draft:
        draft.free()
    runtime.free()
    if size_bytes <= SMALL_FILE_BYTES:
        is_small = projector_bytes <= SMALL_FILE_BYTES
        _try_steps(model if is_small else replace(model, projector_path=""))
    if options.draft_model and draft_bytes <= SMALL_FILE_BYTES:
        _try_steps(draft_as_model(options.draft_model, length))
    return result


def _size_bytes(path: str) -> int:
    return Path(path).stat().st_size if path else 0


def _check_kind(runtime: Runtime) -> None:
    """Refuse what does not continue a text: llama.cpp would abort when asked to."""
    llama, model = runtime.llama, runtime.model
    purpose = runtime.purpose
    has_encoder, has_decoder = (
        llama.llama_model_has_encoder(model),
        llama.llama_model_has_decoder(model),
    )
    if (
        (has_encoder and has_decoder)
        or (purpose.generates and not has_decoder)
        or llama.llama_model_is_diffusion(model)
        or not (purpose.reads_whole or llama.llama_get_memory(runtime.context))
    ):
        raise ModelFileError("This model does not generate text token by token.")


def _try_vocabulary(vocabulary: Vocabulary) -> None:
    """Read as many tokens as a damaged vocabulary needs to show itself."""
    tokens = vocabulary.tokenize(_SAMPLE)
    if any(not 0 <= token < vocabulary.num_tokens for token in tokens):
        raise ModelFileError("The file is damaged: its vocabulary makes tokens it does not hold.")
    step = max(1, vocabulary.num_tokens // _NUM_PIECES)
    for token in [*tokens, *range(0, vocabulary.num_tokens, step), *vocabulary.end_tokens]:
        vocabulary.name(token)


def _try_steps(model: Model) -> None:
    """Compute a prefill and a decode with the true weights."""
    length = min(_NUM_TRIAL_TOKENS, model.context_length)
    options = LoadOptions(context_length=length, slots=1, num_threads=1)
    runtime = Runtime(model, options, lambda _part: True)
    tokens = runtime.vocabulary.tokenize(_SAMPLE)[: length - 1] or [0]
    if not runtime.purpose.generates:
        _try_vectors(runtime, tokens)
        return
    batch = Batch(runtime.llama, len(tokens))
    logits = _step(runtime, batch, tokens, position=0)
    _step(runtime, batch, [int(np.argmax(logits))], position=len(tokens))


def _try_vectors(runtime: Runtime, tokens: list[int]) -> None:
    """Compute what becomes of a text."""
    context = runtime.embedding_context()
    context.batch.add(tokens, 0, 0, logits=True)
    rows = context.compute()
    vectors = context.scores(0) if runtime.purpose.ranks else rows
    if not np.isfinite(vectors).all():
        raise ModelFileError("The file is damaged: it computes to something that is no number.")


def _step(runtime: Runtime, batch: Batch, tokens: list[int], position: int) -> np.ndarray:
    batch.clear()
    index = batch.add(tokens, position, 0, logits=True)
    code = runtime.llama.llama_decode(runtime.context, batch.struct)
    if code:
        raise ModelFileError(f"The file is damaged: llama.cpp cannot compute with it ({code}).")
    logits = logits_at(runtime.llama, runtime.context, index, runtime.vocabulary.num_tokens)
    if np.isnan(logits).any():
        raise ModelFileError("The file is damaged: it computes to something that is no number.")
    return logits


def main() -> None:
    """Answer the request on standard input, and end without tidying up."""
    confine(int(sys.argv[1]))
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=ProbeRequest)
    try:
        answer = ProbeAnswer(result=try_model(request.model, request.options))
    except Exception as error:  # noqa: BLE001 - it is raised on the other side
        answer = ProbeAnswer(failure=Failure.of(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
