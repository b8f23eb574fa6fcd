"""`Sampling`: how a model draws its answer, as controls and as values for calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipywidgets import BoundedFloatText, BoundedIntText, Checkbox, HBox, Layout, VBox
from traitlets import CFloat, CInt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_LARGEST = 2**31 - 1

# sliders would be nicer, but those of ipywidgets have no name for a screen reader


def _number(
    smallest: float, largest: float, usual: float, step: float = 0.05
) -> Callable[..., Any]:
    bounds = {"min": smallest, "max": largest, "step": step, "value": usual}
    return partial(BoundedFloatText, **bounds)


def _whole(smallest: int, usual: int) -> Callable[..., Any]:
    return partial(BoundedIntText, min=smallest, max=_LARGEST, value=usual)


_CONTROLS: dict[str, tuple[str, Callable[..., Any]]] = {
    "temperature": ("Temperature", _number(0, 2, 0.7)),
    "top_p": ("Top p", _number(0, 1, 0.95)),
    "top_k": ("Top k", _whole(0, 40)),
    "min_p": ("Min p", _number(0, 1, 0.05, 0.01)),
    "max_tokens": ("Most tokens", _whole(1, 512)),
    "seed": ("Seed", _whole(-_LARGEST, 0)),
    "repeat_penalty": ("Repeat penalty", _number(0.01, 10, 1.1)),
    "presence_penalty": ("Presence penalty", _number(-2, 2, 0.5)),
    "frequency_penalty": ("Frequency penalty", _number(-2, 2, 0.5)),
}


class Sampling(VBox):
    """A tick and a control for each setting; what is not ticked is left to the server.

    Each setting is a trait, `None` while it is not ticked: set it, observe it, link it. Give
    one `Sampling` to several widgets to have them sample alike, and to calls with
    `client.chat(messages, **sampling.options)`.

    Args:
        settings: Values to begin with, such as `temperature=0.2`.
    """

    temperature = CFloat(None, allow_none=True, help="0 always takes the likeliest token.")
    top_p = CFloat(None, allow_none=True, help="Share of the probability to draw from.")
    top_k = CInt(None, allow_none=True, help="Number of likeliest tokens to draw from; 0 for all.")
    min_p = CFloat(None, allow_none=True, help="Least probability, as a share of the likeliest.")
    max_tokens = CInt(None, allow_none=True, help="Tokens after which the answer ends.")
    seed = CInt(None, allow_none=True, help="The same seed gives the same answer.")
    repeat_penalty = CFloat(None, allow_none=True, help="Above 1 makes repeated tokens rarer.")
    presence_penalty = CFloat(None, allow_none=True, help="Above 0 makes used tokens rarer.")
    frequency_penalty = CFloat(
        None, allow_none=True, help="Above 0 makes tokens rarer with each use."
    )

    def __init__(self, **settings: Any) -> None:
        if unknown := settings.keys() - _CONTROLS.keys():
            names = ", ".join(_CONTROLS)
            raise TypeError(f"There is no setting {min(unknown)!r}; there are: {names}.")
        self._is_filling = False
        self._rows = {name: self._row(name) for name in _CONTROLS}
        super().__init__(
            [HBox([box, control]) for box, control in self._rows.values()],
            layout=Layout(flex_flow="row wrap"),
        )
        for name, value in settings.items():
            setattr(self, name, value)

    @property
    def options(self) -> dict[str, float | int]:
        """The settings that are ticked, as fields of a request."""
        values = {name: getattr(self, name) for name in _CONTROLS}
        return {name: value for name, value in values.items() if value is not None}

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Take these settings, and leave the others to the server."""
        for name in _CONTROLS:
            setattr(self, name, options.get(name))

    def close(self) -> None:
        """Take the controls off every page."""
        for row in self.children:
            for child in row.children:
                child.close()
            row.close()
        super().close()

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"Sampling({given})"

    def _row(self, name: str) -> tuple[Checkbox, Any]:
        label, make = _CONTROLS[name]
        said = str(self.traits()[name].help)
        box = Checkbox(
            description=label,
            tooltip=f"{said} Without a tick the server decides.",
            indent=False,
            layout=Layout(width="14em"),
        )
        control = make(
            description="value",
            tooltip=f"{label}: {said}",
            disabled=True,
            style={"description_width": "initial"},
            layout=Layout(width="10em"),
        )

        def from_page(_: Any) -> None:
            control.disabled = not box.value
            if not self._is_filling:
                setattr(self, name, control.value if box.value else None)

        def to_page(change: dict[str, Any]) -> None:
            self._is_filling = True
            try:
                box.value = change["new"] is not None
                control.value = change["new"] if box.value else control.value
            finally:
                self._is_filling = False

        box.observe(from_page, "value")
        control.observe(from_page, "value")
        self.observe(to_page, name)
        return box, control
