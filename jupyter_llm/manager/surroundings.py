"""What every instance of one server works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from jupyter_llm.manager.adviser import Adviser
    from jupyter_llm.manager.dormitory import Dormitory
    from jupyter_llm.manager.holder import Finders
    from jupyter_llm.manager.listeners import Listeners
    from jupyter_llm.manager.probes import Probes
    from jupyter_llm.manager.room import Room
    from jupyter_llm.manager.settings import ManagerSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What an instance is given by its manager.

    `probes` knows what models need, `room` makes room for one, `adviser` says what else would
    fit, and `dormitory` keeps engines that may be woken. `load_turn` lets one model load at a
    time, so that no two count on the same free memory. `listeners` are told what happens.
    """

    settings: ManagerSettings
    find: Finders
    probes: Probes
    room: Room
    dormitory: Dormitory
    adviser: Adviser
    load_turn: asyncio.Lock
    listeners: Listeners
