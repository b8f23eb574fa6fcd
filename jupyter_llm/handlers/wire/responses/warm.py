"""Builds the validators of the response types before anybody waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.types import SamplingParams

from .request import ResponsesBody

if TYPE_CHECKING:
    from jupyter_llm.types import TokenChunk


def load_responses_types(last: TokenChunk) -> None:
    """Import OpenAI's types of this API and use each once; `last` is a last chunk.

    Blocks for about 0.1 s the first time.
    """
    from .draft import Draft
    from .reply import ResponsesReply

    body = msgspec.convert({"input": "-"}, ResponsesBody)
    draft = Draft(body, SamplingParams(), response_id="resp_", created_at=0)
    ResponsesReply(draft, model="").events(last)
