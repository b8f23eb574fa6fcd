"""A server extension that makes echo speak slowly: a test can act in the middle of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.engines.echo.engine import EchoEngine

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

DELAY_S = 0.05


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "slow_echo"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    del server
    defaults = EchoEngine.__init__.__kwdefaults__
    assert defaults is not None
    defaults["delay_s"] = DELAY_S
