"""Server-sent events of a service, as whole as they came."""

from __future__ import annotations

from jupyter_llm.errors import UpstreamError

MAX_EVENT_BYTES = 64 << 20

DONE = b"data: [DONE]\n\n"


class EventSplitter:
    """Takes bytes and gives back whole events, with line ends of one character."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes, one after another.

        Raises:
            UpstreamError: An event is larger than any can be.
        """
        text = self._rest + data
        if b"\r" in text:
            # half of a line end may still be on its way
            text = text.replace(b"\r\n", b"\n")
        end = text.rfind(b"\n\n") + 2
        if end == 1:
            end = 0
        whole, self._rest = text[:end], text[end:]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise UpstreamError("The service sends events without end.")
        return whole


def data_of(events: bytes) -> list[bytes]:
    """The data of events that come in one line each, as all of OpenAI's do."""
    return [
        line[5:].strip()
        for line in events.split(b"\n")
        if line.startswith(b"data:") and line != b"data: [DONE]"
    ]
