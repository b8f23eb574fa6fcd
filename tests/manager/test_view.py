from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
from stage import ASK, scenario, stage

from jupyter_llm.engines.remote.settings import Remote
from jupyter_llm.errors import ModelNotFoundError
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.view import ManagerView
from jupyter_llm.types import LoadOptions, ModelSource

BY_NAME = {
    *("resolve", "active", "set_default", "load", "switch", "unload", "tokenize", "detokenize"),
}
"""What finds its model by a name, and so finds none that the caller may not use."""

OF_THE_SERVER = {"settings", "models_dirs", "remotes", "withdraw", "stop", "absent", "all_ids"}


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}


def test_nothing_of_a_manager_is_forgotten_by_its_views() -> None:
    overridden = {name for name in vars(ManagerView) if not name.startswith("_")}

    assert public(ModelManager) == overridden | BY_NAME | OF_THE_SERVER


@pytest.mark.parametrize("method", ["resolve", "set_default", "load", "switch", "unload"])
def test_a_model_that_is_not_allowed_is_not_found(method: str) -> None:
    @scenario
    async def ask() -> None:
        async with stage() as s:
            view = ManagerView(s.manager, user="a", allowed=("other",))
            with pytest.raises(ModelNotFoundError, match="no model 'echo'"):
                await getattr(view, method)("echo")
            assert s.manager.loaded() == ()

    ask()


@pytest.mark.parametrize("method", ["load", "switch"])
def test_a_model_that_is_not_allowed_guesses_for_no_other(method: str) -> None:
    @scenario
    async def ask() -> None:
        async with stage() as s:
            view = ManagerView(s.manager, user="a", allowed=("echo",))
            with pytest.raises(ModelNotFoundError, match="no model 'guide'") as refused:
                await getattr(view, method)("echo", LoadOptions(draft_model="guide"))
            assert refused.value.param == "draft_model"
            assert s.manager.loaded() == ()

    ask()


@scenario
async def test_an_alias_in_the_list_stands_for_its_model_and_lists_show_that_alone() -> None:
    async with stage(aliases={"gpt": "echo"}, default_model="echo") as s:
        view = ManagerView(s.manager, user="a", allowed=("gpt",))
        assert (await view.resolve("gpt")).id == "echo"
        assert [status.model.id for status in await view.models()] == ["echo"]
        await view.load("gpt")
        assert [status.model.id for status in view.loaded()] == ["echo"]
        assert ManagerView(s.manager, user="b", allowed=("x",)).loaded() == ()


@scenario
async def test_a_switch_through_a_view_is_one_for_everybody() -> None:
    async with stage(default_model="guide") as s:
        view = ManagerView(s.manager, user="a", allowed=None)
        limited = ManagerView(s.manager, user="b", allowed=("echo",))
        assert await limited.active() is None
        await limited.switch("echo")
        for manager in (s.manager, view, limited):
            active = await manager.active()
            assert active is not None
            assert active.id == "echo"


@scenario
async def test_requests_through_a_view_are_its_users() -> None:
    async with stage() as s:
        turns = []
        view = ManagerView(s.manager, user="ada", allowed=None)
        async for _ in view.generate(ASK):
            [instance] = s.manager._parts.instances
            turns = [turn.ticket.user for turn in instance.turns._turns.values()]
        assert turns == ["ada"]


@scenario
async def test_a_model_of_one_user_is_there_for_nobody_else() -> None:
    async with stage() as s:
        private = Remote(id="7", url="http://x/v1", models={"qwen-big": ""}, private_to="ada")
        s.manager.remotes.add(private, owner="services")
        hers = ManagerView(s.manager, user="ada", allowed=None, owner="ada")
        his = ManagerView(s.manager, user="bob", allowed=None, owner="bob")
        assert (await hers.resolve("qwen-big")).id == "qwen-big"
        assert hers.may_know("qwen-big")
        assert not his.may_know("qwen-big")
        for view, ids in ((hers, {"qwen-big"}), (his, set())):
            listed = {status.model.id for status in await view.models()}
            shown = {one.status.model.id for one in (await view.inventory()).models}
            assert {"qwen-big"} & listed == {"qwen-big"} & shown == ids
        for name in ("qwen-big", "qwen-bi"):
            with pytest.raises(ModelNotFoundError) as refused:
                await his.load(name)
            assert refused.value.message == (
                f"There is no model {name!r} for you. GET v1/models lists those that you may use."
            )
        assert await his.active() is not None


@scenario
async def test_a_model_that_has_gone_is_still_its_owners_alone() -> None:
    async with stage() as s:
        private = Remote(id="7", url="http://x/v1", models={"qwen-big": ""}, private_to="ada")
        s.manager.remotes.add(private, owner="services")
        model = await s.manager.resolve("qwen-big")
        await s.manager.withdraw("7", owner="services")
        hers = ManagerView(s.manager, user="ada", allowed=None, owner="ada")
        his = ManagerView(s.manager, user="bob", allowed=None, owner="bob")
        # figures and events tell of it later
        assert hers.may_know("qwen-big")
        assert not his.may_know("qwen-big")
        assert s.manager.may_know("qwen-big")
        assert not his.may_use(model)
        # a file of the same name is for all
        assert his.may_use(replace(model, source=ModelSource.SHARED))


@scenario
async def test_records_of_the_past_name_what_is_here_alone() -> None:
    async with stage() as s:
        view = ManagerView(s.manager, user="bob", allowed=None, owner="bob")
        his, everybodys = await view.nameable(), await s.manager.nameable()
        assert his("echo")
        assert not his("gone")
        assert everybodys("gone")


@scenario
async def test_the_active_model_of_somebody_else_is_not_named() -> None:
    async with stage() as s:
        private = Remote(id="7", url="http://x/v1", models={"qwen-big": ""}, private_to="ada")
        s.manager.remotes.add(private, owner="services")
        await s.manager.set_default("qwen-big")
        his = ManagerView(s.manager, user="bob", allowed=None, owner="bob")
        assert not await his.relays("")
        assert await s.manager.relays("")
        with pytest.raises(ModelNotFoundError, match=r"^The active model is not for you\."):
            await his.load("")
