"""Train guide and write its files: `python -m jupyter_llm.guide.train`.

Takes 40 minutes on one core. The seed fixes text, order and initial weights; sums of
floating-point numbers may still differ between processors.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as f

from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.guide.conversations import conversations
from jupyter_llm.guide.corpus import load_corpus
from jupyter_llm.guide.export import read_hf_folder, write_gguf, write_hf_folder
from jupyter_llm.guide.model import Guide, Shape
from jupyter_llm.guide.tokenizer import encode, render, train_tokenizer, with_dropout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenizers import Tokenizer

    from jupyter_llm.guide.corpus import Corpus

SEED = 1
STEPS = 12_000
TOKENS_PER_STEP = 1024
CONVERSATIONS_PER_POOL = 1024
LEARNING_RATE = 1.2e-3
WARM_UP_STEPS = 40
WEIGHT_DECAY = 0.1
DROPOUT_SHARE = 0.15
MERGE_DROPOUT = 0.1
SHORTENED = 0.9
SHORT_ANSWER_TOKENS = (4, 12)

Sample = tuple[list[int], list[bool]]


def samples(corpus: Corpus, tokenizer: Tokenizer, rng: random.Random) -> Iterator[Sample]:
    """An endless stream of tokenized conversations."""
    torn = with_dropout(tokenizer, MERGE_DROPOUT)
    while True:
        for messages, tools in conversations(corpus, rng, CONVERSATIONS_PER_POOL):
            reader = torn if rng.random() < DROPOUT_SHARE else tokenizer
            sample = encode(messages, tools, tokenizer, reader)
            yield _shorten(sample, rng) if rng.random() < SHORTENED else sample


def batches(stream: Iterator[Sample], rng: random.Random) -> Iterator[list[Sample]]:
    """Samples of like length together, about `TOKENS_PER_STEP` tokens in each batch."""
    while True:
        pool = sorted((next(stream) for _ in range(CONVERSATIONS_PER_POOL)), key=_length)
        cut: list[list[Sample]] = [[]]
        for sample in pool:
            if cut[-1] and (len(cut[-1]) + 1) * _length(sample) > TOKENS_PER_STEP:
                cut.append([])
            cut[-1].append(sample)
        rng.shuffle(cut)
        yield from cut


def loss_of(model: Guide, batch: list[Sample]) -> Tensor:
    """Cross-entropy of the tokens that guide has to write."""
    length = max(map(_length, batch))
    ids = torch.zeros(len(batch), length, dtype=torch.long)
    written = torch.zeros(len(batch), length, dtype=torch.bool)
    for row, (sample_ids, sample_written) in enumerate(batch):
        ids[row, : len(sample_ids)] = torch.tensor(sample_ids)
        written[row, : len(sample_written)] = torch.tensor(sample_written)
    targets = written[:, 1:]
    states = model.states(ids[:, :-1])[targets]
    return f.cross_entropy(f.linear(states, model.embed.weight), ids[:, 1:][targets])


def train(model: Guide, stream: Iterator[list[Sample]], *, steps: int, peak: float) -> None:
    """Train `model` on `stream`, at a learning rate of `peak` at most; prints how it goes."""
    optimizer = torch.optim.AdamW(
        model.parameters(), peak, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
    )
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = peak * _schedule(step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, next(stream))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4d}  loss {loss.item():.4f}  {time.monotonic() - started:.0f} s")
    model.eval()


def vocabulary_text(corpus: Corpus, seed: int) -> Iterator[str]:
    """What the tokenizer learns its words from."""
    rng = random.Random(seed)
    for messages, tools in conversations(corpus, rng, 20_000):
        yield render([message for message in messages if message["role"] != "assistant"], tools)
    for _ in range(50):
        yield from corpus.answers.values()


def main(argv: list[str] | None = None) -> None:
    """Train, then write the GGUF file and, if asked for, the safetensors folder."""
    parser = argparse.ArgumentParser(description="Train jupyter-llm's built-in model.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--start", type=Path, help="a folder of safetensors to go on from")
    parser.add_argument("--gguf", type=Path, default=GUIDE_PATH, help="where the weights go")
    parser.add_argument("--hf", type=Path, help="a folder for the same weights in safetensors")
    options = parser.parse_args(argv)
    corpus = load_corpus()
    torch.manual_seed(options.seed)
    if options.start:
        model, tokenizer = read_hf_folder(options.start)
    else:
        tokenizer = train_tokenizer(vocabulary_text(corpus, options.seed))
        model = Guide(Shape(vocab_size=tokenizer.get_vocab_size()))
    rng = random.Random(options.seed)
    stream = batches(samples(corpus, tokenizer, rng), rng)
    train(model, stream, steps=options.steps, peak=options.learning_rate)
    write_gguf(model, tokenizer, options.gguf)
    print(f"wrote {options.gguf}, {options.gguf.stat().st_size / 1e6:.1f} MB")
    if options.hf:
        write_hf_folder(model, tokenizer, options.hf)
        print(f"wrote {options.hf}")


def _schedule(step: int, steps: int) -> float:
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / steps)))


def _shorten(sample: Sample, rng: random.Random) -> Sample:
    """The sample without the end of its last answer: the first words are what is hard."""
    ids, written = sample
    first = len(written) - 1 - written[::-1].index(True)
    while written[first - 1]:
        first -= 1
    kept = first + rng.randint(*SHORT_ANSWER_TOKENS)
    return ids[:kept], written[:kept]


def _length(sample: Sample) -> int:
    return len(sample[0])


if __name__ == "__main__":
    main()
