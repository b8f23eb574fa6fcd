"""The reference names what there is, and nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from jupyter_llm import errors
from jupyter_llm.handlers.errors import BodyTooLargeError, status_of
from jupyter_llm.handlers.routes import routes
from jupyter_llm.handlers.wire.admin import SettingsBody
from jupyter_llm.handlers.wire.chat_request import ChatBody
from jupyter_llm.handlers.wire.completion_request import CompletionBody
from jupyter_llm.handlers.wire.embedding import EmbeddingBody
from jupyter_llm.handlers.wire.extraction import ExtractBody
from jupyter_llm.handlers.wire.load_request import LoadBody
from jupyter_llm.handlers.wire.messages.request import MessagesBody
from jupyter_llm.handlers.wire.rerank import RerankBody
from jupyter_llm.handlers.wire.responses.request import ResponsesBody
from jupyter_llm.handlers.wire.tokens import DetokenizeBody, TokenizeBody
from jupyter_llm.handlers.wire.vectors import CollectionBody, PointBody, PointsBody, SearchBody
from jupyter_llm.telemetry.metrics import Metrics

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
DOWNLOADS = {"repo_id", "filename", "load"}


def section(title: str) -> str:
    return TEXT.partition(f"## `{title}`")[2].partition("\n## ")[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_every_path_is_in_the_reference() -> None:
    documented = {
        re.sub(r"\{\w+\}", "(.+)", path)
        for path in re.findall(r"(?:GET|POST|PUT|DELETE) (/\S+?)`", TEXT)
    }
    registered = {path.removeprefix("/llm") for path, _, _ in routes(None)} - {"/(.*)"}

    assert documented == registered


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("POST /v1/chat/completions", ChatBody),
        ("POST /v1/messages", MessagesBody),
        ("POST /v1/responses", ResponsesBody),
        ("POST /v1/embeddings", EmbeddingBody),
        ("POST /v1/rerank", RerankBody),
        ("POST /v1/tokenize", TokenizeBody),
        ("POST /v1/detokenize", DetokenizeBody),
        ("POST /v1/extract", ExtractBody),
        ("POST /load", LoadBody),
        ("POST /api/admin/models/{id}/settings", SettingsBody),
        ("PUT /api/v1/vector-db/{id}/collections/{name}", CollectionBody),
        ("PUT /api/v1/vector-db/{id}/collections/{name}", PointsBody),
        ("PUT /api/v1/vector-db/{id}/collections/{name}", PointBody),
        ("PUT /api/v1/vector-db/{id}/collections/{name}", SearchBody),
    ],
)
def test_every_field_is_in_the_reference(title: str, body: type) -> None:
    assert set(body.__struct_fields__) - DOWNLOADS <= words(section(title))


def test_every_field_of_completions_is_in_the_reference() -> None:
    own = set(CompletionBody.__struct_fields__) - set(ChatBody.__struct_fields__)

    assert own <= words(section("POST /v1/completions"))


def errors_of(values: Iterable[object]) -> list[type[errors.LLMError]]:
    kinds = [value for value in values if inspect.isclass(value)]
    return [kind for kind in kinds if issubclass(kind, errors.LLMError)]


@pytest.mark.parametrize(
    "kind",
    [
        *errors_of(vars(errors).values()),
        BodyTooLargeError,
    ],
)
def test_every_error_is_in_the_reference(kind: type[errors.LLMError]) -> None:
    if kind in {errors.ServerNotFoundError, errors.AnswerFormatError, errors.RowsFailedError}:
        return  # the kernel's own: no server answers with them
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", TEXT, re.MULTILINE)

    assert any(int(s) == status_of(kind("…")) and kind.code in words(c) for s, c in rows), kind


def test_every_metric_is_in_the_reference() -> None:
    rendered = Metrics(tuple).render(lambda _: True).decode()
    names = set(re.findall(r"^# TYPE (\w+)", rendered, re.MULTILINE))

    assert names <= words(TEXT)
    assert {name for name in words(TEXT) if name.startswith("jupyter_llm_")} <= names
