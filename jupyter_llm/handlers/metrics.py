"""`GET /metrics`."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from prometheus_client import CONTENT_TYPE_LATEST
from tornado import web

from .base import LLMHandler


class MetricsHandler(LLMHandler):
    """The figures for Prometheus."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Prometheus' text format."""
        self.caller.check_may_know_all_models()
        figures = self.context.metrics.render(self.context.manager.may_know)
        self.finish(figures, set_content_type=CONTENT_TYPE_LATEST)
