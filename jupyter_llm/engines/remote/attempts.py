"""A request that nothing has come of is tried once more, at another replica."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

from jupyter_llm.engines.remote.group import Group, Replica
from jupyter_llm.errors import OverloadedError, UpstreamError

T = TypeVar("T")


async def attempts(
    group: Group,
    ask: Callable[[Replica], AsyncGenerator[T, None]],
    is_told: Callable[[T], bool],
) -> AsyncGenerator[T, None]:
    """What `ask` yields for a replica, or for another one where the first fails too early.

    It is too late for another one as soon as `is_told` of something that came. What comes before
    that is held back where there are several, so that nobody gets the beginning twice.

    Raises:
        UpstreamError: The service has no server, or what `ask` raises.
        OverloadedError: What `ask` raises.
    """
    if (replica := group.pick()) is None:
        raise UpstreamError("The service has no server that runs.")
    beginning = _Beginning(is_told, is_over=len(group) == 1)
    try:
        async with aclosing(ask(replica)) as parts:
            async for part in parts:
                for one in beginning.with_next(part):
                    yield one
    except (UpstreamError, OverloadedError):
        other = None if beginning.is_over else group.pick(other_than=replica)
        if other is None:
            raise
    else:
        for one in beginning.held:
            yield one
        return
    async with aclosing(ask(other)) as parts:
        async for part in parts:
            yield part


class _Beginning(Generic[T]):
    """What has come before anything was told."""

    def __init__(self, is_told: Callable[[T], bool], *, is_over: bool) -> None:
        self.is_over = is_over
        self.held: list[T] = []
        self._is_told = is_told

    def with_next(self, part: T) -> Sequence[T]:
        """What the reader may have now."""
        if self.is_over:
            return (part,)
        self.held.append(part)
        if not self._is_told(part):
            return ()
        self.is_over = True
        parts, self.held = self.held, []
        return parts
