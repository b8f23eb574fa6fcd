"""What the options of a magic name: values of the notebook, and files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_llm.client.images import image_part
from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

_ROOT = re.compile(r"[^\W\d]\w*")
_URLS = ("data:", "http://", "https://")


def schema_named(shell: InteractiveShell, text: str) -> Any:
    """The type that `--schema` names: a class, `list[City]`, a variable, or a schema as JSON."""
    return text if text.lstrip().startswith("{") else value_of(shell, text, "--schema")


def functions_named(shell: InteractiveShell, names: Sequence[str]) -> list[Any]:
    """The functions that `--tools` names, several with commas between them."""
    listed = [name.strip() for text in names for name in text.split(",") if name.strip()]
    return [value_of(shell, name, "--tools") for name in listed]


def images_named(shell: InteractiveShell, texts: Sequence[str]) -> list[dict[str, Any]]:
    """The parts of a message that show what `--image` names: variables, files, addresses.

    Raises:
        InvalidRequestError: There is neither a variable nor a file, or it is no image.
    """
    return [image_part(_image(shell, text)) for text in texts]


def value_of(shell: InteractiveShell, text: str, option: str) -> Any:
    """The value of an expression that begins with a name of the notebook.

    Raises:
        InvalidRequestError: It has none.
    """
    try:
        return shell.ev(text)  # type: ignore[no-untyped-call]  # IPython has no type for it
    except Exception as exc:
        raise InvalidRequestError(
            f"{option} names {text!r}, which the notebook does not know "
            f"({type(exc).__name__}: {exc}). Run the cell that defines it first."
        ) from exc


def _image(shell: InteractiveShell, text: str) -> Any:
    if text in shell.user_ns:
        return shell.user_ns[text]
    if text.startswith(_URLS) or Path(text).expanduser().is_file():
        return text
    root = _ROOT.match(text)
    if root and root[0] in shell.user_ns:
        return value_of(shell, text, "--image")
    raise InvalidRequestError(f"--image names {text!r}, which is neither a variable nor a file.")
