"""From an image file to its pixels.

mtmd has a reader of its own, but that hands whatever it cannot decode to ffmpeg, if there
is one: a file from anybody must not get there.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.chat.image_header import ImageHeader, image_header
from jupyter_llm.errors import EngineUnavailableError, InvalidRequestError
from jupyter_llm.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Decoded

MAX_SIDE = 4096
"""Pixels of the longer side that a model gets; a larger image is made smaller first.

No projector takes in more, and what llama.cpp does to an image costs by its size.
"""

MAX_RATIO = 100
"""How much longer one side may be than the other; llama.cpp cuts long strips in many pieces."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class Picture(NamedTuple):
    """Pixels row by row, three bytes each."""

    width: int
    height: int
    rgb: bytes


def picture_of(image: Image) -> Picture:
    """Decode an image: the first frame of an animation, upright, on white where it has no colour.

    Raises:
        InvalidRequestError: The file is damaged, or nothing that can be looked at.
    """
    header = image_header(image.data)
    if header is None:
        raise _unreadable(image)
    longer, shorter = max(header[1:]), min(header[1:])
    if longer > MAX_RATIO * shorter:
        raise InvalidRequestError(
            f"The image has {header.width} × {header.height} pixels, and its sides may differ by "
            f"a factor of {MAX_RATIO}. Cut it to pieces.",
            param=image.param,
        )
    try:
        return _decoded(image.data, header)
    except EngineUnavailableError:
        raise
    except Exception as error:  # decoders raise whatever they like on a damaged file
        raise _unreadable(image) from error


def _unreadable(image: Image) -> InvalidRequestError:
    return InvalidRequestError(
        "The image cannot be decoded: it is damaged or in an unknown format. "
        f"Send a whole file in one of the formats {', '.join(FORMATS)}.",
        param=image.param,
    )


def _decoded(data: bytes, header: ImageHeader) -> Picture:
    try:
        from PIL import Image as Files
        from PIL import ImageOps
    except ImportError as error:
        raise EngineUnavailableError(
            "Pillow, which decodes images, is not installed: pip install 'jupyter-llm[llama-cpp]'"
        ) from error
    with Files.open(BytesIO(data), formats=[header.kind]) as file:
        # the header was what limits were checked on
        if file.size != header[1:]:
            raise ValueError("two sizes in one file")
        file.draft("RGB", (MAX_SIDE, MAX_SIDE))
        picture = ImageOps.exif_transpose(file)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        picture = _on_white(picture)
        return Picture(*picture.size, picture.tobytes())


def _on_white(picture: Decoded) -> Decoded:
    from PIL import Image as Files

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    ground = Files.new("RGBA", picture.size, "white")
    return Files.alpha_composite(ground, picture).convert("RGB")
