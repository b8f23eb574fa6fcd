"""What a recipe and a request come to, decided before anything is submitted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.services.recipe import (
    MODEL,
    NUM_GPUS,
    REPOSITORY,
    RUNTIME,
    Config,
    Recipe,
    Resources,
    checked,
)
from jupyter_llm.services.words import Parts, literal, references, resolve, variable

MINUTE_S = 60

_MAX_PORT = 65535
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")
_DEVICES = re.compile(r"[A-Za-z0-9,:/_-]*\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(:[\w.-]+)?\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A service that can be submitted; see `Recipe` for what the parts mean.

    `num_replicas` and `gpus_per_replica` are per node, the latter 0 where GPUs are not
    divided. `host` is what to listen on, empty where the launcher decides. One that hands over
    is followed by a successor before its time is over.
    """

    recipe: Recipe
    model: str
    resources: Resources
    num_replicas: int
    gpus_per_replica: int
    environment: tuple[tuple[str, Parts], ...]
    command: tuple[Parts, ...]
    port: int
    host: str
    time_limit_s: int | None
    hands_over: bool = False

    @property
    def num_gpus(self) -> int:
        """GPUs on all nodes."""
        return (self.resources.gpu or 0) * self.resources.nodes


def plan(recipe: Recipe, config: Mapping[str, Any] | None) -> Plan:
    """Put a request's `config` over the recipe.

    Raises:
        InvalidRequestError: It cannot be met; `param` names the field, as in
            `config.resources.gpu`.
    """
    asked = checked(config or {}, Config, "config")
    resources = _resources(recipe, asked)
    num_replicas, per_replica = _replicas(recipe, asked, resources)
    own = _settings(recipe, asked)
    model = _model(recipe, own)
    num_gpus = per_replica or resources.gpu
    known = {
        **{name: variable(name) for name in RUNTIME},
        MODEL: literal(model),
        REPOSITORY: literal(model if _REPOSITORY.match(model) else ""),
        NUM_GPUS: literal(str(num_gpus or "")),
    }
    environment = _environment(recipe, own, known)
    return Plan(
        recipe=recipe,
        model=model,
        resources=resources,
        num_replicas=num_replicas,
        gpus_per_replica=per_replica,
        environment=tuple(
            (name, word)
            for name, word in environment.items()
            if word and name not in (recipe.port_variable, recipe.host_variable)
        ),
        command=_command(recipe, {**environment, **known}),
        port=_port(recipe, own),
        host=own.get(recipe.host_variable or "", ""),
        time_limit_s=resources.time_limit * MINUTE_S if resources.time_limit else None,
        hands_over=_hands_over(asked, resources),
    )


def _resources(recipe: Recipe, asked: Config) -> Resources:
    merged = {**msgspec.to_builtins(recipe.resources), **(asked.resources or {})}
    resources = checked(merged, Resources, "config.resources")
    if resources.nodes > recipe.max_nodes:
        raise InvalidRequestError(
            f"{recipe.name} runs on at most {recipe.max_nodes} node(s).",
            param="config.resources.nodes",
        )
    if resources.gpu_type and resources.gpu is None:
        raise InvalidRequestError(
            "A type of GPU needs a number of them: set 'gpu'.", param="config.resources.gpu_type"
        )
    return resources


def _hands_over(asked: Config, resources: Resources) -> bool:
    if asked.hand_over and resources.time_limit is None:
        raise InvalidRequestError(
            "Without a time limit there is nothing to hand over: set 'resources.time_limit'.",
            param="config.hand_over",
        )
    return asked.hand_over


