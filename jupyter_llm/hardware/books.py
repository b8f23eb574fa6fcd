"""What this server's models hold and are promised, beside those of other servers."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.hardware.page import Page
from jupyter_llm.hardware.reckon import (
    Claim,
    Sight,
    capacity_bytes,
    free_bytes,
    spread,
    sum_free,
    total_of,
    unseen,
)
from jupyter_llm.hardware.survey import Survey, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from jupyter_llm.hardware.devices import Reading
    from jupyter_llm.hardware.ledger import Neighbour, Turn
    from jupyter_llm.hardware.need import Need
    from jupyter_llm.hardware.neighbourhood import Neighbourhood


class Books:
    """The claims of one server. Callable from any thread.

    Everything but `is_loading` blocks for as long as a turn in the ledger may take. A claim
    is found by a `key`, which is any object.
    """

    def __init__(
        self, *, read: Callable[[], Reading], neighbourhood: Neighbourhood, margin_bytes: int
    ) -> None:
        self._read = read
        self._neighbourhood = neighbourhood
        self._margin_bytes = margin_bytes
        self._claims: dict[object, Claim] = {}
        self._lock = threading.Lock()

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way, so that what is held changes."""
        return any(claim.is_loading for claim in tuple(self._claims.values()))

    def free_bytes(self, need: Need) -> int:
        """What such a model could take now, beside the margin; below zero if that is gone."""
        with self._alone() as turn:
            return sum_free(self._free(need, self._sight(turn)))

    def capacities(self, kinds: Iterable[str]) -> dict[str, int]:
        """What a model could take if all models of this server had left, by kind of device."""
        with self._alone() as turn:
            sight = self._sight(turn)
            return {
                kind: capacity_bytes(sight, kind, margin_bytes=self._margin_bytes) for kind in kinds
            }

    def admit(self, key: object, need: Need) -> bool:
        """Promise a model its memory, if there is enough."""
        with self._alone() as turn:
            sight = self._sight(turn)
            free = self._free(need, sight)
            if need.num_bytes > sum_free(free):
                return False
            self._claims[key] = Claim(
                held=spread(need.num_bytes, free),
                before={device.id: device.own_bytes for device in sight.reading.devices},
                mapped_before_bytes=sight.reading.own_mapped_bytes,
                file=need.file(),
            )
            self._tell(turn, sight.reading)
            return True

    def note_loaded(self, key: object, num_bytes: int) -> None:
        """The model is in memory and takes `num_bytes`: the devices count them as used now."""
        with self._alone() as turn:
            reading = self._read()
            if (claim := self._claims.get(key)) is not None:
                mapped = reading.own_mapped_bytes - claim.mapped_before_bytes
                self._claims[key] = replace(
                    claim,
                    held=spread(num_bytes, claim.held),
                    is_loading=False,
                    mapped_bytes=min(max(mapped, 0), num_bytes),
                )
                self._tell(turn, reading)

    def drop(self, key: object) -> None:
        """The memory is free again; safe to call twice."""
        with self._alone() as turn:
            if self._claims.pop(key, None) is not None:
                self._tell(turn, self._read())

    def tell(self) -> None:
        """Let the other servers know what is held by now."""
        with self._alone() as turn:
            self._tell(turn, self._read())

    def survey(self) -> Survey:
        """Who holds what of every device."""
        with self._lock:
            neighbours = self._neighbourhood.look()
            sight = self._sight_beside(neighbours)
        return survey(sight, ledger_reason=self._neighbourhood.reason)

    def close(self) -> None:
        """Take this server out of the ledger."""
        with self._lock:
            self._claims.clear()
            self._neighbourhood.leave()

    def _free(self, need: Need, sight: Sight) -> dict[str, int]:
        return free_bytes(sight, need.kind, file=need.file(), margin_bytes=self._margin_bytes)

    def _sight(self, turn: Turn | None) -> Sight:
        return self._sight_beside(turn.neighbours() if turn else [])

    def _sight_beside(self, neighbours: list[Neighbour]) -> Sight:
        # the others first: what becomes visible in between counts twice, never not at all
        return Sight(
            reading=self._read(), claims=tuple(self._claims.values()), neighbours=neighbours
        )

    def _tell(self, turn: Turn | None, reading: Reading) -> None:
        self._neighbourhood.tell(turn, _page(self._claims.values(), reading))

    @contextmanager
    def _alone(self) -> Iterator[Turn | None]:
        """Nobody else decides meanwhile, in this server or another."""
        with self._lock, self._neighbourhood.turn() as turn:
            yield turn


def _page(claims: Collection[Claim], reading: Reading) -> Page:
    return Page(
        pid=os.getpid(),
        groups=tuple(limit.group for limit in reading.limits),
        held=total_of(claim.held for claim in claims),
        unseen=total_of(
            unseen(claim, reading, device, for_others=True)
            for claim in claims
            for device in reading.devices
        ),
        mapped={claim.file: claim.mapped_bytes for claim in claims if claim.mapped_bytes},
    )
