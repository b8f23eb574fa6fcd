"""The whole description, from the route table down."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm._version import __version__

from .endpoints import ENDPOINTS
from .errors import ErrorBody
from .operations import CREDENTIALS, described, path_of, verbs_of
from .refusals import refusals
from .schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .schemas import Schema

_ABOUT = (
    "Language models that run inside this notebook server. Every route needs credentials: "
    "the server's token, a key made by `jupyter llm key create NAME`, a token of JupyterHub, or a "
    "browser's session. What a caller may do (`read`, `execute` or `write`) stands beside each "
    "operation's credentials. Errors have OpenAI's form."
)
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token or a key."},
    "token": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The server's token, where no header can be sent.",
    },
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": "X-XSRFToken",
        "description": "A logged-in browser: its cookies, and the value of `_xsrf` beside them.",
    },
}


@lru_cache(maxsize=1)
def document(url: str) -> bytes:
    """The description as JSON, for an API whose base is at the path `url`.

    Takes about a second the first time, for it imports the types of `openai`.
    """
    schemas = Schemas(_kinds())
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "jupyter-llm", "version": __version__, "description": _ABOUT},
            "servers": [{"url": url}],
            "paths": _paths(schemas),
            "components": {
                "schemas": schemas.components,
                "responses": refusals(schemas.of(ErrorBody)),
                "securitySchemes": {name: _SCHEMES[name] for name in CREDENTIALS},
            },
        }
    )


def operations() -> Iterator[tuple[str, type, str]]:
    """Path, handler and verb (in lower case) of everything that the route table serves."""
    from jupyter_llm.handlers.routes import ROUTES

    for pattern, handler in ROUTES:
        path = path_of(pattern, handler)
        for verb in verbs_of(handler):
            yield path, handler, verb


def _paths(schemas: Schemas) -> Schema:
    paths: dict[str, Schema] = {}
    for path, handler, verb in operations():
        endpoint = ENDPOINTS[f"{verb.upper()} {path}"]
        paths.setdefault(path, {})[verb] = described(path, handler, verb, endpoint, schemas)
    return paths


def _kinds() -> Sequence[Any]:
    of_endpoints = (
        (one.body, one.answer, one.events, *one.others.values()) for one in ENDPOINTS.values()
    )
    return [ErrorBody, *filter(None, chain.from_iterable(of_endpoints))]
