"""A service that models run in, as the operator describes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jupyter_llm.errors import ModelLoadError

Dialect = Literal["openai", "vllm", "jupyter-llm"]
"""Whose words a service knows beside OpenAI's, for what OpenAI's API has no words for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """The key of a service: itself, or the variable or the file that holds it.

    All empty for a service that asks for none.
    """

    text: str = field(default="", repr=False)
    variable: str = ""
    path: str = ""

    def read(self) -> str:
        """The key as it is now; may look at the disk.

        Raises:
            ModelLoadError: The variable is not set, or the file cannot be read.
        """
        if self.variable:
            if not (text := os.environ.get(self.variable, "")):
                raise ModelLoadError(f"The key is to be in {self.variable}, which is not set.")
            return text.strip()
        if self.path:
            try:
                return Path(self.path).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ModelLoadError(f"The key cannot be read from {self.path}: {error}.") from None
        return self.text


Balance = Literal["round_robin", "least_outstanding"]
"""Which replica is next: each in turn, or the one that has the fewest requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where one server of a service listens, and what it is called in answers.

    `url` ends where OpenAI's paths begin, as a rule with `/v1`. With `socket`, the path of a Unix
    socket, connections go there whatever host the URL names.
    """

    url: str
    socket: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """A service, and which of its models there are here.

    It listens at `url`, or has the `replicas`, any of which answers in the same way. `models`
    maps ids here to names there; an empty name is the first model that the service lists.
    `concurrency` bounds the requests that it gets at a time, for all its models. `timeout_s` is
    how long it may be silent, `health_interval_s` how often it is looked at while nobody asks (0
    for never). Its models are `private_to` a user, or with `None` there for all.
    """

    id: str
    models: Mapping[str, str]
    url: str = ""
    replicas: tuple[Endpoint, ...] = ()
    balance: Balance = "round_robin"
    key: Key = field(default_factory=Key)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    dialect: Dialect = "openai"
    concurrency: int = 16
    context_length: int = 0
    modalities: tuple[str, ...] = ("text",)
    timeout_s: float = 300.0
    connect_timeout_s: float = 5.0
    health_interval_s: float = 30.0
    ca_file: str = ""
    private_to: str | None = None

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where it listens: one place at least, unless all replicas have left."""
        return self.replicas or ((Endpoint(url=self.url),) if self.url else ())
