"""From what a request asks to the tokens that a model reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from jupyter_llm.chat.dialogue import Dialogue, Turn
from jupyter_llm.chat.marks import unseen
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common.scoring import Echo, offsets_in
from jupyter_llm.engines.common.vocabulary import Vocabulary
from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import GenerationRequest


class TextPrompts:
    """Renders, tokenizes and checks prompts for one loaded model, which may see images.

    Raises:
        ModelFileError: The chat template is not valid Jinja.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        chat_template: str,
        *,
        context_length: int,
        sees: bool = False,
    ) -> None:
        self._vocabulary = vocabulary
        self._context_length = context_length
        self._sees = sees
        self._dialogue: Dialogue | None = None
        if chat_template:
            self._dialogue = Dialogue(
                chat_template,
                bos_token=vocabulary.bos_text,
                eos_token=vocabulary.eos_text,
                find_token=vocabulary.control_token,
            )

    def any_turn(self, request: GenerationRequest) -> Turn:
        """What the model would be asked, though it may not write.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
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

    def room(self, request: GenerationRequest, num_tokens: int) -> int:
        """Tokens left for the answer: none will do only where none is wanted.

        Raises:
            ContextLengthError: There are none.
        """
        room = self._context_length - num_tokens
        if room < (0 if request.sampling.max_tokens == 0 else 1):
            raise ContextLengthError(
                f"This model's context holds {self._context_length} tokens, but the prompt has "
                f"{num_tokens} and at least one must be left for the answer: shorten the "
                "prompt, or load the model with a longer context_length.",
                param="prompt" if request.messages is None else "messages",
            )
        return room

    def split(self, turn: Turn) -> Split:
        """What parts the answer to a turn."""
        return Split(turn, partial(self._vocabulary.tokenize, adds_special=False))

    def echo(self, request: GenerationRequest, tokens: list[int]) -> Echo:
        """A prompt as text, and where its tokens stand in it."""
        if request.prompt is not None:
            # control tokens that the prompt spells out are part of its text
            text, read = request.prompt, self._vocabulary.name
        else:
            read = self._vocabulary.piece
            text = b"".join(map(read, tokens)).decode("utf-8", "replace")
        if request.sampling.num_top_logprobs is None:
            return Echo(text=text)
        return Echo(text=text, offsets=offsets_in(text, [read(token) for token in tokens]))

    def text_tokens(self, request: GenerationRequest, turn: Turn) -> list[int]:
        """What the model reads of a request without images, however long it is.

        Raises:
            InvalidRequestError: A value cannot be honoured; `param` names it.
        """
        if request.messages is not None:
            return self._vocabulary.tokenize(self.without_bos(turn.prompt))
        return self._of_prompt(request)

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

    def without_bos(self, text: str) -> str:
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
