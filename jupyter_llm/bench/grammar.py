"""What it costs to hold answers to a JSON Schema: eight streams with one, and eight without.

Both run in one engine, in turns. The schema is met by no answer as short as these, so that
all streams write to their limit.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.types import Constraint, ConstraintKind, EngineStats, LoadOptions

from .engine import answer, loaded, requests
from .workload import Workload

NUM_STREAMS = 8
NUM_TOKENS = 32
SCHEMA = {
    "type": "array",
    "minItems": 50,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "kind": {"enum": ["person", "place", "thing"]},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]{2,9}$"}},
        },
        "required": ["name", "kind", "score", "tags"],
        "additionalProperties": False,
    },
}
CONSTRAINTS = {
    "none": None,
    "JSON Schema": Constraint(kind=ConstraintKind.JSON_SCHEMA, text=json.dumps(SCHEMA)),
}


@dataclass(frozen=True, slots=True)
class _Cost:
    """Milliseconds of an engine's step, and of what in it is not `llama_decode`."""

    step_ms: float
    outside_ms: float


def measure(model: Path, *, num_rounds: int) -> str:
    """Run both in turns on `model`; returns a table in Markdown."""
    return asyncio.run(_measure(model, num_rounds))


async def _measure(path: Path, num_rounds: int) -> str:
    costs: dict[str, list[_Cost]] = {name: [] for name in CONSTRAINTS}
    async with loaded(path, LoadOptions(slots=NUM_STREAMS)) as engine:
        for number in range(-1, num_rounds):  # the first round compiles and warms up
            # the cache fills up, and what comes later pays for it: so each is first in turn
            for name in sorted(CONSTRAINTS, reverse=bool(number % 2)):
                cost = await _run(engine, CONSTRAINTS[name], number)
                if number >= 0:
                    costs[name].append(cost)
    return _table(costs)


async def _run(engine: LlamaCppEngine, constraint: Constraint | None, number: int) -> _Cost:
    workload = Workload(
        num_streams=NUM_STREAMS,
        num_prompt_tokens=8,
        num_answer_tokens=NUM_TOKENS,
        round=2 * number + (constraint is None),
    )
    before = engine.stats()
    held = [replace(request, constraint=constraint) for request in requests(workload)]
    await asyncio.gather(*(answer(engine, request) for request in held))
    return _between(before, engine.stats())


def _between(before: EngineStats, after: EngineStats) -> _Cost:
    num_steps = after.num_steps - before.num_steps
    step_s, decode_s = after.step_s - before.step_s, after.decode_s - before.decode_s
    return _Cost(1000 * step_s / num_steps, 1000 * (step_s - decode_s) / num_steps)


def _table(costs: dict[str, list[_Cost]]) -> str:
    free = median(cost.step_ms for cost in costs["none"])
    rows = []
    for name, measured in costs.items():
        step = median(cost.step_ms for cost in measured)
        outside = median(cost.outside_ms for cost in measured)
        rows.append(f"| {name} | {step:.2f} | {outside:.2f} | {step / free:.3f} |")
    header = "| form | step ms | outside decode ms | × none |\n|---|---:|---:|---:|"
    return "\n".join([header, *rows])
