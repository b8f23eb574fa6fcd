"""From what a request asks to the tokens the model reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Items
from functools import partial
from typing import TYPE_CHECKING

from jupyter_llm.chat.dialogue import Dialogue, Turn
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.marks import unseen
from jupyter_llm.chat.split import Split
from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import GenerationRequest

from .runtime import Runtime
from .scoring import Echo, offsets_in
from .sequence import Sequence
from .sight import Seen, Sight, Span, Spans

if TYPE_CHECKING:
    from llguidance import LLMatcher


class Prompts:
    """Renders, tokenizes and checks the prompts for one loaded model.

    Raises:
        ModelFileError: The model's chat template is not valid Jinja.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._vocabulary = runtime.vocabulary
        self._context_length = runtime.options.context_length
        self._purpose = runtime.purpose
        self._sees = runtime.projector is not None
        self._dialogue: Dialogue | None = None
        if runtime.chat_template:
            self._dialogue = Dialogue(
                runtime.chat_template,
                bos_token=self._vocabulary.bos_text,
                eos_token=self._vocabulary.eos_text,
                find_token=self._vocabulary.control_token,
            )

    def turn(self, request: GenerationRequest) -> Turn:
        """What the model is asked, and what its answer is held to.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        self._purpose.check_generates(request.model_id)
        return self.any_turn(request)

    def any_turn(self, request: GenerationRequest) -> Turn:
        """What the model would be asked, though it may not write. Raises what `turn` raises."""
        if request.messages is None:
            return Turn(
                prompt=request.prompt or "",
                constraints=(request.constraint,) if request.constraint else (),
            )
        if self._dialogue is None:
            raise InvalidRequestError(
                "This model has no chat template, so it cannot take messages: "
                "send a prompt to /v1/completions instead.",
                param="messages",
            )
        turn = self._dialogue.turn(request)
        for image in turn.images.values() if not self._sees else ():
            raise unseen(request.model_id, image)
        return turn

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
            room=self._room(request, len(tokens)),
            form=self._form(turn, matchers),
            split=Split(turn, partial(self._vocabulary.tokenize, adds_special=False)),
            spans=spans,
        )
        if request.echo:
            sequence.begin_with(self._echo(request, tokens))
        return sequence

    def _room(self, request: GenerationRequest, num_tokens: int) -> int:
        """Tokens left for the answer: none will do only where none is wanted."""
        room = self._context_length - num_tokens
        if room < (0 if request.sampling.max_tokens == 0 else 1):
            raise ContextLengthError(
                f"This model's context holds {self._context_length} tokens, but the prompt has "
                f"{num_tokens} and at least one must be left for the answer: shorten the "
                "prompt, or load the model with a longer context_length.",
                param="prompt" if request.messages is None else "messages",
            )
        return room

    def _form(self, turn: Turn, matchers: Items[LLMatcher]) -> Form | None:
        if not matchers:
            return None
        param = turn.constraints[-1].param
        return Form(matchers, num_tokens=self._vocabulary.num_tokens, param=param)

    def _echo(self, request: GenerationRequest, tokens: list[int]) -> Echo:
        """The prompt as text, and where its tokens stand in it."""
        if request.prompt is not None:
            # control tokens that the prompt spells out are part of its text
            text, read = request.prompt, self._vocabulary.name
        else:
            read = self._vocabulary.piece
            text = b"".join(map(read, tokens)).decode("utf-8", "replace")
        if request.sampling.num_top_logprobs is None:
            return Echo(text=text)
        return Echo(text=text, offsets=offsets_in(text, [read(token) for token in tokens]))

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
            return self._with_images(self._without_bos(turn.prompt), seen)
        if request.messages is not None:
            return self._vocabulary.tokenize(self._without_bos(turn.prompt)), Spans()
        return self._of_prompt(request), Spans()

    def _with_images(self, text: str, seen: Mapping[str, Seen]) -> tuple[list[int], Spans]:
        """Text and images in turn; each piece of text is tokenized for itself, as mtmd does."""
        marks = self._vocabulary.marks
        tokens: list[int] = list(marks.begin)
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
        return [*tokens, *marks.end], Spans(spans)

    def _of_prompt(self, request: GenerationRequest) -> list[int]:
        if request.prompt_tokens is not None:
            self.check_tokens("prompt", request.prompt_tokens)
            tokens = list(request.prompt_tokens)
        elif request.suffix is None:
            tokens = self._vocabulary.tokenize(request.prompt or "")
        else:
            tokens = self._plain(request.prompt or "")
        if request.suffix is not None:
            tokens = self._around_gap(tokens, request.suffix)
        if not tokens:
            raise InvalidRequestError(
                "The prompt is empty and this model has no token to begin with: "
                "write something to continue.",
                param="prompt",
            )
        return tokens

    def _around_gap(self, prefix: list[int], suffix: str) -> list[int]:
        """Prefix, suffix and then the gap between them, marked as models are trained to read it."""
        gap = self._vocabulary.gap_tokens
        if gap is None:
            raise InvalidRequestError(
                "This model has no tokens to fill a gap in a text with: leave 'suffix' out, or "
                "use a model that was trained for fill-in-the-middle.",
                param="suffix",
            )
        behind = self._plain(suffix)
        return [*gap.begin, *prefix, gap.suffix, *behind, gap.middle]

    def _plain(self, text: str) -> list[int]:
        """Tokens of a part of a prompt: nothing is added, and nothing in it is control."""
        return self._vocabulary.tokenize(text, adds_special=False, parses_special=False)

    def _without_bos(self, text: str) -> str:
        """Most templates write the first token themselves, and tokenizing adds it again."""
        return text.removeprefix(self._vocabulary.bos_text) if self._vocabulary.adds_bos else text

    def check_tokens(self, param: str, tokens: Iterable[int]) -> None:
        """Refuse ids that are no token of this model; `param` says where they come from.

        Raises:
            InvalidRequestError: There is one.
        """
        last = self._vocabulary.num_tokens - 1
        for token in tokens:
            if not 0 <= token <= last:
                raise InvalidRequestError(
                    f"{param} has token {token}, but this model's tokens run from 0 to {last}.",
                    param=param,
                )
