"""From what a request asks to a sequence that vLLM can be asked for."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.prompts import TextPrompts
from jupyter_llm.types import GenerationRequest

from .lark import as_lark
from .sequence import Sequence

if TYPE_CHECKING:
    from llguidance import LLMatcher


class Prompts(TextPrompts):
    """The prompts for one loaded model.

    Raises:
        ModelFileError: The model's chat template is not valid Jinja.
    """

    def __init__(
        self, vocabulary: FileVocabulary, chat_template: str, *, context_length: int
    ) -> None:
        super().__init__(vocabulary, chat_template, context_length=context_length)
        self.vocabulary = vocabulary

    def sequence(
        self, request: GenerationRequest, turn: Turn, matchers: Items[LLMatcher] = ()
    ) -> Sequence:
        """Return a sequence that is held to the turn's constraints, which are `matchers`.

        Raises:
            ContextLengthError: The prompt leaves no room for an answer.
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        self.check_tokens("logit_bias", (token for token, _ in request.sampling.logit_bias))
        tokens = self.text_tokens(request, turn)
        form: Form | None = None
        grammars: tuple[str, ...] = ()
        if matchers:
            from jupyter_llm.chat.grammar.compiler import grammar_of

            param = turn.constraints[-1].param
            form = Form(matchers, num_tokens=self.vocabulary.num_tokens, param=param)
            grammars = tuple(as_lark(grammar_of(each)) for each in turn.constraints)
        sequence = Sequence(
            request,
            tokens,
            self.vocabulary,
            room=self.room(request, len(tokens)),
            form=form,
            grammars=grammars,
            split=self.split(turn),
        )
        if request.echo:
            sequence.begin_with(self.echo(request, tokens))
        return sequence
