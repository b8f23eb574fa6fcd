"""What is done with the models of a server, beside asking them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_llm.types import Device, Download, ListedModel, ModelState, ModelStatus

from .chat_request import without_none
from .memory import report_from_json
from .statuses import device_from_json, download_from_json, listed_from_json, status_from_json
from .transport import WORK_TIMEOUT_S, timeout

if TYPE_CHECKING:
    from .memory import MemoryReport


class Administration(ABC):
    """Models, memory, downloads, settings and the Hub, over one way of sending requests."""

    def models(self) -> tuple[ModelStatus, ...]:
        """Every model that can be loaded here, and where each stands."""
        return tuple(status_from_json(item) for item in self._get("models")["data"])

    def listing(self) -> tuple[ListedModel, ...]:
        """The same, with what each would take in memory and whether it fits."""
        return tuple(listed_from_json(item) for item in self._get("models")["data"])

    def loaded(self) -> tuple[ModelStatus, ...]:
        """The models that are in memory, on their way into it, or failed to get there."""
        return tuple(s for s in self.models() if s.state is not ModelState.UNLOADED)

    def devices(self) -> tuple[Device, ...]:
        """The memory that models are loaded into, and whose it is."""
        return tuple(device_from_json(item) for item in self._get("vram")["data"])

    def memory(self) -> MemoryReport:
        """The same, and what each model of this server takes of it."""
        return report_from_json(self._get("vram"))

    def load(self, name: str, **options: Any) -> ModelStatus:
        """Load a model; returns when it is ready.

        Args:
            name: Id, alias or path.
            options: Fields of `LoadOptions`, such as `context_length` and
                `slots`, and `backend`, the name of the engine.
        """
        body = {"model": name, **without_none(options)}
        return status_from_json(self._post("load", body)["model"])

    def switch(self, name: str, **options: Any) -> ModelStatus:
        """Make this the model that answers where a request names none; drops no request.

        Takes what `load` takes, and returns when the model is ready.
        """
        body = {"model": name, **without_none(options)}
        return status_from_json(self._post("switch", body)["model"])

    def unload(self, name: str) -> ModelStatus:
        """Unload a model; returns when its memory is free. Stops a load under way."""
        return status_from_json(self._post("unload", {"model": name})["model"])

    def model(self, name: str) -> ModelStatus:
        """One model, and where it stands."""
        return status_from_json(self._get(_path_of(name)))

    def remove(self, name: str) -> int:
        """Delete a model's files, after unloading it; returns the bytes that are free now."""
        limit = timeout(WORK_TIMEOUT_S)
        return int(self._send("DELETE", _path_of(name), timeout=limit)["freed_bytes"])

    def settings(self, name: str) -> dict[str, Any]:
        """What was decided about a model: `aliases`, `options`, `pinned`, `keep_alive_s`."""
        return self._get(f"{_path_of(name)}/settings")

    def change_settings(self, name: str, **changes: Any) -> dict[str, Any]:
        """Decide something about a model, for every server that shares the registry.

        Args:
            name: Id, alias or path.
            changes: `aliases`, `options`, `pinned` and `keep_alive`; those that are
                `None` are taken back, those left out stay.
        """
        return self._post(f"{_path_of(name)}/settings", changes)

    def pull(self, name: str) -> Download:
        """Begin to download `org/repo` or `org/repo:QUANTIZATION`, or go on with it.

        Returns at once: the server downloads, whether or not anybody watches.
        """
        return download_from_json(self._post("api/admin/models/download", {"repo_id": name}))

    def download(self, download_id: str) -> Download:
        """How far a download is."""
        return download_from_json(self._get(f"api/admin/downloads/{download_id}"))

    def downloads(self) -> tuple[Download, ...]:
        """Every download that the server knows."""
        return tuple(map(download_from_json, self._get("api/admin/downloads")["downloads"]))

    def cancel(self, download_id: str) -> Download:
        """Stop a download; what has come stays for the next time."""
        return download_from_json(self._send("DELETE", f"api/admin/downloads/{download_id}"))

    def search(self, text: str, limit: int = 10) -> list[dict[str, Any]]:
        """GGUF models on the Hub whose names fit, the most downloaded first."""
        found = self._get("api/admin/hub", params={"search": text, "limit": limit})
        return list(found["models"])

    def offers(self, repo_id: str) -> list[dict[str, Any]]:
        """What a repository of the Hub has, and whether it fits the server's machine."""
        return list(self._get(f"api/admin/hub/{repo_id}")["files"])

    def health(self) -> dict[str, Any]:
        """How the server's models are, in the words of `GET /health`."""
        return self._get("health")

    def status(self) -> dict[str, Any]:
        """The server at a glance, in the words of `GET /api/admin/status`."""
        return self._get("api/admin/status")

    def records(self) -> list[dict[str, Any]]:
        """Every model with its `settings` and its `usage`, as `GET /api/admin/models` tells."""
        return list(self._get("api/admin/models")["models"])

    def adapters(self) -> tuple[str, ...]:
        """The names of the LoRA adapters that models can be loaded with."""
        return tuple(adapter["id"] for adapter in self._get("models")["adapters"])

    def unusable(self) -> list[dict[str, str]]:
        """Files that look like models and cannot be used: `id`, `path` and the `error`."""
        return list(self._get("models")["unusable"])

    def backends(self) -> list[dict[str, Any]]:
        """The engines: installed or not, what they read, and what installs one."""
        return list(self._get("backends")["data"])

    def _get(self, path: str, **request: Any) -> dict[str, Any]:
        return self._send("GET", path, **request)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("POST", path, json=body, timeout=timeout(WORK_TIMEOUT_S))

    @abstractmethod
    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The answer to a request, whose further arguments are those of httpx."""


def _path_of(name: str) -> str:
    return f"api/admin/models/{quote(name)}"
