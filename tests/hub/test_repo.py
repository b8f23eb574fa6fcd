from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from jupyter_llm.errors import HubError, InvalidRequestError, ModelNotFoundError
from jupyter_llm.library.hub.repo import describe, search, translated

if TYPE_CHECKING:
    from hub_server import Hub


def test_a_repository_lists_its_files_with_their_hashes(hub: Hub) -> None:
    hub.add("org/tiny-GGUF", {"tiny-Q4_K_M.gguf": b"abc", "README.md": b"hello"})
    repo = describe("org/tiny-GGUF")
    assert (repo.id, repo.licence, repo.is_gated) == ("org/tiny-GGUF", "apache-2.0", False)
    model, readme = repo.files
    assert (model.path, model.size_bytes, len(model.sha256)) == ("tiny-Q4_K_M.gguf", 3, 64)
    assert (readme.sha256, len(readme.git_sha1)) == ("", 40)


def test_the_token_is_sent(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.add("org/mine", {}, private=True)
    assert describe("org/mine").id == "org/mine"
    assert hub.tokens == ["Bearer hf_secret"]


def test_a_repository_that_is_not_there_or_private_is_not_found(hub: Hub) -> None:
    hub.add("org/mine", {}, private=True)
    for name in ("org/mine", "org/nothing"):
        with pytest.raises(ModelNotFoundError, match=f"{name}.*HF_TOKEN.*{hub.url}/{name}"):
            describe(name)


@pytest.mark.parametrize("name", ["..", "a/b/c", "org/na me", ""])
def test_what_is_no_name_is_refused(hub: Hub, name: str) -> None:
    with pytest.raises((InvalidRequestError, ModelNotFoundError)):
        describe(name)


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_that_is_out_of_order_is_told_by_its_address(hub: Hub, status: int) -> None:
    hub.add("org/tiny", {})
    hub.api_faults.extend([status] * 10)
    with pytest.raises(HubError, match=hub.url):
        describe("org/tiny")


def test_a_hub_that_is_not_there_is_told_by_its_address(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match=r"127\.0\.0\.1:9"):
        describe("org/tiny")


def test_a_client_that_another_threads_failure_closed_is_no_fault_of_ours(hub: Hub) -> None:
    with httpx.Client() as client:
        pass
    with pytest.raises(HubError, match="closed"), translated("org/tiny"):
        client.get(hub.url)


def test_a_search_gives_the_most_downloaded_first(hub: Hub) -> None:
    hub.add("org/qwen-GGUF", {}, downloads=1)
    hub.add("other/Qwen3-GGUF", {}, downloads=5)
    hub.add("org/llama-GGUF", {}, downloads=9)
    assert [repo.id for repo in search("qwen", 5)] == ["other/Qwen3-GGUF", "org/qwen-GGUF"]
