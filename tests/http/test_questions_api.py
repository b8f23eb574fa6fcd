"""Vectors, rankings and tokens from a live server."""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gguf
import openai
import pytest
from live import LiveServer
from tiny_bert import CONTEXT_LENGTH, NUM_DIMENSIONS, write_tiny_bert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = ["How do I load a model?", "how can I load models", "What is your name?"]
CHAT = [{"role": "user", "content": "What can you do?"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("models")
    write_tiny_bert(folder / "reader.gguf")
    write_tiny_bert(folder / "ranker.gguf", pooling=gguf.PoolingType.RANK)
    with LiveServer(f"--LLMExtension.models_dir={folder}") as server:
        yield server


@pytest.fixture
def client(server: LiveServer) -> Iterator[openai.OpenAI]:
    # not strictly validating: by its own wish the client gets base64, which its types do not know
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as client:
        yield client


def dot(one: list[float], other: list[float]) -> float:
    return sum(map(math.prod, zip(one, other, strict=True)))


def refused(server: LiveServer, path: str, body: object) -> dict[str, Any]:
    with server.open(path, body) as response:
        assert response.status == 400
    error: dict[str, Any] = server.json(path, body)["error"]
    return error


@pytest.mark.parametrize("model", ["guide", "reader", "echo"])
@pytest.mark.parametrize("encoding_format", ["float", "base64", None])
def test_vectors_have_length_one_and_the_order_of_the_texts(
    client: openai.OpenAI, model: str, encoding_format: Any
) -> None:
    options = {} if encoding_format is None else {"encoding_format": encoding_format}
    answer = client.embeddings.create(model=model, input=TEXTS, **options)
    alone = client.embeddings.create(model=model, input=TEXTS[2])

    assert [one.index for one in answer.data] == [0, 1, 2]
    if encoding_format != "base64":
        vectors = [one.embedding for one in answer.data]
        assert all(math.hypot(*vector) == pytest.approx(1, abs=1e-5) for vector in vectors)
        assert dot(vectors[2], alone.data[0].embedding) > 0.9999
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > len(TEXTS)
    assert answer.model == model


def test_the_guide_finds_what_is_alike(client: openai.OpenAI) -> None:
    data = client.embeddings.create(model="guide", input=TEXTS).data
    question, paraphrase, other = (one.embedding for one in data)

    assert dot(question, paraphrase) > dot(question, other) + 0.1


def test_dimensions_cut_the_vector(server: LiveServer, client: openai.OpenAI) -> None:
    short = client.embeddings.create(model="reader", input="hello", dimensions=8).data[0].embedding

    assert len(short) == 8
    assert math.hypot(*short) == pytest.approx(1, abs=1e-5)
    error = refused(server, "v1/embeddings", {"model": "reader", "input": "a", "dimensions": 65})
    assert error["param"] == "dimensions"
    assert str(NUM_DIMENSIONS) in error["message"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("v1/embeddings", {"model": "reader", "input": ["a", "hello " * 127]}, "input[1]"),
        ("v1/embeddings", {"model": "guide", "input": "load " * 3000}, "input[0]"),
        (
            "v1/rerank",
            {"model": "ranker", "query": "a", "documents": ["hello " * 125]},
            "documents[0]",
        ),
    ],
)
def test_one_token_too_many_is_refused_with_both_numbers(
    server: LiveServer, path: str, body: Any, param: str
) -> None:
    error = refused(server, path, body)

    assert error["code"] == "context_length_exceeded"
    assert error["param"] == param
    numbers = ("3001", "2048") if body["model"] == "guide" else ("129", str(CONTEXT_LENGTH))
    assert all(number in error["message"] for number in numbers)


def test_a_model_is_used_for_what_it_is(server: LiveServer) -> None:
    for path, body, place in [
        ("v1/chat/completions", {"model": "reader", "messages": CHAT}, "/v1/embeddings"),
        ("v1/completions", {"model": "ranker", "prompt": "a"}, "/v1/rerank"),
        ("v1/embeddings", {"model": "ranker", "input": "a"}, "/v1/rerank"),
        ("v1/rerank", {"model": "reader", "query": "a", "documents": ["b"]}, "rerank"),
    ]:
        error = refused(server, path, body)
        assert error["param"] == "model"
        assert place in error["message"]


def test_documents_are_ranked(server: LiveServer) -> None:
    body = {"model": "ranker", "query": "hello", "documents": ["world", {"text": "the sea"}]}
    answer = server.json("v1/rerank", body)
    scores = [one["relevance_score"] for one in answer["results"]]

    assert {one["index"]: one["document"]["text"] for one in answer["results"]} == {
        0: "world",
        1: "the sea",
    }
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert answer["usage"]["prompt_tokens"] == 11
    [first] = server.json("v1/rerank", {**body, "top_n": 1})["results"]
    assert first == answer["results"][0]


def test_tokens_are_those_that_usage_counts(server: LiveServer) -> None:
    chat = server.json("v1/chat/completions", {"model": "guide", "messages": CHAT, "max_tokens": 1})
    tokens = server.json("v1/tokenize", {"model": "guide", "messages": CHAT})
    text = server.json("v1/detokenize", {"model": "guide", "tokens": tokens["tokens"]})

    assert tokens["count"] == len(tokens["tokens"]) == chat["usage"]["prompt_tokens"]
    assert tokens["max_model_len"] == 2048
    assert "What can you do?" in text["text"]
    assert text["text"] == text["content"] == text["prompt"]
    assert (
        refused(server, "v1/detokenize", {"model": "guide", "tokens": [10**6]})["param"] == "tokens"
    )


def test_vectors_and_chats_at_the_same_time(server: LiveServer, client: openai.OpenAI) -> None:
    body = {"model": "guide", "messages": CHAT, "temperature": 0}
    alone = server.json("v1/chat/completions", body)["choices"][0]["message"]["content"]
    answers: list[Any] = []
    embedding = threading.Thread(
        target=lambda: answers.append(
            client.embeddings.create(model="guide", input=["how do I load a model"] * 500)
        )
    )
    embedding.start()
    beside = server.json("v1/chat/completions", body)["choices"][0]["message"]["content"]
    embedding.join()

    assert beside == alone
    assert len(answers[0].data) == 500


def test_who_leaves_takes_the_rest_of_the_texts_back(server: LiveServer) -> None:
    def num_read() -> float:
        with server.open("metrics") as response:
            lines = response.read().decode().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith('jupyter_llm_prompt_tokens_total{engine="llama_cpp",model="guide"')
        )

    body = {"model": "guide", "input": ["how do I load a model " * 250] * 500}
    before = num_read()
    address = urlsplit(server.url)
    client = http.client.HTTPConnection(str(address.hostname), address.port)
    client.request(
        "POST",
        f"{address.path}/v1/embeddings",
        json.dumps(body),
        {"Authorization": f"Bearer {server.token}"},
    )
    while num_read() == before:
        time.sleep(0.05)
    client.close()
    counts = [num_read()]
    while len(counts) < 2 or counts[-1] != counts[-2]:
        time.sleep(1.0)
        counts.append(num_read())

    assert (
        counts[-1] < before + 500 * 250
    )  # a text has several tokens for each of its 250 repetitions


def test_requests_are_counted(server: LiveServer, client: openai.OpenAI) -> None:
    client.embeddings.create(model="reader", input="hello")
    refused(server, "v1/embeddings", {"model": "reader", "input": "a", "dimensions": 1000})
    with server.open("metrics") as response:
        lines = response.read().decode().splitlines()

    counted = [line for line in lines if line.startswith("jupyter_llm_requests_total")]
    assert any('model="reader",outcome="stop"' in line for line in counted)
    assert any('model="reader",outcome="invalid_value"' in line for line in counted)
