"""What `GET /metrics` tells, under the names that Qdrant has for it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.index import Indexer

_BOUNDS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0)


class Figures(Collector):
    """Counts answers, and looks at the collections when somebody asks."""

    def __init__(self, folder: Folder, indexer: Indexer, engine_version: str) -> None:
        self._folder = folder
        self._indexer = indexer
        self._version = engine_version
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._answers = Histogram(
            "rest_responses_duration_seconds",
            "Seconds that answers have taken",
            ["method", "endpoint", "status"],
            buckets=_BOUNDS_S,
            registry=self._registry,
        )

    def count(self, *, method: str, endpoint: str, status: int, duration_s: float) -> None:
        """Count an answer."""
        self._answers.labels(method, endpoint, str(status)).observe(duration_s)

    def render(self) -> bytes:
        """All of it in Prometheus' text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The collections as they are now; those that nobody has used are not opened for it."""
        info = GaugeMetricFamily("app_info", "The engine", labels=["name", "version"])
        info.add_metric(["qdrant-edge", self._version], 1)
        yield info
        yield GaugeMetricFamily("collections_total", "Collections", len(self._folder.names()))
        points = GaugeMetricFamily(
            "collection_points", "Points of collections in use", labels=["id"]
        )
        indexed = GaugeMetricFamily(
            "collection_indexed_vectors", "Of these in an index", labels=["id"]
        )
        for collection in self._folder.opened():
            known = collection.info()
            points.add_metric([collection.folder.name], known.points_count)
            indexed.add_metric([collection.folder.name], known.indexed_vectors_count)
        yield points
        yield indexed
        running = int(self._indexer.busy is not None)
        yield GaugeMetricFamily("collection_running_optimizations", "Indexes being built", running)
