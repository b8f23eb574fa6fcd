"""What the first bytes of an image file say: its format and its size.

Nothing is decoded, so this is safe on anything that somebody sends, and tells what decoding
would take. https://www.w3.org/TR/png-3/#11IHDR, ITU-T T.81 annex B,
https://www.w3.org/Graphics/GIF/spec-gif89a.txt,
https://developers.google.com/speed/webp/docs/riff_container
"""

from __future__ import annotations

from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_GIFS = (b"GIF87a", b"GIF89a")

_NO_LENGTH = {0x01, *range(0xD0, 0xD9)}
"""Markers of JPEG that nothing follows."""

_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that begin a frame, which has the size."""


class ImageHeader(NamedTuple):
    """The format, `PNG`, `JPEG`, `GIF` or `WEBP`, and the size in pixels."""

    kind: str
    width: int
    height: int


def image_header(data: bytes) -> ImageHeader | None:
    """The header of a file; `None` for a format that is not known here, or none at all."""
    size: tuple[int, int] | None
    if data.startswith(_PNG):
        kind, size = "PNG", _png(data)
    elif data.startswith(_JPEG):
        kind, size = "JPEG", _jpeg(data)
    elif data.startswith(_GIFS):
        kind, size = "GIF", (_little(data[6:8]), _little(data[8:10]))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind, size = "WEBP", _webp(data)
    else:
        return None
    return ImageHeader(kind, *size) if size and all(size) else None


def _png(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    place = len(_JPEG)
    while place + 4 <= len(data):
        if data[place] != 0xFF:  # noqa: PLR2004 - what every marker begins with
            return None
        marker = data[place + 1]
        if marker == 0xFF:  # noqa: PLR2004 - one more may stand before each
            place += 1
        elif marker in _NO_LENGTH:
            place += 2
        elif marker in _FRAMES:
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
        case b"VP8L" if data[20:21] == b"\x2f":
            bits = _little(data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
