"""The images of a request, checked, from wherever they are."""

from __future__ import annotations

import asyncio
import binascii
import re
from base64 import b64decode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.chat.image_header import image_header
from jupyter_llm.chat.marks import unseen
from jupyter_llm.errors import InvalidRequestError

from .fetching import Fetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.types import GenerationRequest, Image, Model

_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_NUM_SHOWN = 40
"""Characters of a wrong URL that are repeated: it may be the image itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaRules:
    """What images a request may have: `max_bytes` in all, `max_pixels` each.

    `allowed_hosts` are hosts that images are fetched from, which may take `timeout_s` for
    all of a request.
    """

    allowed_hosts: tuple[str, ...] = ()
    max_images: int = 16
    max_bytes: int = 20 << 20
    max_pixels: int = 25_000_000
    timeout_s: float = 10.0


class Media:
    """Brings the images of requests here."""

    def __init__(self, rules: MediaRules) -> None:
        self._rules = rules
        self._fetcher = Fetcher(rules.allowed_hosts)

    async def brought(self, request: GenerationRequest, model: Model) -> GenerationRequest:
        """The request with the data of its images, which `model` is to see.

        Raises:
            InvalidRequestError: The model does not see, an image cannot be had or is against
                the rules; `param` names it.
        """
        images = [image for message in request.messages or () for image in message.images]
        if not images:
            return request
        if "image" not in model.modalities:
            raise unseen(model.id, images[0])
        self._check_number(images)
        try:
            async with asyncio.timeout(self._rules.timeout_s):
                brought = await self._brought(images)
        except TimeoutError as error:
            raise InvalidRequestError(
                f"The images did not come within {self._rules.timeout_s:.0f} s. Send them as data "
                "URLs, or try again.",
                param=images[0].param,
            ) from error
        return replace(
            request,
            messages=tuple(
                replace(message, images=tuple(next(brought) for _ in message.images))
                for message in request.messages or ()
            ),
        )

    def _check_number(self, images: list[Image]) -> None:
        most = self._rules.max_images
        if len(images) > most:
            raise InvalidRequestError(
                f"The request has {len(images)} images, and this server takes {most} "
                "(LLMExtension.max_images_per_request). Send fewer.",
                param=images[most].param,
            )

    async def _brought(self, images: list[Image]) -> Iterator[Image]:
        brought, room = [], self._rules.max_bytes
        for image in images:
            if image.url[:5].lower() == "data:":
                # in a thread: megabytes take their time to decode
                data = await asyncio.to_thread(_decoded, image)
            else:
                data = await self._fetcher.fetch(image, room)
            room -= len(data)
            self._check(image, data, room)
            brought.append(replace(image, data=data, url=""))
        return iter(brought)

    def _check(self, image: Image, data: bytes, room: int) -> None:
        if room < 0:
            raise InvalidRequestError(
                f"The images up to this one have more than the {self._rules.max_bytes} bytes that "
                "a request may have (LLMExtension.max_media_bytes). Send fewer or smaller ones.",
                param=image.param,
            )
        header = image_header(data)
        if header is None:
            raise InvalidRequestError(
                "This is no image, or not a whole one: send PNG, JPEG, WebP or GIF.",
                param=image.param,
            )
        if header.width * header.height > self._rules.max_pixels:
            raise InvalidRequestError(
                f"The image has {header.width} × {header.height} pixels, and this server takes "
                f"{self._rules.max_pixels} (LLMExtension.max_media_pixels). Make it smaller.",
                param=image.param,
            )


def _decoded(image: Image) -> bytes:
    """The data of a data URL."""
    if not (start := _DATA.match(image.url)):
        raise InvalidRequestError(
            f"'{image.url[:_NUM_SHOWN]}…' is no data URL of an image: it begins with "
            "'data:image/png;base64,' or the like.",
            param=image.param,
        )
    try:
        return b64decode(image.url[start.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(
            f"The data URL is not valid base64: {error}.", param=image.param
        ) from error
