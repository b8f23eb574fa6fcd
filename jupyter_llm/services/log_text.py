"""Cuts what is read of a log at a character's end."""

from __future__ import annotations


def whole_characters(data: bytes) -> bytes:
    """Without the beginning of a character whose end is not there yet, three bytes at most."""
    for cut in range(min(4, len(data) + 1)):
        part = data[: len(data) - cut]
        try:
            part.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return data
            continue
        return part
    return data
