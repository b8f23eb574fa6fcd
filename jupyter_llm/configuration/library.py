"""Traits on which models there are: where they lie, where they come from, what they are called."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir
from traitlets import Bool, Dict, HasTraits, Int, List, Unicode, default

from jupyter_llm import environment
from jupyter_llm.library.hf_cache import default_cache
from jupyter_llm.manager.first_model import FirstModelSettings
from jupyter_llm.registry.database import default_url

_BUILT_IN = "guide"


class LibraryTraits(HasTraits):
    """Models on the disk and on the Hub."""

    models_dir = Unicode(
        help="""Folders with model files, each with its subfolders, separated as in PATH.
        Default: MODELS_DIR, LLM_SERVICE_MODELS_DIR or LLM_MODEL_PATH, then
        jupyter_llm/models in Jupyter's data directory."""
    ).tag(config=True)

    shared_models_dirs = List(
        Unicode(),
        help="""Further folders with model files, which this server only reads: one copy of the
        weights serves everybody on the machine.""",
    ).tag(config=True)

    hf_cache_dir = Unicode(
        help="""The cache of huggingface_hub, whose models are offered, too; empty offers none.
        Default: HF_HUB_CACHE or HF_HOME, as huggingface_hub takes them."""
    ).tag(config=True)

    max_parallel_downloads = Int(
        2, min=1, help="""Downloads that run at the same time; the others wait for their turn."""
    ).tag(config=True)

    allowed_models = List(
        Unicode(),
        help="""The ids of the models that may be used; none, or a '*', allows all.
        Default: LLM_ALLOWED_MODELS, separated by commas.""",
    ).tag(config=True)

    default_model = Unicode(
        help="""The id or path of the model that answers where a request names none.
        Default: MODEL_PATH, then the built-in guide."""
    ).tag(config=True)

    preload = Bool(
        help="""Load the default model when the server starts, not at its first request.
        Default: AUTO_PRELOAD, then no."""
    ).tag(config=True)

    auto_repo_id = Unicode(
        help="""A repository of the Hub, as org/name or org/name:QUANTIZATION. When the server
        starts and the default model is not on the disk, it is downloaded from there and
        becomes the default model. Default: AUTO_REPO_ID."""
    ).tag(config=True)

    auto_filename = Unicode(
        help="""The file of auto_repo_id to download; empty takes the best that fits this
        machine. Default: AUTO_FILENAME."""
    ).tag(config=True)

    auto_if_missing = Bool(
        help="""Whether auto_repo_id is downloaded at all, which happens only where the default
        model is missing. Default: AUTO_IF_MISSING, then yes."""
    ).tag(config=True)

    model_aliases = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="""Further names of models, as {alias: id}; a program that asks for gpt-4o can be
        given a model of this server.""",
    ).tag(config=True)

    registry_url = Unicode(
        help="""The database of settings, downloads and usage, as sqlite:////path or
        postgresql://user@host/name; several servers may share it.
        Default: jupyter_llm/registry.sqlite3 in Jupyter's data directory."""
    ).tag(config=True)

    @default("models_dir")
    def _default_models_dir(self) -> str:
        own = str(Path(jupyter_data_dir(), "jupyter_llm", "models"))
        names = ("MODELS_DIR", "LLM_SERVICE_MODELS_DIR", "LLM_MODEL_PATH")
        return environment.text(*names, default=own)

    @default("hf_cache_dir")
    def _default_hf_cache_dir(self) -> str:
        return str(default_cache())

    @default("allowed_models")
    def _default_allowed_models(self) -> list[str]:
        names = environment.text("LLM_ALLOWED_MODELS").split(",")
        return [name.strip() for name in names if name.strip()]

    @default("default_model")
    def _default_default_model(self) -> str:
        return environment.text("MODEL_PATH", default=_BUILT_IN)

    @default("preload")
    def _default_preload(self) -> bool:
        return environment.flag("AUTO_PRELOAD")

    @default("auto_repo_id")
    def _default_auto_repo_id(self) -> str:
        return environment.text("AUTO_REPO_ID")

    @default("auto_filename")
    def _default_auto_filename(self) -> str:
        return environment.text("AUTO_FILENAME")

    @default("auto_if_missing")
    def _default_auto_if_missing(self) -> bool:
        return environment.flag("AUTO_IF_MISSING", default=True)

    @default("registry_url")
    def _default_registry_url(self) -> str:
        return default_url()

    def first_model_settings(self) -> FirstModelSettings:
        """What the server begins with."""
        return FirstModelSettings(
            name="" if self.default_model == _BUILT_IN else self.default_model,
            repo_id=self.auto_repo_id if self.auto_if_missing else "",
            filename=self.auto_filename,
            is_to_load=self.preload,
        )

    def download_dir(self) -> Path:
        """Where downloads go: the first folder of `models_dir`."""
        return next(iter(self.model_folders()), Path(jupyter_data_dir()))

    def model_folders(self) -> list[Path]:
        """The folders of `models_dir`."""
        folders = self.models_dir.split(os.pathsep)
        return [Path(folder).expanduser() for folder in folders if folder]
