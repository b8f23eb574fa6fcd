"""Which format a model writes, told from its chat template."""

from __future__ import annotations

from .base import Format
from .deepseek import DeepSeekV3, DeepSeekV31
from .gemma import FunctionGemma, Gemma4
from .glm import Glm
from .harmony import Harmony
from .hermes import Hermes
from .kimi import Kimi
from .llama3 import Llama3
from .mistral import MistralArray, MistralNamed
from .qwen_coder import QwenCoder
from .tool_code import ToolCode

FORMATS: tuple[Format, ...] = (
    Harmony(),
    Kimi(),
    DeepSeekV3(),
    DeepSeekV31(),
    Gemma4(),
    FunctionGemma(),
    MistralNamed(),
    MistralArray(),
    QwenCoder(),
    Glm(),
    Hermes(),
    Llama3(),
    ToolCode(),
)
"""A format stands behind those whose templates have its signs, too."""

FALLBACK = Hermes()
"""What a model is asked to write whose template knows no tools."""


def format_of(template_source: str) -> Format:
    """The first format all of whose signs the template has."""
    return next(
        (one for one in FORMATS if all(sign in template_source for sign in one.signs)), FALLBACK
    )
