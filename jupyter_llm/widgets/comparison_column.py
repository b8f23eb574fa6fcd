"""One column of a comparison: a model, its settings and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Accordion, Layout, VBox

from .asking import Asking
from .conversation import Conversation
from .model_menu import ModelMenu
from .sampling import Sampling
from .transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.types import ModelStatus

    from .reply import Reply


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
        accordion = Accordion([self.sampling])
        accordion.titles = ("Settings",)
        super().__init__(
            [self._menu, accordion, self._transcript],
            layout=Layout(flex="1 1 20em", min_width="16em", margin="0 8px 0 0"),
        )

    @property
    def model(self) -> str:
        """The model that answers here: the one asked for, or the one that did."""
        return self._menu.model or (self.reply.model if self.reply else "")

    @property
    def reply(self) -> Reply | None:
        """The answer, as far as it is there."""
        return self._asking.reply if self._asking else None

    @property
    def answer(self) -> str:
        """The text of the answer, or why there is none."""
        return (self.reply.error or self.reply.text) if self.reply else ""

    @property
    def figures(self) -> str:
        """Tokens, pace, time to the first token and how the answer ended."""
        return self.reply.status().removeprefix(f"{self.reply.model} · ") if self.reply else ""

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
            show=self._on_reply,
        )
        self._transcript.show(())
        self._transcript.show_growing(self._asking.reply)

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

    def _on_reply(self, reply: Reply) -> None:
        if not reply.outcome:
            self._transcript.show_growing(reply)
            return
        shown = Conversation()
        text = f"{reply.text}\n\n{reply.error}".strip() if reply.error else reply.text
        shown.add("assistant", text, status=reply.status(), outcome=reply.outcome)
        self._transcript.show(shown.turns)
