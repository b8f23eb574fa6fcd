"""The engine for models of other services, against services that misbehave in every way."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import ssl
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from host_helpers import eventually
from scripted_service import (
    DONE,
    LAST,
    USAGE,
    Exchange,
    Service,
    delta,
    service,
    speak,
    sse,
)

from jupyter_llm.engines.remote import health
from jupyter_llm.engines.remote.engine import RemoteEngine
from jupyter_llm.engines.remote.remotes import Remotes
from jupyter_llm.engines.remote.settings import Key, Remote
from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    InvalidRequestError,
    LLMError,
    ModelLoadError,
    OverloadedError,
    UpstreamError,
)
from jupyter_llm.types import (
    EmbeddingRequest,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    Relayed,
    TokenChunk,
    Usage,
)

SECRET = "sk-do-not-tell"
MODEL = Model(id="ours", format="openai", engine="remote")
CHAT = "/v1/chat/completions"


def remote(one: Service, **options: Any) -> Remote:
    plain = Remote(id="far", url=one.url, models={"ours": "theirs"}, key=Key(text=SECRET))
    return replace(plain, **options)


@asynccontextmanager
async def loaded(one: Service, **options: Any) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(Remotes([remote(one, **options)]))
    await engine.load(MODEL, LoadOptions(), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def relayed(*, is_stream: bool = True, wants_usage: bool = False, **body: Any) -> GenerationRequest:
    fields = {"messages": [{"role": "user", "content": "Hello"}], **body}
    call = Relayed(
        route="chat/completions",
        body=json.dumps(fields).encode(),
        is_stream=is_stream,
        wants_usage=wants_usage,
    )
    return GenerationRequest(id="1", model_id="ours", relayed=call)


def plain(**more: Any) -> GenerationRequest:
    messages = (Message(role="user", content="Hello"),)
    return GenerationRequest(id="1", model_id="ours", messages=messages, **more)


async def answer(engine: RemoteEngine, request: GenerationRequest) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(request)]


def bytes_of(chunks: list[TokenChunk]) -> bytes:
    return b"".join(chunk.relayed for chunk in chunks)


async def refusal(engine: RemoteEngine, request: GenerationRequest) -> LLMError:
    with pytest.raises(LLMError) as caught:
        await asyncio.wait_for(answer(engine, request), 10)
    assert SECRET not in caught.value.message
    return caught.value


async def test_a_stream_is_passed_on_under_our_name_of_the_model() -> None:
    odd = b'data: {"model" : "theirs","choices":[],"x":"a \\"model\\":\\"theirs\\" b"}\r\n\r\n'

    async def stream(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(odd[:9], odd[9:40], odd[40:], b": a comment\n\n")
        await exchange.send(delta("one"), LAST, USAGE, DONE)
        await exchange.end()

    async with service(chat_completions=stream) as far, loaded(far) as engine:
        *chunks, last = await answer(engine, relayed(temperature=0.5, unheard_of={"a": [1]}))
        sent = far.of(CHAT)[0]
        stats = engine.stats()
    events = bytes_of([*chunks, last]).split(b"\n\n")
    assert events[0] == odd.replace(b'" : "theirs"', b'" : "ours"').strip()
    assert events[1] == b": a comment"
    assert json.loads(events[2][6:]) == {**delta("one"), "model": "ours"}
    assert events[3:] == [sse({**LAST, "model": "ours"}).strip(), DONE.strip(), b""]
    assert last.finish_reason is FinishReason.STOP
    assert last.usage == Usage(prompt_tokens=7, completion_tokens=2)
    assert last.timings is not None
    assert sent.json["model"] == "theirs"
    assert sent.json["unheard_of"] == {"a": [1]}
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert (stats.num_prompt_tokens, stats.num_completion_tokens) == (7, 2)
    assert stats.context_length == 4096


async def test_who_asks_for_the_usage_gets_it() -> None:
    async with service() as far, loaded(far) as engine:
        chunks = await answer(engine, relayed(wants_usage=True))
    assert sse({**USAGE, "model": "ours"}) in bytes_of(chunks)


async def test_a_whole_answer_is_passed_on_under_our_name_of_the_model() -> None:
    body = {"model": "theirs", "choices": [{"finish_reason": "length"}], "extra": 1, **USAGE}
    body["choices"] = [{"message": {"content": 'a "model":"theirs"'}, "finish_reason": "length"}]

    async def whole(exchange: Exchange) -> None:
        await exchange.answer(200, json.dumps(body).encode())

    async with service(chat_completions=whole) as far, loaded(far) as engine:
        (last,) = await answer(engine, relayed(is_stream=False))
    assert json.loads(last.relayed) == {**body, "model": "ours"}
    assert last.finish_reason is FinishReason.LENGTH
    assert last.usage == Usage(prompt_tokens=7, completion_tokens=2)


async def test_what_comes_while_the_reader_is_busy_comes_together() -> None:
    async def flood(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(*(delta(f"{n} ") for n in range(2000)), LAST, DONE)
        await exchange.end()

    async with service(chat_completions=flood) as far, loaded(far) as engine:
        chunks = []
        async for chunk in engine.generate(relayed()):
            chunks.append(chunk)
            await asyncio.sleep(0.01)
    assert sum(chunk.num_written for chunk in chunks) == 2001
    assert len(chunks) < 400


REFUSALS: list[tuple[int, Any, type[LLMError], str, str | None]] = [
    (400, {"error": {"message": "bad", "param": "n"}}, InvalidRequestError, "bad", "n"),
    (422, {"detail": [{"msg": "odd"}]}, InvalidRequestError, "odd", None),
    (
        400,
        {"error": {"message": "9 of 8 tokens", "code": "context_length_exceeded"}},
        ContextLengthError,
        "9 of 8 tokens",
        None,
    ),
    (401, {"error": {"message": f"bad key {SECRET}"}}, UpstreamError, "refused the key", None),
    (403, {"error": f"bad key {SECRET}"}, UpstreamError, "refused the key", None),
    (404, {"error": {"message": "no theirs"}}, UpstreamError, "404: no theirs", None),
    (429, {"error": {"message": "slow down"}}, OverloadedError, "slow down", None),
    (503, {"message": "full"}, OverloadedError, "full", None),
    (500, {"error": f"broken {SECRET}"}, UpstreamError, "500: broken …", None),
    (502, "<html>", UpstreamError, "502: it did not say why", None),
    (302, "", UpstreamError, "elsewhere", None),
]


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("request_of", [relayed, plain])
async def test_what_a_service_refuses_is_told_in_our_words(
    case: tuple[int, Any, type[LLMError], str, str | None],
    request_of: Callable[[], GenerationRequest],
) -> None:
    status, body, kind, words, param = case

    async def refuse(exchange: Exchange) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        await exchange.answer(status, text.encode(), Retry_After="7", Location="http://127.0.0.1:1")

    async with service(chat_completions=refuse) as far, loaded(far) as engine:
        error = await refusal(engine, request_of())
        assert len(far.of(CHAT)) == 1
    assert type(error) is kind
    assert words in error.message
    assert error.param == param
    assert error.retry_after_s == (7 if kind is OverloadedError else None)


async def read_into(
    chunks: list[TokenChunk], engine: RemoteEngine, request: GenerationRequest
) -> None:
    async for chunk in engine.generate(request):
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is kept


async def cut(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(delta("one"))
    await asyncio.sleep(0.1)  # what comes in one packet with the end may be lost
    exchange.writer.close()


async def ends_early(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(delta("one"))
    await exchange.end()


async def fails(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(delta("one"), {"error": {"message": f"out of memory {SECRET}"}})
    await exchange.end()


async def falls_silent(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send(delta("one"))
    await exchange.until_left()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (cut, "closed the connection before"),
        (ends_early, "before it was complete"),
        (fails, "broke off its answer: out of memory …"),
        (falls_silent, "was silent for"),
    ],
)
@pytest.mark.parametrize("request_of", [relayed, plain])
async def test_a_stream_that_breaks_off_gives_what_came_and_an_error(
    act: Any, words: str, request_of: Callable[[], GenerationRequest]
) -> None:
    chunks: list[TokenChunk] = []

    async with service(chat_completions=act) as far, loaded(far, timeout_s=0.5) as engine:
        with pytest.raises(UpstreamError) as caught:
            await read_into(chunks, engine, request_of())
        assert len(far.of(CHAT)) == 1, "nothing is asked twice once something has come"
    assert words in caught.value.message
    assert SECRET not in caught.value.message
    assert "one" in "".join(chunk.text + chunk.relayed.decode() for chunk in chunks)


async def test_a_stream_without_a_last_event_is_given_one() -> None:
    async def stream(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(delta("one"), LAST)
        await exchange.end()

    async with service(chat_completions=stream) as far, loaded(far) as engine:
        assert bytes_of(await answer(engine, relayed())).endswith(DONE)


@pytest.mark.parametrize("request_of", [relayed, plain])
async def test_where_a_service_tells_no_usage_it_is_estimated(
    request_of: Callable[[], GenerationRequest],
) -> None:
    async def stream(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(*(delta("word ") for _ in range(5)), LAST, DONE)
        await exchange.end()

    async with service(chat_completions=stream) as far, loaded(far) as engine:
        last = (await answer(engine, request_of()))[-1]
        assert engine.stats().num_completion_tokens >= 5
    assert last.usage is not None
    assert 5 <= last.usage.completion_tokens <= 6
    assert last.usage.prompt_tokens >= 1


async def test_a_connection_is_used_again_and_one_that_was_closed_is_replaced() -> None:
    async def speak_once(exchange: Exchange) -> None:
        await speak(exchange)
        if len(far.of(CHAT)) == 2:
            exchange.writer.close()  # as a server does with connections that idle

    async with service(chat_completions=speak_once) as far, loaded(far) as engine:
        for _ in range(2):
            assert await answer(engine, relayed())
        assert far.num_connections == 1
        assert await answer(engine, relayed())
        assert len(far.of(CHAT)) == 3
        assert far.num_connections == 2


async def test_a_request_that_nobody_answers_is_sent_again_once() -> None:
    async def drop(exchange: Exchange) -> None:
        exchange.writer.close()

    async with service(chat_completions=drop) as far, loaded(far) as engine:
        error = await refusal(engine, relayed())
        assert type(error) is UpstreamError
        assert len(far.of(CHAT)) == 2


async def test_a_service_that_comes_back_at_once_is_not_missed() -> None:
    async with service() as far:
        port = far.port
        engine = RemoteEngine(Remotes([remote(far)]))
        await engine.load(MODEL, LoadOptions(), lambda _: None)
    asked = asyncio.create_task(answer(engine, relayed()))
    await asyncio.sleep(0.05)
    async with service(port=port):
        assert bytes_of(await asked).endswith(DONE)
        await engine.unload()


async def test_whoever_leaves_closes_the_connection() -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(delta("one"))
        await exchange.until_left()
        exchange.writer.close()

    async with service(chat_completions=endless) as far, loaded(far) as engine:
        before = far.num_open
        stream = engine.generate(relayed())
        await anext(stream)
        await stream.aclose()
        await eventually(lambda: far.num_open < max(before, 1))
        reader = asyncio.create_task(answer(engine, plain()))
        await eventually(lambda: len(far.of(CHAT)) == 2)
        reader.cancel()
        await eventually(lambda: far.num_open == 0)
        await eventually(lambda: not engine.stats().num_running)


async def test_the_models_of_a_service_share_its_places() -> None:
    running = 0
    most = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        await speak(exchange)

    async with service(chat_completions=slow) as far:
        models = {"ours": "theirs", "second": "other"}
        remotes = Remotes([remote(far, models=models, concurrency=2)])
        engines = [RemoteEngine(remotes) for _ in models]
        for engine, model_id in zip(engines, models, strict=True):
            await engine.load(replace(MODEL, id=model_id), LoadOptions(), lambda _: None)
        await asyncio.gather(*(answer(engine, relayed()) for engine in engines * 4))
        assert [engine.stats().slots for engine in engines] == [2, 2]
        assert most == 2
        for engine in engines:
            await engine.unload()


async def test_a_service_that_is_gone_is_noticed_and_one_that_stumbles_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)

    async def stumble(exchange: Exchange) -> None:
        await exchange.answer(500, b"")

    async with service() as far, loaded(far, connect_timeout_s=1.0) as engine:
        working = far.acts["/v1/models"]
        far.acts |= {CHAT: stumble, "/v1/models": stumble}
        assert "500" in (await refusal(engine, relayed())).message
        far.acts["/v1/models"] = working
        died = asyncio.ensure_future(engine.died())
        await asyncio.wait([died], timeout=0.3)
        assert not died.done()
        far.acts["/v1/models"] = stumble
        assert "500" in (await refusal(engine, relayed())).message
        assert "far" in (await asyncio.wait_for(died, 10)).message


async def test_a_service_is_looked_at_while_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)
    async with service() as far, loaded(far, health_interval_s=0.05) as engine:
        await eventually(lambda: len(far.of("/v1/models")) > 3)
        far.acts["/v1/models"] = cut
        assert isinstance(await asyncio.wait_for(engine.died(), 10), EngineDiedError)


async def test_unload_ends_what_runs() -> None:
    async with service(chat_completions=falls_silent) as far, loaded(far) as engine:
        readers = [asyncio.create_task(answer(engine, relayed())) for _ in range(3)]
        await eventually(lambda: len(far.of(CHAT)) == 3)
        await engine.unload()
        ends = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(end) for end in ends] == [EngineDiedError] * 3
        await eventually(lambda: far.num_open == 0)


async def load_error(one: Service, model: Model = MODEL, **options: Any) -> str:
    engine = RemoteEngine(Remotes([remote(one, **options)]))
    with pytest.raises(ModelLoadError) as caught:
        await engine.load(model, LoadOptions(), lambda _: None)
    assert SECRET not in caught.value.message
    return caught.value.message


async def test_a_load_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)

    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(401, SECRET.encode())

    async def no_list(exchange: Exchange) -> None:
        await exchange.answer(404, b"")

    async with service() as far:
        missing = await load_error(far, models={"ours": "ghost"})
        assert "no model 'ghost', but: theirs, other" in missing
        assert "NO_SUCH_KEY, which is not set" in await load_error(
            far, key=Key(variable="NO_SUCH_KEY")
        )
        path = str(tmp_path / "no-key")
        assert "cannot be read from" in await load_error(far, key=Key(path=path))
        assert "certificates" in await load_error(far, url="https://127.0.0.1:1", ca_file=path)
        assert "not offered" in await load_error(far, replace(MODEL, id="ghost"))
        far.acts["/v1/models"] = refuse
        assert "refused the key" in await load_error(far)
        far.acts["/v1/models"] = no_list
        assert "does not list" in await load_error(far, models={"ours": ""})
        async with loaded(far):
            pass
    assert "cannot be reached" in await load_error(far)


async def test_an_option_that_concerns_weights_is_refused() -> None:
    async with service() as far:
        engine = RemoteEngine(Remotes([remote(far)]))
        with pytest.raises(InvalidRequestError) as caught:
            await engine.load(MODEL, LoadOptions(adapters=("a",)), lambda _: None)
        assert caught.value.param == "adapters"


async def test_a_model_without_a_name_is_the_first_one_of_the_service(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")
    options: dict[str, Any] = {"models": {"ours": ""}, "key": Key(path=str(path))}
    async with service() as far, loaded(far, **options) as engine:
        await answer(engine, relayed())
        assert far.of(CHAT)[0].json["model"] == "theirs"
        assert far.of(CHAT)[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_vectors_come_as_the_service_gives_them(form: str) -> None:
    async def embed(exchange: Exchange) -> None:
        numbers = [0.5, -2.0]
        packed = base64.b64encode(struct.pack("<2f", *numbers)).decode()
        one = numbers if form == "float" else packed
        data = [{"index": index, "embedding": one} for index in (1, 0)]
        body = {"data": data, "usage": {"prompt_tokens": 3}}
        await exchange.answer(200, json.dumps(body).encode())

    async with service(embeddings=embed) as far, loaded(far) as engine:
        request = EmbeddingRequest(id="1", model_id="ours", inputs=("a", (1, 2)), dimensions=2)
        embeddings = await engine.embed(request)
        assert far.of("/v1/embeddings")[0].json["input"] == ["a", [1, 2]]
    assert [struct.unpack("<2f", one) for one in embeddings.vectors] == [(0.5, -2.0)] * 2
    assert embeddings.usage.prompt_tokens == 3


async def test_a_reader_that_stands_still_holds_the_service_back() -> None:
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin()
        big = sse(delta("x" * 100_000))
        for _ in range(400):
            await exchange.send(big)
            sent += 1
        await exchange.send(LAST, DONE)
        await exchange.end()

    async with service(chat_completions=flood) as far, loaded(far) as engine:
        stream = engine.generate(relayed())
        await anext(stream)
        await asyncio.sleep(0.5)
        assert sent < 200, "tens of megabytes are not kept for a reader that does not read"
        began_at = time.monotonic()
        async for _ in stream:
            pass
        assert sent == 400
        assert time.monotonic() - began_at < 20


def certificate(folder: Path) -> Path:
    """A certificate for this machine, with its key in the same file."""
    if shutil.which("openssl") is None:
        assert "CI" not in os.environ, "apt-get install openssl"
        pytest.skip("there is no openssl: apt-get install openssl")
    path = folder / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "cert.pem").read_text())
    return path


async def test_a_certificate_has_to_be_trusted(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    async with service(certificates=context) as far:
        url = far.url.replace("http:", "https:")
        async with loaded(far, url=url, ca_file=str(path)) as engine:
            assert bytes_of(await answer(engine, relayed())).endswith(DONE)
        num_seen = len(far.seen)
        assert "certificate is not trusted" in await load_error(far, url=url)
        assert len(far.seen) == num_seen, "no key was sent"
