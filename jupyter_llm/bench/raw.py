"""The anchor: llama.cpp's low-level decode loop, with nothing around it.

Run as a process of its own: `python -m jupyter_llm.bench.raw MODEL STREAMS ROUND`
prints one JSON line. It reads all prompts, then decodes all sequences in
lockstep; an engine that serves requests cannot be faster than this.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any

import llama_cpp.llama_cpp as llama

from jupyter_llm.engines.llama_cpp.batch import Batch
from jupyter_llm.engines.llama_cpp.vocabulary import Vocabulary
from jupyter_llm.hardware.cores import num_usable_cores

from .load import Figures
from .workload import TEMPERATURE, TOP_K, TOP_P, Workload

BATCH_SIZE = 512


class RawLoop:
    """A model, a context and one sampler chain a sequence."""

    def __init__(self, path: str, workload: Workload) -> None:
        self._workload = workload
        self._quiet = llama.llama_log_callback(lambda *_: None)
        llama.llama_log_set(self._quiet, None)
        llama.llama_backend_init()
        model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        self._vocabulary = Vocabulary(llama, model)
        self._context = llama.llama_init_from_model(model, self._context_params())
        self._batch = Batch(llama, BATCH_SIZE)
        self._chains = [_chain(seed) for seed in range(workload.num_streams)]

    def run(self) -> Figures:
        """Time the reading and the writing; tokens per second are those written."""
        prompts = [self._vocabulary.tokenize(prompt) for prompt in self._workload.prompts()]
        started = time.perf_counter()
        last = [self._read(number, prompt) for number, prompt in enumerate(prompts)]
        first_token = time.perf_counter()
        for count in range(self._workload.num_answer_tokens - 1):
            last = self._write(last, [len(prompt) + count for prompt in prompts])
        ended = time.perf_counter()
        num_tokens = self._workload.num_streams * self._workload.num_answer_tokens
        return Figures(
            tokens_per_s=num_tokens / (ended - started),
            ttft_s=first_token - started,
            gap_s=(ended - first_token) / (self._workload.num_answer_tokens - 1),
            num_complete=self._workload.num_streams,
        )

    def _context_params(self) -> Any:
        params = llama.llama_context_default_params()
        workload = self._workload
        params.n_ctx = workload.num_streams * 512
        params.n_batch = params.n_ubatch = BATCH_SIZE
        params.n_seq_max = workload.num_streams
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = num_usable_cores()
        return params

    def _read(self, number: int, prompt: list[int]) -> int:
        self._batch.clear()
        index = self._batch.add(prompt, 0, number, logits=True)
        return self._decode([index], [number])[0]

    def _write(self, tokens: list[int], positions: list[int]) -> list[int]:
        self._batch.clear()
        indices = [
            self._batch.add([token], position, number, logits=True)
            for number, (token, position) in enumerate(zip(tokens, positions, strict=True))
        ]
        return self._decode(indices, list(range(len(tokens))))

    def _decode(self, indices: list[int], numbers: list[int]) -> list[int]:
        if code := llama.llama_decode(self._context, self._batch.struct):
            raise RuntimeError(f"llama_decode returned {code}")
        return [
            llama.llama_sampler_sample(self._chains[number], self._context, index)
            for number, index in zip(numbers, indices, strict=True)
        ]


def _chain(seed: int) -> Any:
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    for sampler in (
        llama.llama_sampler_init_top_k(TOP_K),
        llama.llama_sampler_init_top_p(TOP_P, 1),
        llama.llama_sampler_init_temp(TEMPERATURE),
        llama.llama_sampler_init_dist(seed),
    ):
        llama.llama_sampler_chain_add(chain, sampler)
    return chain


def main() -> None:
    """Run one workload and print its figures as JSON."""
    path, num_streams, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    figures = RawLoop(path, Workload(num_streams=num_streams, round=number)).run()
    sys.stdout.write(json.dumps(asdict(figures)) + "\n")


if __name__ == "__main__":
    main()
