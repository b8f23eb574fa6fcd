"""From what a request asks to the tokens and images that the model reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.engines.common.prompts import TextPrompts
from jupyter_llm.types import GenerationRequest

from .runtime import Runtime
from .sequence import Sequence
from .sight import Seen, Sight, Span, Spans

if TYPE_CHECKING:
    from llguidance import LLMatcher


class Prompts(TextPrompts):
    """The prompts for one loaded model.

    Raises:
        ModelFileError: The model's chat template is not valid Jinja.
    """

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(
            runtime.vocabulary,
            runtime.chat_template,
            context_length=runtime.options.context_length,
            sees=runtime.projector is not None,
        )
        self._marks = runtime.vocabulary.marks
        self._purpose = runtime.purpose

    def turn(self, request: GenerationRequest) -> Turn:
        """What the model is asked, and what its answer is held to.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        self._purpose.check_generates(request.model_id)
        return self.any_turn(request)

    def sequence(
        self,
        request: GenerationRequest,
        turn: Turn,
        matchers: Items[LLMatcher] = (),
        seen: Mapping[str, Seen] | None = None,
    ) -> Sequence:
        """Return a sequence ready to be submitted, held to the turn's constraints by `matchers`.

        `seen` is what the turn's images come to.

        Raises:
            ContextLengthError: The prompt leaves no room for an answer.
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        self.check_tokens("logit_bias", (token for token, _ in request.sampling.logit_bias))
        tokens, spans = self._tokens(request, turn, seen or {})
        sequence = Sequence(
            request,
            tokens,
            self._vocabulary,
            room=self.room(request, len(tokens)),
            form=self._form(turn, matchers),
            split=self.split(turn),
            spans=spans,
        )
        if request.echo:
            sequence.begin_with(self.echo(request, tokens))
        return sequence

    def _form(self, turn: Turn, matchers: Items[LLMatcher]) -> Form | None:
        if not matchers:
            return None
        param = turn.constraints[-1].param
        return Form(matchers, num_tokens=self._vocabulary.num_tokens, param=param)

    def tokens(self, request: GenerationRequest, turn: Turn, seen: Mapping[str, Seen]) -> list[int]:
        """What the model reads, however long it is; negative numbers stand for images.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        return self._tokens(request, turn, seen)[0]

    def _tokens(
        self, request: GenerationRequest, turn: Turn, seen: Mapping[str, Seen]
    ) -> tuple[list[int], Spans]:
        if seen:
            return self._with_images(self.without_bos(turn.prompt), seen)
        return self.text_tokens(request, turn), Spans()

    def _with_images(self, text: str, seen: Mapping[str, Seen]) -> tuple[list[int], Spans]:
        """Text and images in turn; each piece of text is tokenized for itself, as mtmd does."""
        tokens: list[int] = list(self._marks.begin)
        spans: list[Span] = []
        position = len(tokens)
        for part in re.split(f"({'|'.join(seen)})", text):
            text_tokens = self._vocabulary.tokenize(part, adds_special=False)
            for piece in seen.get(part, (text_tokens,)):
                if isinstance(piece, Sight):
                    spans.append(Span(start=len(tokens), position=position, sight=piece))
                    tokens += piece.tokens
                    position += piece.num_positions
                else:
                    tokens += piece
                    position += len(piece)
        return [*tokens, *self._marks.end], Spans(spans)
