"""Turns the state of the models into Prometheus families at each scrape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from jupyter_llm.types import ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import Metric

PREFIX = "jupyter_llm_"
LABELS = ("model", "engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Family:
    name: str
    help: str
    value: Callable[[ModelStatus], float]
    kind: type[GaugeMetricFamily | CounterMetricFamily] = GaugeMetricFamily


_FAMILIES = (
    _Family(
        name="model_ready",
        help="1 while the model is in memory and serves requests.",
        value=lambda status: status.state is ModelState.READY,
    ),
    _Family(
        name="model_memory_bytes",
        help="Memory that the model takes, as reported when it was loaded.",
        value=lambda status: status.memory.total_bytes,
    ),
    _Family(
        name="slots",
        help="Requests that the model can work on at the same time.",
        value=lambda status: status.stats.slots,
    ),
    _Family(
        name="requests_running",
        help="Requests that the model works on.",
        value=lambda status: status.stats.num_running,
    ),
    _Family(
        name="requests_waiting",
        help="Requests that wait for a slot.",
        value=lambda status: status.stats.num_waiting,
    ),
    _Family(
        name="kv_cells",
        help="Size of the KV cache that all slots share, in tokens.",
        value=lambda status: status.stats.num_kv_cells,
    ),
    _Family(
        name="kv_cells_used",
        help="Tokens held in the KV cache.",
        value=lambda status: status.stats.num_kv_cells_used,
    ),
    _Family(
        name="prompt_tokens",
        help="Prompt tokens of all requests since the model was loaded.",
        value=lambda status: status.stats.num_prompt_tokens,
        kind=CounterMetricFamily,
    ),
    _Family(
        name="cached_tokens",
        help="Prompt tokens that the prefix cache saved from being computed.",
        value=lambda status: status.stats.num_cached_tokens,
        kind=CounterMetricFamily,
    ),
    _Family(
        name="generation_tokens",
        help="Tokens generated since the model was loaded.",
        value=lambda status: status.stats.num_completion_tokens,
        kind=CounterMetricFamily,
    ),
    _Family(
        name="preemptions",
        help="Requests put back and recomputed because KV cells ran out.",
        value=lambda status: status.stats.num_preemptions,
        kind=CounterMetricFamily,
    ),
    _Family(
        name="decode_seconds",
        help="Time spent in the model's forward pass.",
        value=lambda status: status.stats.decode_s,
        kind=CounterMetricFamily,
    ),
    _Family(
        name="step_seconds",
        help="Time of the engine's steps, the forward pass included.",
        value=lambda status: status.stats.step_s,
        kind=CounterMetricFamily,
    ),
)


class ModelCollector(Collector):
    """Reads the models when Prometheus asks, so nothing is counted twice or kept up to date."""

    def __init__(self, loaded: Callable[[], Sequence[ModelStatus]]) -> None:
        self._loaded = loaded

    def collect(self) -> Iterator[Metric]:
        """One family for each figure, one sample for each model."""
        statuses = self._loaded()
        for family in _FAMILIES:
            metric = family.kind(PREFIX + family.name, family.help, labels=LABELS)
            for status in statuses:
                labels = (status.model.id, status.model.engine)
                metric.add_metric(labels, float(family.value(status)))
            yield metric
