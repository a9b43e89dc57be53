"""One command in several processes: all of them compute, the first one speaks and writes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

LOOK_SECONDS = 0.1
GRACE_SECONDS = 10.0


def spread(arguments: Sequence[str], processes: int) -> int:
    """Run `latentarium` with `arguments` in `processes` processes and return the exit status.

    A process that fails takes the others with it. Ctrl-C reaches all of them from the terminal; they save and stop
    by themselves, and are waited for.
    """
    shared = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // processes)),
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8") as words:
        ranks = [_begin(arguments, shared, rank, words if rank else None) for rank in range(processes)]
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return _wait(ranks, words)
        finally:
            signal.signal(signal.SIGINT, former)
            for process in ranks:
                process.kill()


def _begin(
    arguments: Sequence[str], shared: dict[str, str], rank: int, words: IO[str] | None
) -> subprocess.Popen[bytes]:
    environment = {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
    output = None if words is None else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "latentarium", *arguments], env=environment, stdout=output, stderr=words
    )


def _wait(ranks: Sequence[subprocess.Popen[bytes]], words: IO[str]) -> int:
    """The first process's status; it gets a moment to speak for itself where another one fails."""
    first, others = ranks[0], ranks[1:]
    while first.poll() is None and not any(process.poll() for process in others):
        time.sleep(LOOK_SECONDS)
    try:
        status = first.wait(GRACE_SECONDS if any(process.poll() for process in others) else None)
    except subprocess.TimeoutExpired:
        words.seek(0)
        said = [line for line in words.read().splitlines() if line.strip()] or ["it said nothing"]
        sys.stderr.write(f"latentarium: another process of the fit failed: {said[-1]}\n")
        return 1
    return status if status >= 0 else 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
