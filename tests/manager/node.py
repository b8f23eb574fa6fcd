"""One notebook server's models on a machine that it shares: all parts but HTTP, and real ones."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world import World

from jupyter_llm.hardware.ledger import Ledger
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.library.hub.downloads import Downloads
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.removal import Remover
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.downloads import DownloadRecords
from jupyter_llm.registry.recorder import Recorder
from jupyter_llm.registry.settings import SavedSettings
from jupyter_llm.types import FinishedRequest, GenerationRequest, Usage

if TYPE_CHECKING:
    from world import Machine

REPO = "org/models-GGUF"


class Server:
    """Has its own engines and its own view of the ledger; models and registry are shared."""

    def __init__(self, folder: Path, machine: Machine, **settings: Any) -> None:
        self.world = World(machine=machine)
        self.num_asked = 0
        self.registry = Registry(f"sqlite:///{folder / 'registry.sqlite3'}")
        self._pool = MemoryPool(read=self.world.read, ledger=Ledger(folder / "ledger"))
        self.manager = ModelManager(
            settings=ManagerSettings(
                models_dirs=(str(folder / "models"),),
                saved=SavedSettings(self.registry),
                **settings,
            ),
            find_engine=self.world.find,
            pool=self._pool,
        )
        self._recorder = Recorder(self.registry, on_counted=lambda _: None)
        downloads = Downloads(
            folder / "models",
            records=DownloadRecords(self.registry, folder / "models"),
            on_event=lambda _: None,
        )
        self._puller = Puller(downloads, _plenty)
        self._remover = Remover(
            manager=self.manager,
            downloads=downloads,
            registry=self.registry,
            recorder=self._recorder,
            on_removed=lambda _: None,
        )

    async def answer(self, name: str, prompt: str, keep_alive_s: float | None = None) -> str:
        self.num_asked += 1
        request = GenerationRequest(
            id=str(self.num_asked), model_id=name, prompt=prompt, keep_alive_s=keep_alive_s
        )
        model = await self.manager.resolve(name)
        text, usage = "", None
        async for chunk in self.manager.generate(request):
            text, usage = text + chunk.text, chunk.usage
        tokens = usage or Usage()
        request = FinishedRequest(
            at=time.time(),
            model_id=model.id,
            num_prompt_tokens=tokens.prompt_tokens,
            num_completion_tokens=tokens.completion_tokens,
        )
        self._recorder.count(model, request)
        return text

    async def pull(self, name: str) -> str:
        begun = await self._puller.pull(REPO, f"{name}.gguf")
        return (await self._puller.downloads.wait(begun.id)).path

    async def remove(self, name: str) -> str:
        return (await self._remover.remove(name))[0].id

    async def stop(self) -> None:
        await self.manager.stop()
        await self._puller.downloads.stop()
        await self._recorder.close()
        await self.registry.close()
        await asyncio.to_thread(self._pool.close)


async def _plenty(*_: object) -> int:
    return 1 << 40
