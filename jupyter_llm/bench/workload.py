"""What every contender is asked: the same prompts, the same sampling, the same length."""

from __future__ import annotations

import random
from dataclasses import dataclass
from string import ascii_lowercase

TEMPERATURE = 0.8
TOP_K = 40
TOP_P = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """`num_streams` requests at once, each reading and writing that many tokens.

    Without a `seed` every answer is drawn anew.
    """

    num_streams: int
    num_prompt_tokens: int = 64
    num_answer_tokens: int = 64
    round: int = 0
    seed: int | None = 1

    def prompts(self) -> list[str]:
        """One prompt a stream; different in every round, so that no cache has seen them."""
        rng = random.Random(1000 * self.round + self.num_streams)  # noqa: S311 - not secret
        return [_words(rng, self.num_prompt_tokens) for _ in range(self.num_streams)]

    def body(self, prompt: str, model: str) -> dict[str, object]:
        """The request for `/v1/completions`."""
        body = {
            "model": model,
            "prompt": prompt,
            "max_tokens": self.num_answer_tokens,
            "temperature": TEMPERATURE,
            "top_k": TOP_K,
            "top_p": TOP_P,
            "stream": True,
        }
        return body if self.seed is None else {**body, "seed": self.seed}


def _words(rng: random.Random, count: int) -> str:
    """Words of four letters: with their space, two tokens each."""
    return " ".join("".join(rng.choices(ascii_lowercase, k=4)) for _ in range(count // 2))
