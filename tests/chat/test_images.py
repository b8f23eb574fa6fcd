"""What is known of an image before it is decoded, and its place in a prompt."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from jupyter_llm.chat.dialogue import Dialogue
from jupyter_llm.chat.image_header import ImageHeader, image_header
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest, Image, Message

# as SmolVLM's: a text shows only where it is a part of a list
IN_PARTS = (
    "{% for message in messages %}{{ message['role'] }}:"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% endif %}{% endfor %}\n{% endfor %}"
)
AS_TEXT = "{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}"
ONCE = Message(
    role="user",
    content="before and after",
    images=(Image(param="messages[0].content[1]", offset=6, data=b"1"),),
)


def file_of(kind: str, size: tuple[int, int], **options: object) -> bytes:
    stream = BytesIO()
    Picture.new("RGB", size, (10, 200, 30)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\x00\x00" + b"MM\x00*" + bytes(4000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\x00\x00" + b"MM\x00*" + bytes(40)}),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (640, 7), (300, 1000)])
def test_the_header_says_what_a_decoder_finds(
    kind: str, options: dict[str, object], size: tuple[int, int]
) -> None:
    assert image_header(file_of(kind, size, **options)) == ImageHeader(kind, *size)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP"])
def test_a_file_cut_anywhere_is_no_crash(kind: str) -> None:
    whole = file_of(kind, (64, 48))
    for length in range(60):
        header = image_header(whole[:length])
        assert header is None or header.kind == kind


@given(st.binary(max_size=200))
def test_anything_at_all_is_no_crash(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"RIFF1234WEBPVP8X", b"\x89PNG\r\n\x1a\n"):
        header = image_header(start + data)
        assert header is None or (header.width > 0 and header.height > 0)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"BM1234", file_of("TIFF", (3, 3))])
def test_other_formats_are_not_known(data: bytes) -> None:
    assert image_header(data) is None


def turn_of(source: str, *messages: Message) -> tuple[str, dict[str, Image]]:
    dialogue = Dialogue(source, find_token=lambda _text: None)
    turn = dialogue.turn(GenerationRequest(id="1", model_id="m", messages=messages))
    return turn.prompt, dict(turn.images)


@pytest.mark.parametrize("source", [AS_TEXT, IN_PARTS])
def test_an_image_stands_where_it_stood_in_the_message(source: str) -> None:
    prompt, images = turn_of(source, ONCE)
    ((word, image),) = images.items()
    assert prompt.replace(word, "[IT]").strip() == "user:before[IT] and after"
    assert image.data == b"1"


def test_images_of_several_messages_keep_their_order() -> None:
    first = Message(
        role="user",
        content="",
        images=(Image(param="a", data=b"1"), Image(param="b", data=b"2")),
    )
    second = Message(role="user", content="x", images=(Image(param="c", offset=1, data=b"3"),))
    prompt, images = turn_of(AS_TEXT, first, second)
    in_order = sorted(images, key=prompt.index)
    assert [images[word].param for word in in_order] == ["a", "b", "c"]


def test_no_text_can_hold_the_word_for_an_image() -> None:
    words = {next(iter(turn_of(AS_TEXT, ONCE)[1])) for _ in range(3)}
    assert len(words) == 3
    forged = Message(role="user", content=" ".join(words), images=ONCE.images)
    prompt, images = turn_of(AS_TEXT, forged)
    assert len(images) == 1
    assert not words & images.keys()
    assert prompt.count(next(iter(images))) == 1


@pytest.mark.parametrize(
    "source", ["user", AS_TEXT + AS_TEXT, "{{ messages[-1].content | reverse }}"]
)
def test_a_template_that_loses_an_image_is_a_bad_request(source: str) -> None:
    with pytest.raises(InvalidRequestError, match="no place for this image") as caught:
        turn_of(source, ONCE)
    assert caught.value.param == "messages[0].content[1]"
