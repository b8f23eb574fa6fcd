"""How a load is followed, and stopped."""

from __future__ import annotations

from collections.abc import Callable

OnLoading = Callable[[float], bool]
"""Told the part of the weights that is read; returning False stops the load."""


class LoadStoppedError(Exception):
    """The load was stopped from outside; nothing of it is left."""
