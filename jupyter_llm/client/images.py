"""Pictures of a notebook as parts of a message: files, figures, arrays."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jupyter_llm.errors import InvalidRequestError

MAX_SIDE_PX = 2048
"""Larger pictures are made smaller: models look at a few hundred thousand pixels."""

MAX_BYTES = 4_000_000
"""Of one picture; the server takes 20 MB for those of a request, unless it is told otherwise."""

_DPI = 150.0
_JPEG_QUALITY = 90
_URLS = ("data:", "http://", "https://")
_UNIT, _COLOURS, _PLANES = 255, (3, 4), 3
# how the files begin that the server reads; a WebP file has its name behind its length
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_ADVICE = (
    "Give a path or bytes of a PNG, JPEG, WebP or GIF file, a matplotlib figure, "
    "a PIL image or a numpy array of shape (height, width) or (height, width, 3 or 4)."
)


def image_part(source: Any) -> dict[str, Any]:
    """A picture as a part of a message's content.

    Args:
        source: A path, the bytes of a file, a matplotlib figure or axes, a PIL image, a numpy
            array (floats from 0 to 1, or whole numbers from 0 to 255), whatever shows itself as
            PNG in a notebook, or a URL, which the server fetches where its operator allows it.

    Raises:
        InvalidRequestError: It is none of these; `param` is `images`.
    """
    if isinstance(source, str) and source.startswith(_URLS):
        url = source
    else:
        data = _bounded(_file_of(source))
        url = f"data:{_kind(data)};base64,{base64.b64encode(data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _file_of(source: Any) -> bytes:
    """The bytes of an image file."""
    if isinstance(source, str | Path):
        return _read(Path(source).expanduser())
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if (figure := _figure(source)) is not None:
        return _png_of_figure(figure)
    if hasattr(source, "save") and hasattr(source, "thumbnail"):
        return _png_of_pil(source)
    if hasattr(source, "__array__"):
        return _png_of_array(source)
    return _shown(source)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise _refused(f"The image {path} cannot be read ({exc.strerror}).") from exc


def _figure(source: Any) -> Any:
    """The matplotlib figure that `source` is or, as axes and seaborn's grids do, belongs to."""
    for candidate in (source, getattr(source, "figure", None)):
        if hasattr(candidate, "savefig"):
            return candidate
    return None


def _png_of_figure(figure: Any) -> bytes:
    longest_inches = max(figure.get_size_inches())
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", dpi=min(_DPI, MAX_SIDE_PX / longest_inches), bbox_inches="tight"
    )
    return buffer.getvalue()


def _png_of_pil(image: Any) -> bytes:
    if max(image.size) > MAX_SIDE_PX:
        image = image.copy()
        image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    buffer = io.BytesIO()
    try:
        image.save(buffer, format="PNG")
    except OSError:  # CMYK, for example, is not for PNG
        image.convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


def _png_of_array(source: Any) -> bytes:
    import numpy as np

    values = np.asarray(source)
    if values.ndim == _PLANES and values.shape[2] == 1:
        values = values[:, :, 0]
    flat = values.ndim == _PLANES - 1
    if 0 in values.shape or not (flat or (values.ndim == _PLANES and values.shape[2] in _COLOURS)):
        raise _refused(f"An array of shape {values.shape} is no image.")
    if values.dtype.kind not in "fbiu":
        raise _refused(f"An array of {values.dtype} is no image.")
    if values.dtype.kind in "fb":
        values = np.nan_to_num(values.astype(np.float64)) * _UNIT
    image = _pil().fromarray(np.clip(values, 0, _UNIT).round().astype(np.uint8))
    return _png_of_pil(image)


def _shown(source: Any) -> bytes:
    """What a notebook would show: IPython's `Image` and objects with a PNG of their own."""
    data = getattr(source, "data", None)
    if not isinstance(data, bytes) and callable(show := getattr(source, "_repr_png_", None)):
        data = show()
    if not isinstance(data, bytes):
        raise _refused(f"A {type(source).__name__} is no image.")
    return data


def _bounded(data: bytes) -> bytes:
    """The file, made smaller if it is too large."""
    _kind(data)
    if len(data) <= MAX_BYTES:
        return data
    with _pil().open(io.BytesIO(data)) as image:
        image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _kind(data: bytes) -> str:
    for beginning, kind in _KINDS:
        if data.startswith(beginning):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    raise _refused("These bytes are no image file that the server reads.")


def _pil() -> Any:
    try:
        from PIL import Image
    except ImportError as exc:
        raise _refused("Arrays and large images need Pillow: pip install pillow.") from exc
    return Image


def _refused(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"{reason} {_ADVICE}", param="images")
