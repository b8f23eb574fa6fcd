"""Options that an engine for folders of safetensors has no use for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions


def refuse_options_of_files(options: LoadOptions, engine: str) -> None:
    """Refuse what llama.cpp alone does; `engine` is what the message calls the one asked.

    Raises:
        InvalidRequestError: Such an option is given; `param` names it.
    """
    if options.kv_type is not None:
        raise InvalidRequestError(
            f"kv_type is {options.kv_type!r}, and {engine} keeps keys and values in the type of "
            "the model's weights: leave it out.",
            param="kv_type",
        )
    if options.draft_model or options.speculation == "draft_model":
        raise InvalidRequestError(
            f"The {engine} engine guesses no tokens: leave draft_model out.", param="draft_model"
        )
    if options.speculation not in (None, "none"):
        raise InvalidRequestError(
            f"speculation is {options.speculation!r}, and the {engine} engine guesses no tokens: "
            "leave it out.",
            param="speculation",
        )
