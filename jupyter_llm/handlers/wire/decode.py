"""Reads a request body once, into a typed struct, and names the field that is wrong."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from jupyter_llm.errors import InvalidRequestError

T = TypeVar("T")

# msgspec's own words: "... `messages` - at `$.a[0]`"
_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)


def decode(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], at: str = "") -> T:
    """The body as the struct that `decoder` was made for; `at` is where it stands in a larger one.

    Raises:
        InvalidRequestError: Not JSON, or a field is missing, unknown or out of
            range; `param` names it, as in `messages[0].role`.
    """
    if not at and not bytes(body).strip():
        raise InvalidRequestError("The body is empty; send a JSON object.")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), at) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"The body is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidRequestError("The body is nested too deeply.") from error


def _invalid(report: str, at: str) -> InvalidRequestError:
    place = _PLACE.fullmatch(report)
    what, path = (place["what"], place["path"] or "") if place else (report, "")
    field = _FIELD.fullmatch(what)
    if field:
        path = f"{path}.{field['name']}" if path else field["name"]
    path = f"{at}.{path}" if at and path else at or path
    what = _in_words(what, path)
    return InvalidRequestError(what, param=path or None)


def _in_words(what: str, path: str) -> str:
    if what.startswith("Object contains unknown"):
        return f"Unknown field '{path}'. Check its spelling, or leave it out."
    if what.startswith("Object missing required"):
        return f"The field '{path}' is required."
    subject = f"The field '{path}'" if path else "The body"
    return f"{subject} is not valid: {what[:1].lower()}{what[1:].replace('`', '')}."
