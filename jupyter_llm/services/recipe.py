"""A recipe: what a service runs, what it needs, and what of that a request may change."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.services.words import references
from jupyter_llm.types import ServiceKind

T = TypeVar("T")

MODEL, REPOSITORY, NUM_GPUS = "MODEL", "REPOSITORY", "NUM_GPUS"
RUNTIME = ("HOST", "PORT", "INDEX", "FOLDER", "PYTHON")
"""Variables that only the job knows."""

_MAX_NODES, _MAX_CPUS, _MAX_GPUS, _MAX_REPLICAS = 1024, 4096, 64, 256
_YEAR_MIN = 366 * 24 * 60

# a partition, an account, …: one word of a command line, and no option of its own
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.,@:+-]{0,127}\Z")]
Constraint = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_(\[][A-Za-z0-9_.,:&|!*()\[\]-]{0,127}\Z")]
Memory = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,8}[KMGT]?\Z")]
Variable = Annotated[str, Meta(pattern=r"^[A-Z_][A-Z0-9_]{0,127}\Z")]
Word = Annotated[str, Meta(max_length=4096)]


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each node gives; `memory` as SLURM takes it (MB without a letter).

    `gpu` is per node, `None` for none, and `time_limit` in minutes, `None` for the
    cluster's own.
    """

    nodes: Annotated[int, Meta(ge=1, le=_MAX_NODES)] = 1
    cpu: Annotated[int, Meta(ge=1, le=_MAX_CPUS)] | None = None
    memory: Memory | None = None
    gpu: Annotated[int, Meta(ge=1, le=_MAX_GPUS)] | None = None
    time_limit: Annotated[int, Meta(ge=1, le=_YEAR_MIN)] | None = None
    gpu_type: Name | None = None
    partition: Name | None = None
    account: Name | None = None
    qos: Name | None = None
    reservation: Name | None = None
    constraint: Constraint | None = None


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One recipe, as its YAML file has it; `name` is `folder/file`.

    `command` are words, and lists of words that are left out together where a variable in
    them is empty. A word may hold `${NAME}`: a name of `environment`, or `MODEL`,
    `REPOSITORY` (the model where it is one of the Hub), `NUM_GPUS` (of a replica), `HOST`,
    `PORT`, `INDEX` (of the replica), `FOLDER` (the job's own) and `PYTHON`.

    `environment` is exported to the servers; a request may set what is in it, null included,
    and what a pattern of `settable` matches. `replicas` is how many servers run on each node
    where `gpu_per_replica` does not say it. A server listens on `port` or the next free one,
    answers GET `health` with 200 once it is ready, has its API below `base_path`, and reads
    its API key from `key_variable`.
    """

    name: str = ""
    kind: ServiceKind
    description: str = ""
    resources: Resources = Resources()
    max_nodes: Annotated[int, Meta(ge=1, le=_MAX_NODES)] = 1
    environment: dict[Variable, Word | None] = {}
    settable: tuple[str, ...] = ()
    model_variable: Variable = "MODEL"
    gpu_per_replica: Annotated[int, Meta(ge=1, le=_MAX_GPUS)] | None = None
    replicas: Annotated[int, Meta(ge=1, le=_MAX_REPLICAS)] = 1
    modules: tuple[Name, ...] = ()
    command: Annotated[tuple[Word | tuple[Word, ...], ...], Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 8001
    port_variable: Variable | None = None
    host_variable: Variable | None = None
    health: str = "/health"
    base_path: str = ""
    key_variable: Variable | None = None


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a request changes of a recipe."""

    resources: dict[str, Any] | None = None
    environment: dict[Variable, Word | int | float | bool | None] | None = None
    gpu_per_replica: Annotated[int, Meta(ge=1, le=64)] | None = None
    replicas: Annotated[int, Meta(ge=1, le=256)] | None = None
    hand_over: bool = False


def parse(text: str, name: str) -> Recipe:
    """The recipe of a YAML file.

    Raises:
        ValueError: It is not YAML, or a field is missing, unknown or out of range.
    """
    import yaml

    try:
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    try:
        recipe = msgspec.convert(fields, Recipe, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(str(error)) from error
    _check_references(recipe)
    return msgspec.structs.replace(recipe, name=name)


def _check_references(recipe: Recipe) -> None:
    known = {MODEL, REPOSITORY, NUM_GPUS, *RUNTIME}
    groups = [[entry] if isinstance(entry, str) else entry for entry in recipe.command]
    for text, allowed in (
        *((value or "", known) for value in recipe.environment.values()),
        *((word, known | set(recipe.environment)) for group in groups for word in group),
    ):
        if unknown := set(references(text)) - allowed:
            raise ValueError(f"there is no variable {', '.join(sorted(unknown))} for {text!r}")


# msgspec's own words: "... - at `$.resources.gpu`"
_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)


def checked(fields: Any, kind: type[T], at: str) -> T:
    """What a request says of `at`, numbers also as text.

    Raises:
        InvalidRequestError: A field is unknown or out of range; `param` names it.
    """
    try:
        return msgspec.convert(fields, kind, strict=False)
    except RecursionError as error:
        raise InvalidRequestError(f"'{at}' is nested too deeply.", param=at) from error
    except msgspec.ValidationError as error:
        place = _PLACE.fullmatch(str(error))
        what, path = (place["what"], place["path"] or "") if place else (str(error), "")
        unknown = _FIELD.fullmatch(what)
        inner = ".".join(filter(None, (path, unknown["name"] if unknown else "")))
        param = f"{at}.{inner}" if inner else at
        if unknown:
            raise InvalidRequestError(
                f"Unknown field '{param}'. Check its spelling, or leave it out.", param=param
            ) from error
        what = what[:1].lower() + what[1:].replace("`", "")
        raise InvalidRequestError(
            f"The field '{param}' is not valid: {what}.", param=param
        ) from error
