"""Rows that wait for a network are taken together, and everyone gets their own answer."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from latentarium.explorer.together import Together


def in_a_loop(whole: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: tests of the browser leave a running loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, whole).result()


class Halver:
    """Halves rows, slowly at first, and refuses negative ones."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go_on = threading.Event()

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.sizes.append(len(rows))
        self.go_on.wait(10)
        if (rows < 0).any():
            raise ValueError("negative")
        return rows / 2


def ask_all(halver: Halver, *requests: np.ndarray, most: int = 8) -> list[object]:
    async def whole() -> list[object]:
        together = Together(halver, most=most)
        tasks = [asyncio.create_task(together(request)) for request in requests]
        await asyncio.sleep(0.05)
        halver.go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return in_a_loop(whole())


def test_those_who_wait_share_a_call_and_keep_their_rows() -> None:
    halver = Halver()
    requests = [np.full((n, 2), n, np.float32) for n in (1, 2, 3, 4, 9, 1)]
    found = ask_all(halver, *requests)
    for rows, answer in zip(requests, found, strict=True):
        assert np.array_equal(answer, rows / 2)
    # the first came alone, then as many as go into 8 rows; nine come from one request, and alone
    assert halver.sizes == [6, 4, 9, 1] or halver.sizes == [1, 5, 4, 9, 1]


def test_a_bad_request_spoils_no_other() -> None:
    good, bad = np.ones((1, 2), np.float32), -np.ones((1, 2), np.float32)
    first, wrong, last = ask_all(Halver(), good, bad, good)
    assert isinstance(wrong, ValueError)
    assert np.array_equal(first, good / 2)
    assert np.array_equal(last, good / 2)


def test_whoever_left_is_not_answered() -> None:
    async def whole() -> np.ndarray:
        halver = Halver()
        together = Together(halver, most=8)
        gone = asyncio.create_task(together(np.ones((1, 1), np.float32)))
        await asyncio.sleep(0.05)
        gone.cancel()
        halver.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await together(np.full((1, 1), 6, np.float32))

    assert in_a_loop(whole())[0, 0] == 3
