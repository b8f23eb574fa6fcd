"""Put the built side panel where JupyterLab looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "jupyter_llm/labextension"
INSTALLED = "share/jupyter/labextensions/@jupyter-llm/labextension"


class LabextensionHook(BuildHookInterface):
    """Ships the built panel in wheels; an editable install links it (`make install`)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the panel to `build_data`, or say how to build it."""
        if version == "editable":
            return
        if not (Path(self.root) / BUILT / "package.json").is_file():
            raise FileNotFoundError(
                "The side panel is not built yet. Run `make panel` first (it needs Node.js 20 "
                "or later), or install from the source tree with `pip install -e .`, "
                "which does without."
            )
        build_data["shared_data"] |= {
            BUILT: INSTALLED,
            "labextension/install.json": f"{INSTALLED}/install.json",
        }
