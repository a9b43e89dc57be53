"""Rows of requests that wait for one network, taken together: a full batch costs little more than one row."""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

Rows = NDArray[np.float32]


class Together:
    """Calls `function` once for everyone who came while it was busy; it treats each row as if it were alone.

    Parameters
    ----------
    function : rows (n, a) to rows (n, b); runs in a thread, one call at a time
    most : rows in one call; a single request may bring more
    """

    def __init__(self, function: Callable[[Rows], Rows], *, most: int) -> None:
        self._function, self._most = function, most
        self._waiting: deque[tuple[Rows, asyncio.Future[Rows]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, rows: Rows) -> Rows:
        """What the function makes of `rows`."""
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            taken = self._take()
            try:
                await self._answer(taken)
            except Exception as error:  # noqa: BLE001 - belongs to whoever asked
                await self._blame(taken, error)

    def _take(self) -> list[tuple[Rows, "asyncio.Future[Rows]"]]:
        taken = [self._waiting.popleft()]
        count = len(taken[0][0])
        while self._waiting and count + len(self._waiting[0][0]) <= self._most:
            taken.append(self._waiting.popleft())
            count += len(taken[-1][0])
        return taken

    async def _answer(self, taken: list[tuple[Rows, "asyncio.Future[Rows]"]]) -> None:
        found = await run_in_threadpool(self._function, np.concatenate([rows for rows, _ in taken]))
        start = 0
        for rows, answer in taken:
            _settle(answer, found[start : start + len(rows)])
            start += len(rows)

    async def _blame(self, taken: list[tuple[Rows, "asyncio.Future[Rows]"]], error: Exception) -> None:
        """One request that cannot be answered must not spoil the others."""
        if len(taken) == 1:
            _settle(taken[0][1], error)
            return
        for one in taken:
            try:
                await self._answer([one])
            except Exception as own:  # noqa: BLE001 - belongs to whoever asked
                _settle(one[1], own)


def _settle(answer: "asyncio.Future[Rows]", found: Rows | Exception) -> None:
    if answer.done():  # whoever asked is gone
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