def _replicas(recipe: Recipe, asked: Config, resources: Resources) -> tuple[int, int]:
    """How many there are on each node, and how many GPUs each has, 0 for not divided."""
    if asked.replicas and asked.gpu_per_replica:
        raise InvalidRequestError(
            "'gpu_per_replica' and 'replicas' say the same; give one.", param="config.replicas"
        )
    if resources.gpu is None:
        if asked.gpu_per_replica:
            raise InvalidRequestError(
                "There are no GPUs to divide. Set 'resources.gpu', or give 'replicas'.",
                param="config.gpu_per_replica",
            )
        return asked.replicas or recipe.replicas, 0
    num_replicas = asked.replicas or recipe.replicas
    each = asked.gpu_per_replica or (None if asked.replicas else recipe.gpu_per_replica)
    if each is None and num_replicas == 1:
        return 1, 0
    param = "config.gpu_per_replica" if asked.gpu_per_replica else "config.resources.gpu"
    param = "config.replicas" if asked.replicas else param
    if resources.gpu % (each or num_replicas):
        raise InvalidRequestError(
            f"{resources.gpu} GPUs are not divisible by {each or num_replicas}: each replica has "
            "as many as the others.",
            param=param,
        )
    return (resources.gpu // each, each) if each else (num_replicas, resources.gpu // num_replicas)


def _settings(recipe: Recipe, asked: Config) -> dict[str, str]:
    """What the request sets, as text; empty takes a default away."""
    settings: dict[str, str] = {}
    for name, value in (asked.environment or {}).items():
        param = f"config.environment.{name}"
        if not _is_settable(recipe, name):
            allowed = ", ".join((*recipe.environment, *recipe.settable, MODEL))
            raise InvalidRequestError(
                f"{recipe.name} takes no '{name}'. It takes: {allowed}.", param=param
            )
        settings[name] = _text(value)
        if _CONTROL.search(settings[name]):
            raise InvalidRequestError(
                f"'{param}' has a line break or another control character.", param=param
            )
    _check_devices(settings)
    return settings


def _is_settable(recipe: Recipe, name: str) -> bool:
    if name == MODEL:
        return recipe.kind == "inference"
    return name in recipe.environment or any(
        fnmatchcase(name, pattern) for pattern in recipe.settable
    )


def _text(value: str | float | bool | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_devices(settings: Mapping[str, str]) -> None:
    if not _DEVICES.match(settings.get("CUDA_VISIBLE_DEVICES", "")):
        raise InvalidRequestError(
            "CUDA_VISIBLE_DEVICES is a list of device numbers or ids, separated by commas.",
            param="config.environment.CUDA_VISIBLE_DEVICES",
        )


def _model(recipe: Recipe, settings: Mapping[str, str]) -> str:
    if recipe.kind != "inference":
        return ""
    given = [settings[name] for name in (MODEL, recipe.model_variable) if settings.get(name)]
    if len(set(given)) > 1:
        raise InvalidRequestError(
            f"'{MODEL}' and '{recipe.model_variable}' name two models; give one.",
            param=f"config.environment.{MODEL}",
        )
    defaults = recipe.environment.get(recipe.model_variable), recipe.environment.get(MODEL)
    model = given[0] if given else next(filter(None, defaults), "")
    param = f"config.environment.{MODEL if settings.get(MODEL) else recipe.model_variable}"
    if not model:
        raise InvalidRequestError("Which model shall it serve? Name one.", param=param)
    if model.startswith("-"):
        raise InvalidRequestError(f"The model {model!r} looks like an option.", param=param)
    return model


def _environment(
    recipe: Recipe, settings: Mapping[str, str], known: Mapping[str, Parts]
) -> dict[str, Parts]:
    templates = {name: value or "" for name, value in recipe.environment.items()}
    words = {name: resolve(template, known) for name, template in templates.items()}
    words |= {name: literal(value) for name, value in settings.items()}
    if recipe.kind == "inference":
        words |= {recipe.model_variable: known[MODEL]}
    return words


def _command(recipe: Recipe, values: Mapping[str, Parts]) -> tuple[Parts, ...]:
    words: list[Parts] = []
    for entry in recipe.command:
        if isinstance(entry, str):
            words.append(resolve(entry, values))
        elif all(values[name] for template in entry for name in references(template)):
            words.extend(resolve(template, values) for template in entry)
    return tuple(words)


def _port(recipe: Recipe, settings: Mapping[str, str]) -> int:
    text = settings.get(recipe.port_variable or "", "")
    if not text:
        return recipe.port
    if _PORT.match(text) and int(text) <= _MAX_PORT:
        return int(text)
    raise InvalidRequestError(
        f"{text!r} is no port; give a number from 1 to {_MAX_PORT}.",
        param=f"config.environment.{recipe.port_variable}",
    )
