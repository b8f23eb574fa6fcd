"""What models write, as HTML that a page may show."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict


def as_html(markdown: str) -> str:
    """The Markdown of a model, who is not to be trusted.

    HTML in it is shown as text. Images are left out: fetching one would tell its host what
    the model has put into the address.
    """
    return str(_renderer().render(markdown))


def plain(text: str) -> str:
    """Text as it is."""
    return escape(text)


@cache
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    renderer.disable("image")
    renderer.add_render_rule("link_open", _link)
    return renderer


def _link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    _: Mapping[str, Any],
) -> str:
    """A link opens beside the notebook, and its page learns nothing of it."""
    token = tokens[index]
    token.attrSet("target", "_blank")
    token.attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, index, options, {})
