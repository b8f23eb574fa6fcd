"""From what a request asks to the tokens that the model reads."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.engines.common.prompts import TextPrompts
from jupyter_llm.types import GenerationRequest

from .runtime import Runtime
from .sequence import Sequence

if TYPE_CHECKING:
    from llguidance import LLMatcher


class Prompts(TextPrompts):
    """The prompts for one loaded model.

    Raises:
        ModelFileError: The model's chat template is not valid Jinja.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.vocabulary = runtime.vocabulary
        super().__init__(
            runtime.vocabulary,
            runtime.folder.chat_template,
            context_length=runtime.options.context_length,
        )

    def sequence(
        self, request: GenerationRequest, turn: Turn, matchers: Items[LLMatcher] = ()
    ) -> Sequence:
        """Return a sequence ready to be submitted, held to the turn's constraints by `matchers`.

        Raises:
            ContextLengthError: The prompt leaves no room for an answer.
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        self.check_tokens("logit_bias", (token for token, _ in request.sampling.logit_bias))
        tokens = self.text_tokens(request, turn)
        form = None
        if matchers:
            param = turn.constraints[-1].param
            form = Form(matchers, num_tokens=self.vocabulary.num_tokens, param=param)
        sequence = Sequence(
            request,
            tokens,
            self.vocabulary,
            room=self.room(request, len(tokens)),
            form=form,
            split=self.split(turn),
        )
        if request.echo:
            sequence.begin_with(self.echo(request, tokens))
        return sequence
