"""A form that is asked for the next token before the last one is handed out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from jupyter_llm.chat.grammar.form import Form
    from jupyter_llm.engines.common.vocabulary import Pieces

    from .arrays import Array


class FormAhead:
    """Goes through a form once, for two who look at it one after the other.

    The mask of the next token is made while the last one is still on its way; the answer
    then takes that one, and is told what the form said to it.
    """

    def __init__(self, form: Form, pieces: Pieces, *, num_prompt: int) -> None:
        self._form = form
        self._pieces = pieces
        self._num_seen = num_prompt
        self._said: deque[bool | InvalidRequestError] = deque()
        self._error: InvalidRequestError | None = None

    def allowed(self, tokens: Array) -> npt.NDArray[np.bool_] | None:
        """Which tokens may follow these, prompt and answer; `None` where nothing follows."""
        for token in tokens[self._num_seen :].tolist():
            if self._pieces.ends_generation(token) or not self._advance(token):
                return None
        try:
            self._form.fill()
            return self._form.allowed()
        except InvalidRequestError as error:
            self._error = error
            return None

    def take(self, token: int) -> bool:
        """Hand a token out. See `Gate.take`; one that nobody has seen is seen now."""
        if not self._said:
            self._advance(token)
        said = self._said.popleft()
        if isinstance(said, InvalidRequestError):
            raise said
        if self._error and not said:
            raise self._error
        return said

    def _advance(self, token: int) -> bool:
        """Go on with a token; returns whether there is a way on from it."""
        self._num_seen += 1
        try:
            self._said.append(self._form.take(token))
        except InvalidRequestError as error:
            self._said.append(error)
        return self._said[-1] is False
