"""Log-probabilities of the built-in model through the engine, against a softmax in NumPy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy_llama import NumpyLlama

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import GenerationRequest, LoadOptions, Model, SamplingParams, TokenLogprob

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PROMPT = "<|im_start|>user\nHow do I load a model?<|im_end|>\n<|im_start|>assistant\n"
# the model in the GGUF is rounded to 8 bits
ROUNDING = 0.25


@asynccontextmanager
async def guide() -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    model = Model(
        id="guide", path=str(GUIDE_PATH), format="gguf", engine="llama_cpp", context_length=512
    )
    options = LoadOptions(num_threads=1)
    await engine.load(model, options, lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def softmax_logs(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def request(**fields: object) -> GenerationRequest:
    # bias, penalties and temperature choose the tokens, and change no probability
    sampling = SamplingParams(
        temperature=0.9,
        top_k=20,
        seed=3,
        max_tokens=24,
        num_top_logprobs=5,
        presence_penalty=1.0,
        logit_bias=((300, 5.0),),
        stop=("\n\n",),
    )
    return GenerationRequest(id="1", model_id="guide", sampling=sampling, **fields)  # type: ignore[arg-type]  # fields of any type


async def test_prompt_and_answer_have_the_models_own_probabilities(hf_folder: Path) -> None:
    async with guide() as engine:
        vocabulary = engine._require_loaded().runtime.vocabulary
        number_of = {vocabulary.name(t): t for t in range(vocabulary.num_tokens)}
        asked = request(prompt=PROMPT, echo=True)
        found: list[TokenLogprob] = []
        async for chunk in engine.generate(asked):
            found += chunk.logprobs
    tokens = [number_of[one.chosen.text_bytes] for one in found]
    assert len(tokens) > len(PROMPT) / 10
    logs = softmax_logs(NumpyLlama(hf_folder).logits(tokens))
    assert found[0].chosen.logprob is None
    for place, one in enumerate(found[1:]):
        # of what is next to impossible the rounding decides
        expected = logs[place, tokens[place + 1]]
        if expected > -8:
            assert one.chosen.logprob == pytest.approx(expected, abs=ROUNDING)
        top = [number_of[token.text_bytes] for token in one.top]
        assert logs[place, top[0]] == pytest.approx(logs[place].max(), abs=ROUNDING)
        assert [t.logprob for t in one.top[:2]] == pytest.approx(
            logs[place, top[:2]].tolist(), abs=2 * ROUNDING
        )
