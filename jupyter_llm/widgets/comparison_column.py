"""One column of a comparison: a model, its settings and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Layout, VBox

from .asking import Asking
from .conversation import Conversation
from .disclosure import Disclosure
from .model_menu import ModelMenu
from .sampling import Sampling
from .transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.types import ModelStatus

    from .answer import Answer


class ComparisonColumn(VBox):
    """Asks one model with settings of its own.

    Args:
        client: Which server to ask.
        model: Id, alias or path; the server's default model if empty.
        settings: What `Sampling` takes.
    """

    def __init__(self, client: Client, model: str = "", **settings: Any) -> None:
        self._client = client
        self._asking: Asking | None = None
        self.sampling = Sampling(**settings)
        self._menu = ModelMenu(empty="the server's default")
        self._menu.model = model
        self._transcript = Transcript(label="Answer", can_edit=False)
        super().__init__(
            [self._menu, Disclosure("Settings", self.sampling), self._transcript],
            layout=Layout(flex="1 1 20em", min_width="16em", margin="0 8px 0 0"),
        )

    @property
    def model(self) -> str:
        """The model that answers here: the one asked for, or the one that did."""
        return self._menu.model or (self.answer.model if self.answer else "")

    @property
    def answer(self) -> Answer | None:
        """The answer, as far as it is there."""
        return self._asking.answer if self._asking else None

    @property
    def said(self) -> str:
        """The text of the answer, or why there is none."""
        return (self.answer.error or self.answer.text) if self.answer else ""

    @property
    def figures(self) -> str:
        """Tokens, pace, time to the first token and how the answer ended."""
        return self.answer.status().removeprefix(f"{self.answer.model} · ") if self.answer else ""

    @property
    def settings_text(self) -> str:
        """The settings in a line."""
        return ", ".join(f"{k}={v}" for k, v in self.sampling.options.items()) or "-"

    def show_models(self, statuses: Iterable[ModelStatus]) -> None:
        """Offer these models."""
        self._menu.show(statuses)

    def prepare(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Take the question, to be asked by `start`."""
        self._asking = Asking(
            self._client,
            messages,
            model=self._menu.model,
            options=self.sampling.options,
            show=self._on_answer,
        )
        self._transcript.show(())
        self._transcript.show_growing(self._asking.answer)

    def start(self) -> None:
        """Ask."""
        if self._asking is not None:
            self._asking.start()

    def stop(self) -> None:
        """Stop the answer, or do not ask at all."""
        if self._asking is not None:
            self._asking.stop()

    def wait(self) -> None:
        """Wait until the answer has ended."""
        if self._asking is not None:
            self._asking.wait()

    def close(self) -> None:
        """Stop the answer, and take the column off every page."""
        self.stop()
        self.sampling.close()
        for child in self.children:
            child.close()
        super().close()

    def _on_answer(self, answer: Answer) -> None:
        if not answer.outcome:
            self._transcript.show_growing(answer)
            return
        shown = Conversation()
        shown.add_answer(answer)
        self._transcript.show(shown.turns)
