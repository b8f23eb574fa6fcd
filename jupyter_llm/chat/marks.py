"""Hold the places of images in a conversation while a chat template makes a text of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Image, Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """A conversation with a word in the place of each image; `images` are by their words."""

    messages: tuple[Message, ...]
    images: Mapping[str, Image]

    def check(self, prompt: str) -> None:
        """See that the template has put every image into the prompt, once.

        Raises:
            InvalidRequestError: It has not.
        """
        for word, image in self.images.items():
            if prompt.count(word) != 1:
                raise InvalidRequestError(
                    "This model's chat template has no place for this image, or several. "
                    "Send it in another message.",
                    param=image.param,
                )


def marked(messages: Sequence[Message]) -> Marked:
    """Put words in the places of images.

    They are drawn anew for each request, so that no text can hold one, and are letters and
    digits, which no template changes.
    """
    key = secrets.token_hex(16)
    images: dict[str, Image] = {}
    turns = []
    for message in messages:
        parts, end = [], 0
        for image in message.images:
            word = f"image{key}n{len(images)}e"
            images[word] = image
            parts += [message.content[end : image.offset], word]
            end = image.offset
        content = "".join((*parts, message.content[end:]))
        turns.append(replace(message, content=content) if message.images else message)
    return Marked(messages=tuple(turns), images=images)


def unseen(model_id: str, image: Image) -> InvalidRequestError:
    """The answer to an image for a model that has nothing to see it with."""
    return InvalidRequestError(
        f"{model_id} does not see. Leave the image out, or name a model with the modality "
        "'image': one with a projector (mmproj) beside it.",
        param=image.param,
    )
