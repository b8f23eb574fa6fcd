"""What is measured while requests run and models load."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from jupyter_llm.types import (
    FinishedRequest,
    FinishReason,
    Model,
    ModelState,
    ModelStatus,
    TokenChunk,
    Usage,
)

from .collector import LABELS, PREFIX, ModelCollector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

    from prometheus_client.core import Metric

T = TypeVar("T")

_TTFT_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_ITL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_LOAD_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The metrics of one server, in a registry of its own.

    A registry of its own: Prometheus' global one belongs to Jupyter, and allows no
    second server in a process. `on_request` is told of every request that has ended.
    """

    def __init__(
        self,
        loaded: Callable[[], Sequence[ModelStatus]],
        on_request: Callable[[Model, FinishedRequest], None] = lambda *_: None,
    ) -> None:
        self._on_request = on_request
        self._registry = CollectorRegistry()
        self._registry.register(ModelCollector(loaded))
        self._first_token = self._histogram(
            "time_to_first_token_seconds",
            "From the request's arrival to its first token.",
            _TTFT_BUCKETS,
        )
        self._next_token = self._histogram(
            "inter_token_latency_seconds", "Between two tokens of one request.", _ITL_BUCKETS
        )
        self._load = self._histogram(
            "model_load_seconds",
            "From the start of a load until the model is ready.",
            _LOAD_BUCKETS,
        )
        self._requests = Counter(
            PREFIX + "requests",
            "Requests for text, by how they ended.",
            labelnames=(*LABELS, "outcome"),
            registry=self._registry,
        )
        self._load_started_at: dict[str, float] = {}

    def render(self, may_know: Callable[[str], bool]) -> bytes:
        """Everything in Prometheus' text format, but for models that a caller may not know."""
        return generate_latest(_Known(self._registry, may_know))

    async def observed(
        self, model: Model, chunks: AsyncGenerator[TokenChunk, None], *, user: str = ""
    ) -> AsyncGenerator[TokenChunk, None]:
        """Pass the chunks of one request of a user on, and measure them; the clock starts now."""
        labels = (model.id, model.engine)
        observe = self._first_token.labels(*labels).observe
        observe_next = self._next_token.labels(*labels).observe
        watch = _Watch(user)
        last_at: dict[int, float] = {}
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk.text or chunk.relayed:
                        now = time.perf_counter()
                        # of several answers each has a pace of its own, and all one beginning
                        if before := last_at.get(chunk.index):
                            observe_next(now - before)
                        elif not last_at:
                            watch.first_token_s = now - watch.began_at
                            observe(watch.first_token_s)
                        last_at[chunk.index] = now
                    watch.outcome = chunk.finish_reason or watch.outcome
                    watch.usage = chunk.usage or watch.usage
                    yield chunk
        except Exception as error:
            watch.outcome = getattr(error, "code", "internal_error")
            raise
        finally:
            self._end(model, watch)

    async def counted(
        self, model: Model, answer: Awaitable[T], usage_of: Callable[[T], Usage], *, user: str = ""
    ) -> T:
        """Pass an answer on that comes in one piece, and count it."""
        watch = _Watch(user)
        try:
            given = await answer
            watch.outcome, watch.usage = FinishReason.STOP, usage_of(given)
        except Exception as error:
            watch.outcome = getattr(error, "code", "internal_error")
            raise
        finally:
            self._end(model, watch)
        return given

    def on_event(self, kind: str, status: ModelStatus) -> None:
        """Measure how long a load takes, from the manager's events."""
        if kind != "model":
            return
        name = status.model.id
        if status.state is ModelState.LOADING:
            self._load_started_at.setdefault(name, time.perf_counter())
            return
        started_at = self._load_started_at.pop(name, None)
        if started_at is not None and status.state is ModelState.READY:
            seconds = time.perf_counter() - started_at
            self._load.labels(name, status.model.engine).observe(seconds)

    def _end(self, model: Model, watch: _Watch) -> None:
        self._requests.labels(model.id, model.engine, watch.outcome).inc()
        self._on_request(model, watch.finished(model))

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(
            PREFIX + name, text, labelnames=LABELS, buckets=buckets, registry=self._registry
        )


class _Known(Collector):
    """A registry without the samples of some models."""

    def __init__(self, registry: CollectorRegistry, may_know: Callable[[str], bool]) -> None:
        self._registry = registry
        self._may_know = may_know

    def collect(self) -> Iterator[Metric]:
        """Every family, made anew at each scrape, with the samples that may be told."""
        for metric in self._registry.collect():
            metric.samples = [one for one in metric.samples if self._may_know(one.labels["model"])]
            yield metric


class _Watch:
    """Follows one request of a user from its arrival on; until told better it was cancelled."""

    def __init__(self, user: str) -> None:
        self.began_at = time.perf_counter()
        self.first_token_s: float | None = None
        self.outcome = "cancelled"
        self.usage: Usage | None = None
        self._user = user

    def finished(self, model: Model) -> FinishedRequest:
        """The request, which ends now."""
        return FinishedRequest(
            at=time.time(),
            model_id=model.id,
            user=self._user,
            outcome=self.outcome,
            num_prompt_tokens=self.usage.prompt_tokens if self.usage else 0,
            num_completion_tokens=self.usage.completion_tokens if self.usage else 0,
            first_token_s=self.first_token_s,
            duration_s=time.perf_counter() - self.began_at,
        )
