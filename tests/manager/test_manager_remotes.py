"""Services that come and go while a manager runs."""

from __future__ import annotations

import asyncio

import pytest
from scripted_service import Exchange, service
from stage import scenario, stage

from jupyter_llm.engines.remote.remotes import Remotes
from jupyter_llm.engines.remote.settings import Remote
from jupyter_llm.errors import ModelNotFoundError
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.types import GenerationRequest, ModelState, Relayed

ASKED = GenerationRequest(
    id="1",
    model_id="big",
    relayed=Relayed(route="chat/completions", body=b'{"stream":true}', is_stream=True),
)


async def test_a_service_is_a_model_from_its_coming_to_its_going() -> None:
    async with service() as far:
        manager = ModelManager(settings=ManagerSettings(aliases={"gpt": "big"}))
        remote = Remote(id="job", url=far.url, models={"big": "theirs"}, concurrency=3)
        assert not await manager.relays("big")
        manager.remotes.add(remote, owner="services")
        assert "big" in {status.model.id for status in await manager.models()}
        assert await manager.relays("gpt")
        assert not await manager.relays("guide")
        chunks = [chunk async for chunk in manager.generate(ASKED)]
        assert chunks[-1].usage is not None
        (status,) = manager.loaded()
        assert (status.state, status.stats.slots) == (ModelState.READY, 3)
        listed = {one.status.model.id: one for one in (await manager.inventory()).models}
        assert (listed["big"].fit, listed["big"].unavailable) == ("fits", "")

        await manager.withdraw("job", owner="somebody")
        assert manager.loaded()
        await manager.withdraw("job", owner="services")
        assert manager.loaded() == ()
        with pytest.raises(ModelNotFoundError):
            await manager.resolve("big")
        await manager.stop()


async def test_requests_of_users_take_turns_at_a_service() -> None:
    most = running = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        await exchange.begin()
        await exchange.send({"choices": [{"finish_reason": "stop"}]}, b"data: [DONE]\n\n")
        await exchange.end()

    async with service(chat_completions=slow) as far:
        remotes = Remotes([Remote(id="r", url=far.url, models={"big": "theirs"}, concurrency=2)])
        manager = ModelManager(settings=ManagerSettings(remotes=remotes))

        async def ask() -> int:
            return len([chunk async for chunk in manager.generate(ASKED)])

        asks = [asyncio.create_task(ask()) for _ in range(9)]
        await asyncio.sleep(0.1)
        assert manager.loaded()[0].stats.num_waiting > 0
        assert all(await asyncio.gather(*asks))
        assert most == 2
        await manager.stop()


@scenario
async def test_only_a_service_has_requests_passed_on() -> None:
    async with stage() as s:
        assert not await s.manager.relays("echo")
        assert not await s.manager.relays("")
