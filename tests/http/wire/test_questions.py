from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.embedding import MAX_INPUTS, embedding_body, embedding_call
from jupyter_llm.handlers.wire.rerank import ranking_body, rerank_body, rerank_request
from jupyter_llm.handlers.wire.tokens import (
    detokenize_request,
    tokenize_body,
    tokenize_request,
    tokens_body,
)
from jupyter_llm.types import Embeddings, Ranking, TokenList, Usage

READ = Usage(prompt_tokens=7, completion_tokens=0)
TOKENS = TokenList(ids=(5, 6), pieces=(b"hi", b"\xf0"), context_length=64)


def raw(**body: Any) -> bytes:
    return json.dumps(body).encode()


def refused(body: bytes, parse: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as raised:
        parse(body)
    return raised.value


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("hello", ("hello",)),
        (["a", "b"], ("a", "b")),
        ([1, 2, 3], ((1, 2, 3),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["a", [1]], ("a", (1,))),
    ],
)
def test_input_is_a_text_ids_or_a_list_of_either(given: Any, inputs: Any) -> None:
    request, encoding_format = embedding_call(raw(input=given, model="m", keep_alive="1m"), "id")

    assert request.inputs == inputs
    assert request.model_id == "m"
    assert request.keep_alive_s == 60
    assert encoding_format == "float"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", 3]}, "input[1]"),
        ({"input": [-1]}, "input[0]"),
        ({"input": ["a"] * (MAX_INPUTS + 1)}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "truncate": True}, "truncate"),
    ],
)
def test_what_is_wrong_with_embeddings_is_named(body: Any, param: str) -> None:
    assert refused(raw(**body), lambda data: embedding_call(data, "id")).param == param


def test_vectors_are_numbers_or_base64_in_the_order_of_the_inputs() -> None:
    vectors = (struct.pack("<2f", 0.6, 0.8), struct.pack("<2f", 1.0, 0.0))
    embeddings = Embeddings(vectors=vectors, usage=READ)
    floats = CreateEmbeddingResponse.model_validate_json(
        embedding_body(embeddings, "m", "float"), strict=True
    )
    encoded = json.loads(embedding_body(embeddings, "m", "base64"))

    assert [one.index for one in floats.data] == [0, 1]
    assert floats.data[0].embedding == pytest.approx([0.6, 0.8])
    assert floats.usage.prompt_tokens == floats.usage.total_tokens == 7
    assert [base64.b64decode(one["embedding"]) for one in encoded["data"]] == list(vectors)


def test_documents_come_most_relevant_first_and_no_more_than_wanted() -> None:
    asked = rerank_body(raw(query="q", documents=["a", {"text": "b"}, "c"], top_n=2))
    request = rerank_request(asked, "id")
    ranking = Ranking(scores=(0.1, 0.9, 0.5), usage=READ)
    body = ranking_body(ranking, asked, request)

    assert request.documents == ("a", "b", "c")
    assert body["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
        {"index": 2, "relevance_score": 0.5, "document": {"text": "c"}},
    ]
    assert body["usage"]["total_tokens"] == 7


def test_documents_are_left_out_where_nobody_wants_them_back() -> None:
    asked = rerank_body(raw(query="q", documents=["a"], return_documents=False))
    body = ranking_body(Ranking(scores=(0.1,), usage=READ), asked, rerank_request(asked, "id"))

    assert body["results"] == [{"index": 0, "relevance_score": 0.1}]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "", "documents": ["a"]}, "query"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": [{"title": "a"}]}, "documents[0].title"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
    ],
)
def test_what_is_wrong_with_a_ranking_is_named(body: Any, param: str) -> None:
    assert refused(raw(**body), rerank_body).param == param


@pytest.mark.parametrize(
    ("body", "adds_special"),
    [
        ({"text": "hi"}, True),
        ({"prompt": "hi"}, True),
        ({"prompt": "hi", "add_special_tokens": False}, False),
        ({"content": "hi"}, False),
        ({"content": "hi", "add_special": True}, True),
    ],
)
def test_special_tokens_are_added_as_each_server_does(body: Any, adds_special: bool) -> None:
    request = tokenize_request(tokenize_body(raw(**body)))

    assert request.request.prompt == "hi"
    assert request.adds_special is adds_special


def test_a_conversation_is_read_as_chat_completions_read_it() -> None:
    body = raw(messages=[{"role": "developer", "content": "x"}], model="m", keep_alive=1)
    request = tokenize_request(tokenize_body(body)).request

    assert request.messages is not None
    assert request.messages[0].role == "system"
    assert (request.model_id, request.keep_alive_s) == ("m", 1)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "text"),
        ({"text": "a", "content": "b"}, "content"),
        ({"text": "a", "add_special": True, "add_special_tokens": True}, "add_special_tokens"),
        ({"messages": [{"role": "nobody", "content": "a"}]}, "messages[0].role"),
        ({"text": "a", "parse_special": False}, "parse_special"),
    ],
)
def test_what_is_wrong_with_a_text_is_named(body: Any, param: str) -> None:
    def parse(data: bytes) -> Any:
        return tokenize_request(tokenize_body(data))

    assert refused(raw(**body), parse).param == param


def test_tokens_come_as_ids_and_with_their_pieces() -> None:
    assert tokens_body(TOKENS, tokenize_body(raw(text=""))) == {
        "tokens": [5, 6],
        "count": 2,
        "max_model_len": 64,
    }
    both = tokens_body(
        TOKENS, tokenize_body(raw(text="", with_pieces=True, return_token_strs=True))
    )
    assert both["tokens"] == [{"id": 5, "piece": "hi"}, {"id": 6, "piece": [0xF0]}]
    assert both["token_strs"] == ["hi", "�"]


def test_tokens_have_to_be_ids() -> None:
    assert detokenize_request(raw(tokens=[1, 2])).tokens == (1, 2)
    assert refused(raw(tokens=["a"]), detokenize_request).param == "tokens[0]"
