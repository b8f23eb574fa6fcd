"""Record the tokens that the weights choose greedily, by the reference in NumPy.

Run after a training: `python tests/guide/record_greedy.py`. Tests of every engine compare
their own tokens with this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from numpy_llama import NumpyLlama
from tokenizers import Tokenizer

from jupyter_llm.guide.tokenizer import render_prompt

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "models" / "guide"
HELDOUT = Path(__file__).with_name("heldout.yaml")
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
EVERY_NTH_INTENT = 2
MAX_TOKENS = 120


def main() -> None:
    """Write greedy.json into the model's folder."""
    model, tokenizer = NumpyLlama(FOLDER), Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    recorded = []
    for messages in _conversations():
        prompt = tokenizer.encode(render_prompt(messages)).ids
        answer = _greedy(model, prompt)
        recorded.append({"messages": messages, "prompt_tokens": prompt, "answer_tokens": answer})
        recorded[-1]["answer"] = tokenizer.decode(answer)
    lines = ",\n".join(json.dumps(entry) for entry in recorded)
    (FOLDER / "greedy.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _conversations() -> Iterator[list[dict[str, Any]]]:
    questions = yaml.safe_load(HELDOUT.read_text(encoding="utf-8"))
    del questions["subjects"]
    chosen = [questions[intent][0] for intent in list(questions)[::EVERY_NTH_INTENT]]
    for index, question in enumerate(chosen):
        asked = {"role": "user", "content": question}
        yield [SYSTEM, asked] if index % 4 == 0 else [asked]


def _greedy(model: NumpyLlama, prompt: list[int]) -> list[int]:
    end = model.config["eos_token_id"]
    ids = list(prompt)
    while len(ids) < len(prompt) + MAX_TOKENS:
        ids.append(int(model.logits(ids)[-1].argmax()))
        if ids[-1] == end:
            break
    return ids[len(prompt) :]


if __name__ == "__main__":
    main()
