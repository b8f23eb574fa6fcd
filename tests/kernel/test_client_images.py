"""What a notebook has to show, as parts of messages."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from IPython.display import Image as Displayed
from matplotlib.figure import Figure
from PIL import Image

from jupyter_llm.client.images import MAX_BYTES, MAX_SIDE_PX, image_part
from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def seen(source: Any) -> Image.Image:
    """What the server will see."""
    part = image_part(source)
    assert part["type"] == "image_url"
    head, _, data = part["image_url"]["url"].partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == f"data:{Image.MIME[image.format or '']}"
    return image


def file(kind: str = "PNG", size: tuple[int, int] = (3, 2), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red").save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("form", [bytes, bytearray, str, "path"])
def test_a_file_goes_as_it_is(kind: str, form: Any, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data := file(kind))
    sources = {bytes: data, bytearray: bytearray(data), str: str(path), "path": path}
    part = image_part(sources[form])

    assert base64.b64decode(part["image_url"]["url"].partition(",")[2]) == data
    assert seen(sources[form]).size == (3, 2)


def test_a_url_is_left_to_the_server() -> None:
    for url in ("https://example.org/a.png", "data:image/png;base64,AAAA"):
        assert image_part(url) == {"type": "image_url", "image_url": {"url": url}}


def test_an_array_shows_its_values() -> None:
    for values in (
        np.array([[0.0, 1.0, np.nan]]),
        np.array([[False, True, False]]),
        np.array([[0, 255, -3]], dtype=np.int64),
        np.array([[[0.0], [1.0], [-1.0]]], dtype=np.float32),
    ):
        assert np.asarray(seen(values)).tolist() == [[0, 255, 0]]
    colours = np.zeros((2, 3, 4), dtype=np.uint8)
    assert seen(colours).mode == "RGBA"
    assert seen(colours[:, :, :3]).size == (3, 2)


def test_pictures_of_pil_and_ipython_are_taken() -> None:
    assert seen(Image.new("RGB", (4, 5))).size == (4, 5)
    assert seen(Image.new("CMYK", (4, 5))).mode == "RGB"
    assert seen(Displayed(data=file())).size == (3, 2)


@pytest.mark.parametrize("part_of", [lambda figure: figure, lambda figure: figure.axes[0]])
def test_a_figure_is_drawn(part_of: Callable[[Figure], Any]) -> None:
    figure = Figure(figsize=(4, 2))
    figure.subplots().plot([1, 2, 3])
    drawn = seen(part_of(figure))

    assert drawn.format == "PNG"
    assert 300 < drawn.width <= 620
    assert len(set(drawn.convert("RGB").get_flattened_data())) > 2


def test_what_is_too_large_is_made_smaller() -> None:
    assert seen(Image.new("L", (3 * MAX_SIDE_PX, 30))).size == (MAX_SIDE_PX, 10)
    assert max(seen(np.zeros((10, MAX_SIDE_PX + 1))).size) == MAX_SIDE_PX
    wide = Figure(figsize=(200, 1))
    wide.subplots()
    assert max(seen(wide).size) <= MAX_SIDE_PX
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2500, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    assert len(buffer.getvalue()) > MAX_BYTES
    assert seen(buffer.getvalue()).size == (MAX_SIDE_PX, 1229)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/nowhere/picture.png", "cannot be read"),
        (b"text", "no image file"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.array([["a"]]), "no image"),
        (3, "A int is no image"),
    ],
)
def test_what_is_no_image_is_refused_with_advice(source: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said) as refused:
        image_part(source)
    assert "Give a path or bytes" in refused.value.message
    assert refused.value.param == "images"
