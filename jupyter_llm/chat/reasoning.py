"""How models mark what they think before they answer, and whether a prompt lets them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from jupyter_llm.chat.lark import Lark, markers_in
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink


class Opening(Enum):
    """What the end of a prompt says of the reasoning: it has begun, is over, or may begin."""

    OPEN = auto()
    CLOSED = auto()
    FREE = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reasoning:
    """The marks around a model's reasoning.

    `to_text` and `to_call` lead from inside the reasoning to an answer, and to where a call
    begins; they hold `end`, and differ where the answer has marks of its own.
    """

    start: str
    end: str
    to_text: str = ""
    to_call: str = ""

    @property
    def markers(self) -> tuple[str, ...]:
        """The tokens that a parser has to see."""
        return markers_in(self.start + self.end)

    def skipped(self, *, may_call: bool) -> str:
        """What is put behind a prompt so that the model answers at once."""
        del may_call
        return f"{self.start}\n\n{self.end}\n\n"

    def opening(self, prompt: str) -> Opening:
        """What this prompt leaves to the model."""
        tail = prompt.rstrip()
        if tail.endswith(self.start.rstrip()):
            return Opening.OPEN
        return Opening.CLOSED if tail.endswith(self.end) else Opening.FREE

    def parse(self, reader: Reader, sink: Sink, opening: Opening) -> Steps[None]:
        """Read the reasoning at the beginning of an answer, if there is some."""
        if opening is Opening.FREE:
            reader.mark()
            yield from reader.skip_space()
            if not (yield from reader.skip(self.start)):
                reader.rewind()
                return
            reader.release()
        sink.begin_reasoning()
        yield from reader.until((self.end,), sink.reasoning)
        sink.end_reasoning()

    def grammar(self, lark: Lark, opening: Opening, *, to_call: bool) -> str:
        """The expression for the reasoning that comes before a constrained answer."""
        del to_call
        start = "" if opening is Opening.OPEN else f"{lark.spelled(self.start)} "
        return start + lark.anything_until(self.end)

    def closing(self, *, to_call: bool) -> str:
        """What ends the reasoning when its budget is spent."""
        return (self.to_call if to_call else self.to_text) or self.end


_NEXT = "<|end|><|start|>assistant"
_FINAL = "<|channel|>final<|message|>"


class Channels(Reasoning):
    """The channels of gpt-oss, whose parser is that of the whole answer."""

    __slots__ = ()

    def skipped(self, *, may_call: bool) -> str:
        """An empty analysis and the head of the next message, or the head of the answer."""
        return f"{self.start}{self.to_call}" if may_call else _FINAL

    def opening(self, prompt: str) -> Opening:
        """The model chooses its channels, unless the analysis was skipped."""
        return Opening.CLOSED if prompt.endswith((_FINAL, _NEXT)) else Opening.FREE

    def parse(self, reader: Reader, sink: Sink, opening: Opening) -> Steps[None]:
        """Left to the format."""
        del reader, sink, opening
        yield from ()

    def grammar(self, lark: Lark, opening: Opening, *, to_call: bool) -> str:
        """Analysis, then the head of the message that follows it."""
        del opening
        analysis = f"{lark.markers('<|channel|>', 'analysis', '<|message|>')} " + (
            lark.anything_until("<|end|>")
        )
        head = lark.markers("<|start|>", "assistant")
        final = "" if to_call else f" {lark.markers('<|channel|>', 'final', '<|message|>')}"
        return f"{analysis} {head}{final}"


REASONINGS: tuple[Reasoning, ...] = (
    Channels(
        start="<|channel|>analysis<|message|>",
        end="<|end|>",
        to_text=f"{_NEXT}{_FINAL}",
        to_call=_NEXT,
    ),
    Reasoning(start="[THINK]", end="[/THINK]"),
    Reasoning(start="<|channel>thought\n", end="<channel|>"),
    Reasoning(start="<|START_THINKING|>", end="<|END_THINKING|>"),
    Reasoning(start="<seed:think>", end="</seed:think>"),
    Reasoning(start="<think>", end="</think>"),
)


def reasoning_of(template_source: str) -> Reasoning | None:
    """The marks that a chat template has, if it has any."""
    if "<|channel|>" in template_source and "<|message|>" in template_source:
        return REASONINGS[0]
    for one in REASONINGS[1:]:
        if one.end in template_source:
            return one
    return None
