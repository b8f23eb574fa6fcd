"""Which tokens the constrained answers of a step may take, found while llama.cpp computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from jupyter_llm.chat.grammar.form import Form

from .sequence import Sequence


class Masks:
    """Fills the masks of a step on a thread of its own.

    What may come next follows from the tokens drawn before, not from the logits; and
    neither llguidance nor llama.cpp holds Python's lock while it computes.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="llama.cpp masks")

    @contextmanager
    def filled(self, sequences: Iterable[Sequence]) -> Iterator[None]:
        """Fill the masks of those that are held to a form until the block is left."""
        forms = [sequence.form for sequence in sequences if sequence.form is not None]
        if not forms:
            yield
            return
        filling = self._thread.submit(_fill, forms)
        try:
            yield
        finally:
            filling.result()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def _fill(forms: Iterable[Form]) -> None:
    for form in forms:
        form.fill()
