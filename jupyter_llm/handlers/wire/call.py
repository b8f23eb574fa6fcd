"""What a request for text asks for, whichever route it came by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_llm.types import GenerationRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request body, understood: what to generate and how to answer."""

    request: GenerationRequest
    stream: bool
    include_usage: bool
