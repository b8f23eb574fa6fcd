"""The blocks of a message, and the turns that they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.growing_turn import GrowingTurn
from jupyter_llm.types import Image, Message, ToolCall

Id = Annotated[str, Meta(min_length=1)]


class CacheControl(msgspec.Struct, forbid_unknown_fields=True):
    """A mark up to which a prompt is cached; without effect, for every prefix is."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextBlock(
    msgspec.Struct, tag="text", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """Text."""

    text: str
    cache_control: CacheControl | None = None
    citations: Annotated[list[Any], Meta(max_length=0)] | None = None


class OnlyText(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Text where nothing else may stand; of a single tagged type msgspec would not ask the tag."""

    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None
    citations: Annotated[list[Any], Meta(max_length=0)] | None = None


class Base64Source(
    msgspec.Struct, tag="base64", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """An image itself."""

    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Id

    @property
    def address(self) -> str:
        """The same as a URL."""
        return f"data:{self.media_type};base64,{self.data}"


class UrlSource(
    msgspec.Struct, tag="url", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """Where an image is."""

    url: Id

    @property
    def address(self) -> str:
        """The URL."""
        return self.url


class ImageBlock(
    msgspec.Struct, tag="image", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """An image that a user shows."""

    source: Base64Source | UrlSource
    cache_control: CacheControl | None = None


class ThinkingBlock(
    msgspec.Struct, tag="thinking", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """What an assistant thought; the signature of another server means nothing here."""

    thinking: str
    signature: str = ""


class ToolUseBlock(
    msgspec.Struct, tag="tool_use", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """A call that an assistant made."""

    id: Id
    name: Id
    input: dict[str, Any]
    cache_control: CacheControl | None = None
    caller: dict[str, Any] | None = None


class ToolResultBlock(
    msgspec.Struct, tag="tool_result", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """What a call gave."""

    tool_use_id: Id
    content: str | list[OnlyText] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None

    @property
    def text(self) -> str:
        """What it gave; a model that reads text alone is told in text that it failed."""
        text = text_of(self.content or "")
        return f"Error: {text}" if self.is_error else text


Block = TextBlock | ImageBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock


class MessageBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


def text_of(content: str | list[OnlyText]) -> str:
    """The text of blocks, each on lines of its own."""
    return content if isinstance(content, str) else "\n".join(block.text for block in content)


class Turns:
    """Folds messages into turns; messages of one role that follow each other are one turn."""

    def __init__(self, system: str | list[OnlyText] | None) -> None:
        self._turns: list[GrowingTurn] = []
        self._calls: dict[str, str] = {}
        if system:
            self._turns.append(GrowingTurn(role="system", texts=[text_of(system)]))

    def add(self, body: MessageBody, at: str) -> None:
        """Add a message; `at` is where it stands in the request.

        Raises:
            InvalidRequestError: A block that its role cannot say, or a result without a call;
                `param` names it.
        """
        if isinstance(body.content, str):
            self._turn_of(body.role).texts.append(body.content)
            return
        for number, block in enumerate(body.content):
            self._add_block(body.role, block, f"{at}.content[{number}]")

    def turns(self) -> tuple[Message, ...]:
        """The turns so far."""
        return tuple(turn.message() for turn in self._turns)

    def _add_block(self, role: str, block: Block, at: str) -> None:
        match block:
            case TextBlock():
                self._turn_of(role).texts.append(block.text)
            case ImageBlock() if role == "user":
                self._turn_of(role).show(Image(param=at, url=block.source.address))
            case ThinkingBlock() if role == "assistant":
                self._turn_of(role).thoughts.append(block.thinking)
            case ToolUseBlock() if role == "assistant":
                arguments = msgspec.json.encode(block.input).decode()
                self._calls[block.id] = block.name
                call = ToolCall(id=block.id, name=block.name, arguments=arguments)
                self._turn_of(role).calls.append(call)
            case ToolResultBlock() if role == "user":
                self._answer(block, at)
            case _:
                raise InvalidRequestError(
                    f"A message of the role {role!r} cannot have this block.", param=f"{at}.type"
                )

    def _answer(self, block: ToolResultBlock, at: str) -> None:
        if block.tool_use_id not in self._calls:
            raise InvalidRequestError(
                f"No 'tool_use' block before it has the id {block.tool_use_id!r}.",
                param=f"{at}.tool_use_id",
            )
        self._turns.append(
            GrowingTurn(
                role="tool",
                texts=[block.text],
                name=self._calls[block.tool_use_id],
                call_id=block.tool_use_id,
            )
        )

    def _turn_of(self, role: str) -> GrowingTurn:
        """The turn that goes on, or a new one if another role had the last."""
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(GrowingTurn(role=role))
        return self._turns[-1]
