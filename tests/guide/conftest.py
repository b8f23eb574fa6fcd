from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from jupyter_llm.engines.llama_cpp.bindings import load_bindings
from jupyter_llm.guide import GUIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HF_FOLDER = Path(__file__).parents[1] / "models" / "guide"


@pytest.fixture(scope="session")
def llama() -> Iterator[Any]:
    load_bindings()
    from llama_cpp import Llama

    model = Llama(
        str(GUIDE_PATH), n_ctx=2048, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False
    )
    yield model
    model.close()


@pytest.fixture(scope="session")
def chat(llama: Any) -> Callable[..., str]:
    """The greedy answer to a conversation, through the template in the GGUF."""

    def answer(messages: list[dict[str, Any]], **options: Any) -> str:
        reply = llama.create_chat_completion(
            messages, temperature=0.0, max_tokens=200, repeat_penalty=1.0, **options
        )
        return str(reply["choices"][0]["message"]["content"])

    return answer


@pytest.fixture(scope="session")
def answer(chat: Callable[..., str]) -> Callable[[str], str]:
    """The greedy answer to one question."""
    return lambda question: chat([{"role": "user", "content": question}])


@pytest.fixture(scope="session")
def hf_folder() -> Path:
    """The same weights as a Hugging Face folder."""
    return HF_FOLDER


@pytest.fixture(scope="session")
def hf_tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(HF_FOLDER / "tokenizer.json"))
