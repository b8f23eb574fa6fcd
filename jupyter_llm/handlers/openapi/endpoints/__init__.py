"""The table of endpoints: a new route says in one of these files what it takes and answers.

Answers of our own are described beside their routes, field by field as `wire/` builds them, and
a test holds real answers against them; those of OpenAI's routes are in the `openai` package.

Everything else of the description comes from the route table, the handlers' docstrings and
their decorators. A test fails when a verb of a route is missing here, or the other way round.
"""

from __future__ import annotations

from . import (
    administration,
    downloads,
    generation,
    keys,
    messages,
    models,
    reading,
    responses,
    server,
    services,
    usage,
    vectors,
    vllm,
)
from .endpoint import Endpoint

ENDPOINTS: dict[str, Endpoint] = {
    **generation.ENDPOINTS,
    **reading.ENDPOINTS,
    **messages.ENDPOINTS,
    **responses.ENDPOINTS,
    **models.ENDPOINTS,
    **administration.ENDPOINTS,
    **downloads.ENDPOINTS,
    **keys.ENDPOINTS,
    **services.ENDPOINTS,
    **vectors.ENDPOINTS,
    **server.ENDPOINTS,
    **vllm.ENDPOINTS,
    **usage.ENDPOINTS,
}
