"""The options of `load`, for the magics and the command line alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_OPTIONS: tuple[tuple[str, type, str], ...] = (
    ("context-length", int, "tokens of prompt and answer together"),
    ("slots", int, "requests that are answered at the same time"),
    ("num-kv-cells", int, "tokens that all slots hold together"),
    ("num-threads", int, "threads that compute"),
    ("batch-size", int, "tokens of prompts that one step reads"),
    ("num-gpu-layers", int, "layers on the GPU; -1 for all"),
    ("split-mode", str, "how it is spread over several GPUs: layer, row or none"),
    ("kv-type", str, "type of the KV cache, f16 or q8_0 for example"),
    ("speculation", str, "how tokens are guessed ahead: prompt_lookup, draft_model or none"),
    ("draft-model", str, "a smaller model that guesses ahead"),
    ("backend", str, "engine that runs the model"),
    ("keep-alive", str, "how long it stays when nobody uses it: 5m, 1h30m; -1 for ever"),
)


def add_load_arguments(parser: ArgumentParser, *, has_backend: bool = True) -> None:
    """Add the name of a model and the options it can be loaded with.

    What is decided for every load leaves the engine to the model's files: no `backend`.
    """
    parser.add_argument("name", metavar="NAME", help="id, alias or path of the model")
    for option, kind, text in _OPTIONS:
        if option == "backend" and not has_backend:
            continue
        parser.add_argument(f"--{option}", type=kind, metavar=kind.__name__.upper(), help=text)
    parser.add_argument(
        "--tensor-split",
        type=_shares,
        metavar="SHARE,SHARE",
        help="the share of each GPU, such as 3,1",
    )
    parser.add_argument(
        "--adapter",
        action="append",
        dest="adapters",
        metavar="NAME",
        help="a LoRA adapter that changes the model; several times for several",
    )


def load_options(arguments: Namespace) -> dict[str, Any]:
    """The options that were given, named as `Client.load` takes them."""
    names = ["adapters", "tensor_split", *(option.replace("-", "_") for option, _, _ in _OPTIONS)]
    given = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def _shares(text: str) -> list[float]:
    return [float(share) for share in text.split(",")]
