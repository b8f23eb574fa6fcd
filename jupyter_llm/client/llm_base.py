"""What every method of `llm` stands on: the server, and the options that all calls share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .client import Client
from .exchange import Exchange
from .indexing import IndexSettings
from .mapping import MapSettings, RowMap
from .server import server_at
from .several import several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .answer import Answer
    from .chat_request import Messages
    from .work import Work


class LLMBase:
    """One server, and defaults for what is asked of it; for the arguments see `LLM`."""

    def __init__(self, url: str | None = None, api_key: str = "", **defaults: Any) -> None:
        self._url = url
        self._api_key = api_key
        self._defaults = defaults

    @cached_property
    def client(self) -> Client:
        """The HTTP client, for what has no method here."""
        if self._url is None:
            return Client()
        url = self._url.rstrip("/").removesuffix("/v1")
        return Client(server_at(url, token=self._api_key, found_by="the URL given"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; they are opened again when they are needed."""
        self.client.close()

    def __repr__(self) -> str:
        return f"<LLM {self._url or 'of this notebook'} {self._defaults or ''}>".replace(" >", ">")

    def _several(self, messages: Messages, options: dict[str, Any]) -> Work[list[Answer]] | None:
        """The request for a list of answers, if that is what is wanted."""
        given = {**self._defaults, **options}
        return several(messages, **given) if given.get("n") is not None else None

    def _exchange(self, messages: Messages, options: dict[str, Any]) -> Exchange:
        return Exchange(messages, **{**self._defaults, **options})

    def _with_model(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"model": self._defaults.get("model"), **options}

    def _index_settings(self, name: str, options: dict[str, Any]) -> IndexSettings:
        given = self._with_model(options)
        known = ("text", "database", "indexes", "replace", "progress")
        named = {option: given.pop(option) for option in known if option in given}
        return IndexSettings(name=name, options=given, **named)

    def _row_map(
        self,
        data: Iterable[Any],
        prompt: str | Callable[[Any], Messages] | None,
        concurrency: int,
        options: dict[str, Any],
    ) -> RowMap:
        given = {**self._defaults, **options}
        named = {
            name: given.pop(name)
            for name in ("schema", "cache", "progress", "on_error")
            if name in given
        }
        settings = MapSettings(concurrency=concurrency, options=given, **named)
        return RowMap(data, prompt, settings)
