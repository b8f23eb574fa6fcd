"""What was found, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.client.tables import Table, size
from jupyter_llm.hardware.kinds import CUDA, METAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.engines.select import EngineInfo
    from jupyter_llm.types import Device, Model, Usage

NUM_TOKENS = 10
"""That a trial asks for."""

QUESTION = "How do I load a model?"

_BUILDS = {CUDA: "GGML_CUDA", METAL: "GGML_METAL"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A few tokens of one model: `first_s` to the first of them, or the `error` instead."""

    model: str
    engine: str = ""
    num_tokens: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    error: str = ""

    @classmethod
    def of(cls, model: Model, times: Sequence[float], usage: Usage | None) -> Trial:
        """An answer whose parts came at these `times`, in seconds."""
        return cls(
            model=model.id,
            engine=model.engine,
            num_tokens=usage.completion_tokens if usage else len(times) - 1,
            first_s=times[0],
            total_s=times[-1],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """The state of one server, or of this environment where there is none.

    `place` says in a sentence which of both; `versions` are names with versions.
    """

    place: str
    versions: Sequence[str]
    engines: Sequence[EngineInfo]
    devices: Sequence[Device]
    hints: Sequence[str]
    trials: Sequence[Trial]

    @property
    def is_well(self) -> bool:
        """Whether a model has answered, and none has failed to."""
        return bool(self.trials) and not any(trial.error for trial in self.trials)

    def text(self) -> str:
        """Everything, for a person to read."""
        advice = [*self.hints, *gpu_advice(self.engines, self.devices)]
        trials = "\n".join(map(_trial, self.trials))
        parts = [
            f"{', '.join(self.versions)}\n{self.place}",
            f"ENGINES\n{_engines(self.engines)}",
            f"DEVICES\n{_devices(self.devices)}",
            f"A TRIAL OF {NUM_TOKENS} TOKENS\n{trials or 'none'}",
        ]
        if advice:
            parts.append("HINTS\n" + "\n".join(f"- {one}" for one in advice))
        return "\n\n".join(parts)


def gpu_advice(engines: Sequence[EngineInfo], devices: Sequence[Device]) -> list[str]:
    """How llama.cpp comes to use a GPU that is there and that its build does not know."""
    kinds = [kind for kind in _BUILDS if any(device.kind == kind for device in devices)]
    installed = {engine.name: engine for engine in engines if engine.installed}
    llama_cpp = installed.get("llama_cpp")
    if not kinds or llama_cpp is None or llama_cpp.device in kinds:
        return []
    build = (
        f"CMAKE_ARGS=-D{_BUILDS[kinds[0]]}=on pip install --force-reinstall --no-cache-dir "
        f"--no-deps llama-cpp-python=={llama_cpp.version}"
    )
    there = f"llama_cpp computes on the {llama_cpp.device}, and there is a GPU ({kinds[0]})"
    return [f"{there}. Build it for that: {build}"]


def _engines(engines: Sequence[EngineInfo]) -> str:
    lines = [
        Table(
            headers=("engine", "version", "device", "formats"),
            rows=[
                (e.name, e.version, e.device, " ".join(e.formats)) for e in engines if e.installed
            ],
            empty="None is installed.",
        ).text()
    ]
    for engine in engines:
        if not engine.installed:
            mend = f": {engine.install_command}" if engine.install_command else ""
            lines.append(f"not {engine.name}: {engine.reason}{mend}")
    return "\n".join(lines)


def _devices(devices: Sequence[Device]) -> str:
    return Table(
        headers=("device", "kind", "total", "free"),
        rows=[
            (d.name or d.id, d.kind, size(d.total_bytes), size(d.total_bytes - d.used_bytes))
            for d in devices
        ],
        empty="None is known.",
    ).text()


def _trial(trial: Trial) -> str:
    name = f"{trial.model} in {trial.engine}" if trial.engine else trial.model
    if trial.error:
        return f"{name}: FAILED: {trial.error}"
    rest_s = trial.total_s - trial.first_s
    rate = f", then {(trial.num_tokens - 1) / rest_s:.0f} a second" if rest_s > 0 else ""
    return f"{name}: {trial.num_tokens} tokens, the first after {trial.first_s:.2f} s{rate}"
