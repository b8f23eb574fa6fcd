"""`Chat`: a conversation with a model."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import Button, HBox, Layout, Textarea, link
from traitlets import Bool, Unicode

from jupyter_llm.client.tables import state
from jupyter_llm.types import DownloadState, ModelState

from .asking import Asking
from .composer import Composer
from .conversation import Conversation
from .disclosure import Disclosure
from .live import LiveWidget
from .model_menu import ModelMenu
from .sampling import Sampling
from .transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.client.events import Event
    from jupyter_llm.types import ModelStatus

    from .answer import Answer
    from .model_picker import ModelPicker

_ON_ITS_WAY = {ModelState.QUEUED, ModelState.LOADING}


class Chat(LiveWidget):
    """Asks a model and streams its answers; a question can be edited and sent again.

    The answer goes on while cells run, and stops with the widget or the kernel. `ask` and
    `stop` do from code what the page does; `messages`, `last` and `code` are what was said.

    Args:
        model: Id, alias or path, or a `ModelPicker` to follow; the server's default model
            if left out.
        system: Tells the model how to behave.
        sampling: A `Sampling` to share, or the settings of one of its own.
        client: The server to talk to; by default the one that started this kernel.
    """

    kinds: ClassVar[tuple[str, ...]] = ("model", "download")

    model = Unicode(help="Name of the model, empty for the server's default.")
    system = Unicode(help="Tells the model how to behave.")
    busy = Bool(help="Whether an answer is on its way.")

    def __init__(
        self,
        model: str | ModelPicker = "",
        *,
        system: str = "",
        sampling: Sampling | Mapping[str, Any] | None = None,
        client: Client | None = None,
    ) -> None:
        self._conversation = Conversation()
        self._asking: Asking | None = None
        self._turn = threading.RLock()
        self._statuses: dict[str, ModelStatus] = {}
        self._owns_sampling = not isinstance(sampling, Sampling)
        self.sampling = sampling if isinstance(sampling, Sampling) else Sampling(**(sampling or {}))
        self._menu = ModelMenu(empty="the server's default")
        self._transcript = Transcript(label="Conversation", on_request=self._on_request)
        self._composer = Composer(send=self._send_text, stop=self.stop, label="Ask the model")
        self._clear = Button(
            description="Clear",
            tooltip="Forget the conversation",
            layout=Layout(width="auto"),
        )
        super().__init__(client)
        self._clear.on_click(lambda _: self.clear())
        self._links = [link((self, "model"), (self._menu, "model"))]
        self._assemble(
            HBox([self._menu, self._clear], layout=Layout(flex_flow="row wrap")),
            self._settings(),
            self._transcript,
            self._composer,
        )
        self.system = system
        if isinstance(model, str):
            self.model = model
        else:
            self._links.append(link((model, "model"), (self, "model")))

    @property
    def messages(self) -> list[dict[str, str]]:
        """What the model is told, as `/v1/chat/completions` takes it."""
        return self._conversation.messages(self.system)

    @property
    def last(self) -> Answer | None:
        """The answer that is on its way, or the last one."""
        return self._asking.answer if self._asking else None

    @property
    def code(self) -> list[str]:
        """The blocks of code in the answers, the newest last."""
        return self._conversation.code()

    def ask(self, text: str) -> Answer:
        """Ask a question; returns at once, while the answer grows.

        Raises:
            RuntimeError: An answer is on its way; stop it or wait for it.
        """
        with self._turn:
            if self.busy:
                raise RuntimeError("An answer is on its way: stop() it, or wait() for it.")
            self._fail("")
            self._conversation.add("user", text)
            self._transcript.show(self._conversation.turns)
            asking = Asking(
                self.client,
                self.messages,
                model=self.model,
                options=self.sampling.options,
                show=self._on_answer,
            )
            self._asking = asking
            self.busy = self._composer.busy = True
            self._transcript.show_growing(asking.answer)
            asking.start()
            return asking.answer

    def resend(self, turn_id: int, text: str) -> Answer:
        """Ask `text` in the place of an earlier question; what came after it is forgotten."""
        with self._turn:
            if not self.busy:
                self._conversation.cut(turn_id)
            return self.ask(text)

    def regenerate(self) -> Answer | None:
        """Ask the last question again; `None` if there is none."""
        question = self._conversation.last_question()
        return self.resend(question.id, question.text) if question else None

    def stop(self) -> None:
        """Stop the answer that is on its way; what has come of it stays."""
        if self._asking is not None:
            self._asking.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the answer has ended; whether it has within `timeout_s`."""
        return self._asking is None or self._asking.wait(timeout_s)

    def clear(self) -> None:
        """Forget the conversation; stops an answer that is on its way."""
        self.stop()
        self.wait(10)
        self._conversation = Conversation()
        self._transcript.show(())

    def to_cell(self) -> None:
        """Put the last block of code into the next cell; for a cell to call, or a terminal."""
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None and self.code:
            shell.set_next_input(self.code[-1])

    def _end(self) -> None:
        self.stop()
        for each in self._links:
            each.unlink()
        if self._owns_sampling:
            self.sampling.close()

    def refresh(self) -> None:
        """Ask the server for its models."""
        self._statuses = {status.model.id: status for status in self.client.models()}
        self._menu.show(self._statuses.values())

    def _settings(self) -> Disclosure:
        text = Textarea(
            description="System",
            placeholder="how the model is to behave",
            layout=Layout(width="auto"),
            tooltip="Instructions for the model, sent before the conversation",
        )
        self._links.append(link((self, "system"), (text, "value")))
        return Disclosure("Settings", text, self.sampling)

    def _send_text(self, text: str) -> None:
        self._guard(self.ask, text)

    def _on_request(self, request: dict[str, Any]) -> None:
        if request.get("type") == "resend":
            self._guard(self.resend, int(request["id"]), str(request["text"]))
        elif request.get("type") == "regenerate":
            self._guard(self.regenerate)

    def _on_answer(self, answer: Answer) -> None:
        """Show how far the answer is; the thread that streams it calls this."""
        if not answer.outcome:
            self._transcript.show_growing(answer)
            return
        with self._turn:
            self._conversation.add_answer(answer)
            self._transcript.show(self._conversation.turns)
            self.busy = self._composer.busy = False

    def _on_events(self, events: Sequence[Event]) -> None:
        if any(e.kind == "download" and e.data.state is DownloadState.DONE for e in events):
            self.refresh()
        for status in (event.data for event in events if event.kind == "model"):
            self._statuses[status.model.id] = status
            self._tell_of_load(status)
        self._menu.show(self._statuses.values())

    def _tell_of_load(self, status: ModelStatus) -> None:
        """Say why the first word is not there yet."""
        asking = self._asking
        if self.busy and asking and not asking.answer.text and status.state in _ON_ITS_WAY:
            self._transcript.show_growing(asking.answer, f"{status.model.id} · {state(status)} …")

    def _text(self) -> str:
        return self._conversation.text() or f"A chat with {self.model or 'the default model'}."
