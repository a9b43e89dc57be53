"""The explorer's server under load: 200 clients that each ask for one decoded row after the other.

    python -m benchmarks.explorer.load                    # a space that comes with the package, for a minute
    python -m benchmarks.explorer.load --bundle mine --seconds 10

Prints answers a second, latencies, and the memory of the server at half the time and at the end. The clients run
in one process on the same cores.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.common import save_result
from benchmarks.explorer.serving import Running, exploring
from latentarium.bundle import Bundle, open_bundle
from latentarium.explorer.cache import with_view
from latentarium.shipped import copy_shipped

POINTS = 50
GROWTH = 1.05
"""Memory at the end over that at half the time that still counts as flat; before, the allocator finds its size."""


@dataclass
class Load:
    """What came of it: seconds of each answer, errors in words, resident bytes of the server over the time."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Resident memory at the end over that at half the time."""
        return self.memory[-1] / self.memory[len(self.memory) // 2]

    def facts(self) -> dict[str, Any]:
        """Rounded, for people and files."""
        milliseconds = 1e3 * np.asarray(self.latencies)
        shares = {f"p{share}_ms": round(float(np.percentile(milliseconds, share)), 1) for share in (50, 90, 99, 100)}
        return {
            "answers": len(self.latencies),
            "per_second": round(len(self.latencies) / self.seconds, 1),
            "errors": len(self.errors),
            **shares,
            "memory_mb": [round(size / 2**20) for size in (self.memory[len(self.memory) // 2], self.memory[-1])],
            "memory_growth": round(self.growth, 3),
        }


async def press(server: Running, bodies: list[bytes], *, answer_bytes: int, clients: int, seconds: float) -> Load:
    """Keep `clients` connections busy for `seconds`."""
    load = Load(seconds)
    end = time.monotonic() + seconds
    parts = urlsplit(server.address)
    requests = [_request(parts.netloc, body) for body in bodies]

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.monotonic() < end:
            began = time.perf_counter()
            writer.write(requests[number % len(requests)])
            status, body = await _answer(reader)
            load.latencies.append(time.perf_counter() - began)
            if status != 200 or len(body) != answer_bytes:
                load.errors.append(f"{status}: {body[:200]!r}")
            number += clients
        writer.close()

    async def watch() -> None:
        while time.monotonic() < end:
            load.memory.append(_resident(server.pid))
            await asyncio.sleep(seconds / 30)

    results = await asyncio.gather(watch(), *map(client, range(clients)), return_exceptions=True)
    load.errors += [repr(result) for result in results if isinstance(result, BaseException)]
    return load


def _request(host: str, body: bytes) -> bytes:
    lines = [
        "POST /api/decode HTTP/1.1",
        f"host: {host}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
    return int(head.split()[1]), await reader.readexactly(int(length.partition(":")[2]))


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def run(bundle: Bundle, *, clients: int, seconds: float) -> Load:
    """Serve a bundle that has a view, and press it."""
    folder = f"spaces/{bundle.path.name.lower()}"
    bodies = [json.dumps({"space": folder, "z": [z.ravel().tolist()]}).encode() for z in bundle.codes[:POINTS]]
    size = 4 * int(np.prod(bundle.space.data_shape))
    with exploring(bundle.path) as server:
        return asyncio.run(press(server, bodies, answer_bytes=size, clients=clients, seconds=seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="a bundle; a space that comes with the package where left out")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/explorer-load.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bundle = open_bundle(given.bundle) if given.bundle else copy_shipped("fashion-vae", Path(scratch) / "clothes")
        load = run(with_view(bundle), clients=given.clients, seconds=given.seconds)
    told = {"clients": given.clients, "seconds": given.seconds, "load_average": os.getloadavg()[1], **load.facts()}
    print(json.dumps(told, indent=2))
    for error in load.errors[:5]:
        print(error)
    if given.save:
        save_result("explorer-load", "python -m benchmarks.explorer.load", told)
    if load.errors or load.growth > GROWTH:
        raise SystemExit("the server made errors" if load.errors else "the server's memory grew")


if __name__ == "__main__":
    main()
