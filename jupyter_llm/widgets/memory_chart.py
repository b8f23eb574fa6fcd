"""The memory of a device as a picture: whose it was, over time."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from jupyter_llm.client.tables import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import Device

    from .memory_history import Sample

WIDTH, HEIGHT = 480, 96
_MINUTE_S = 60

OWNERS = (
    ("this server", "own_bytes", "#1e88e5"),
    ("other servers", "other_servers_bytes", "#ab47bc"),
    ("others", "others_bytes", "#9e9e9e"),
)
"""Whose memory is told apart, the lowest layer first: name, field, colour."""


def device_html(device: Device, samples: Sequence[Sample], seconds: float) -> str:
    """A heading, the picture, and the same figures in words."""
    name = escape(device.name or device.id)
    used, total = size(device.used_bytes), size(device.total_bytes)
    free = size(max(device.total_bytes - device.used_bytes, 0))
    last = samples[-1]
    legend = "".join(
        f'<span style="margin-right: 1em; white-space: nowrap">{_swatch(colour)} {owner}: '
        f"{size(getattr(last, field))}</span>"
        for owner, field, colour in OWNERS
    )
    return (
        f"<div><strong>{name}</strong>: {used} of {total} used, {free} free</div>"
        f"{chart_svg(device, samples, seconds)}"
        f"<div>{legend}<small>last {_duration(samples, seconds)}</small></div>"
    )


def chart_svg(device: Device, samples: Sequence[Sample], seconds: float) -> str:
    """Layers of memory over the last `seconds`, up to all that the device has."""
    label = escape(_summary(device, samples, seconds), quote=True)
    end = samples[-1].at
    begin = max(end - seconds, samples[0].at)
    # what is known so far fills the picture, however little it is
    span = max(end - begin, min(10.0, seconds))
    layers = "".join(_layers(device, samples, end - span, span))
    middle = f'<path d="M0 {HEIGHT / 2}H{WIDTH}" stroke="currentColor" stroke-opacity="0.15"/>'
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none" style="display: block; width: 100%; max-width: {WIDTH}px; '
        f'height: {HEIGHT}px; margin: 4px 0; outline: 1px solid rgb(128 128 128 / 50%)">'
        f"<title>{label}</title>{layers}{middle}</svg>"
    )


def _layers(device: Device, samples: Sequence[Sample], begin: float, span: float) -> list[str]:
    total = max(device.total_bytes, 1)
    xs = [round((sample.at - begin) / span * WIDTH, 1) for sample in samples]
    below = [0] * len(samples)
    shapes = []
    for _, field, colour in OWNERS:
        above = [low + getattr(sample, field) for low, sample in zip(below, samples, strict=True)]
        top, bottom = _steps(xs, above, total), _steps(xs, below, total)
        points = " ".join(f"{x},{y}" for x, y in [*top, *reversed(bottom)])
        shapes.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.8"/>')
        below = above
    return shapes


def _steps(xs: list[float], values: list[int], total: int) -> list[tuple[float, float]]:
    """A line that keeps each value until the next one; it is not known to have changed before."""
    ys = [round(HEIGHT * (1 - min(value / total, 1)), 1) for value in values]
    points = [(max(xs[0], 0.0), ys[0])]
    for (_, y), (next_x, next_y) in pairwise(zip(xs, ys, strict=True)):
        points += [(max(next_x, 0.0), y), (max(next_x, 0.0), next_y)]
    # one sample alone is a sliver that can be seen
    return points if len(points) > 1 else [(WIDTH - 2.0, ys[0]), (float(WIDTH), ys[0])]


def _summary(device: Device, samples: Sequence[Sample], seconds: float) -> str:
    """What somebody who does not see the picture is told."""
    now = samples[-1].used_bytes
    least, most = min(s.used_bytes for s in samples), max(s.used_bytes for s in samples)
    return (
        f"{device.name or device.id}, the last {seconds / 60:.0f} minutes: {size(now)} of "
        f"{size(device.total_bytes)} used now, between {size(least)} and {size(most)} before."
    )


def _duration(samples: Sequence[Sample], seconds: float) -> str:
    known = min(samples[-1].at - samples[0].at, seconds)
    return f"{known:.0f} s" if known < _MINUTE_S else f"{known / _MINUTE_S:.0f} min"


def _swatch(colour: str) -> str:
    style = f"display: inline-block; width: 0.8em; height: 0.8em; background: {colour}"
    return f'<span aria-hidden="true" style="{style}"></span>'
