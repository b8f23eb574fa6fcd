"""Calls that models write as a JSON object with a name and arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Container

from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

_ARGUMENTS = ("arguments", "parameters")


def read_call(reader: Reader, sink: Sink, *, known: Container[str] | None = None) -> Steps[bool]:
    """Read `{"name": …, "arguments": {…}}`, its members in any order.

    Returns False with nothing told where no call stands there; with `known` only a call of
    one of these names is one. The arguments are told as they come; where the object breaks
    off behind them, the reader stays there.
    """
    call = _Call(sink, known)
    yield from reader.skip_space()
    if not (yield from reader.skip("{")):
        return False
    while True:
        yield from reader.skip_space()
        if not (yield from _member(reader, call)):
            break
        yield from reader.skip_space()
        if not (yield from reader.skip(",")):
            break
    yield from reader.skip_space()
    if (yield from reader.peek()) == "}":
        call.close()
    if not call.has_begun:
        return False
    yield from reader.skip("}")
    sink.end_call()
    return True


class _Call:
    """What is known of a call while its object is read."""

    def __init__(self, sink: Sink, known: Container[str] | None) -> None:
        self.has_begun = False
        self._sink = sink
        self._known = known
        self._name = ""
        self._id = ""

    def set(self, key: str, value: str) -> bool:
        """Take note of a string member; False for a name that cannot be one."""
        if key == "id":
            self._id = value
        elif key == "name" and not self.has_begun:
            self._name = value
            return bool(value) and (self._known is None or value in self._known)
        return True

    @property
    def has_name(self) -> bool:
        return bool(self._name)

    def begin(self) -> Callable[[str], None]:
        self._sink.begin_call(self._name, self._id)
        self.has_begun = True
        return self._sink.arguments

    def close(self, arguments: str = "{}") -> None:
        """Tell the call, if that has not been done while it came."""
        if self.has_name and not self.has_begun:
            self.begin()(arguments)


def _member(reader: Reader, call: _Call) -> Steps[bool]:
    """Read one member of the object; False where none stands there."""
    key = yield from reader.json_string()
    if key is None:
        return False
    yield from reader.skip_space()
    if not (yield from reader.skip(":")):
        return False
    yield from reader.skip_space()
    if key in _ARGUMENTS and not call.has_begun:
        return (yield from _arguments(reader, call))
    if key in ("name", "id") and (yield from reader.peek()) == '"':
        value = yield from reader.json_string()
        return value is not None and call.set(key, value)
    return key != "name" and (yield from reader.json_value(_ignore))


def _arguments(reader: Reader, call: _Call) -> Steps[bool]:
    """Arguments as an object, as null, or as a string that holds their JSON."""
    first = yield from reader.peek()
    if first == "{" and call.has_name:
        return (yield from reader.json_value(call.begin()))
    if first == '"':
        text = yield from reader.json_string()
    else:
        parts: list[str] = []
        is_whole = yield from reader.json_value(parts.append)
        text = "".join(parts) if is_whole else None
    if text is None or not is_object(text):
        return False
    if not call.has_name:
        return (yield from _name_behind(reader, call, text))
    call.close("{}" if text == "null" else text)
    return True


def _name_behind(reader: Reader, call: _Call, arguments: str) -> Steps[bool]:
    """The rest of an object whose arguments come before its name."""
    while not call.has_name:
        yield from reader.skip_space()
        if not (yield from reader.skip(",")):
            return False
        yield from reader.skip_space()
        if not (yield from _member(reader, call)):
            return False
    call.close("{}" if arguments == "null" else arguments)
    return True


def is_object(text: str) -> bool:
    """Whether a text is a JSON object, or null in the place of an empty one."""
    try:
        return isinstance(json.loads(text), dict | type(None))
    except ValueError:
        return False


def _ignore(_text: str) -> None:
    """What a member that nobody asks for says."""
