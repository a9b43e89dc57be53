"""The command line in child processes that can be killed: forked from a server that has imported everything once."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

_HEAVY = (
    "sklearn.datasets",
    "torch._dynamo",
    "torch.export",
    "torch.onnx",
    "torch.onnx._internal.exporter._core",
    "onnxscript",
    "onnxruntime",
    "pyarrow.parquet",
    "safetensors.torch",
    "rich.progress",
    "typer",
    "latentarium.training.api",
    "latentarium.cli.fitting",
)


def run_command(arguments: list[str], log: str, largest_file: int | None = None) -> None:
    """In the child: the command line with its output in `log`, and a limit in bytes for the files it writes."""
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8")
    if largest_file is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    from latentarium.cli import main

    main(arguments)


def start(arguments: Sequence[str | Path], log: Path, *, largest_file: int | None = None) -> BaseProcess:
    """Begin one command in a child of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_HEAVY))
    process = context.Process(target=run_command, args=([str(a) for a in arguments], str(log), largest_file))
    process.start()
    return process


def run(arguments: Sequence[str | Path], log: Path, *, largest_file: int | None = None) -> int:
    """Run one command to its end and return its exit status."""
    process = start(arguments, log, largest_file=largest_file)
    process.join(120)
    assert process.exitcode is not None, log.read_text(encoding="utf-8")
    return process.exitcode


def wait_until(condition: Callable[[], bool], process: BaseProcess, *, seconds: float = 60) -> bool:
    """Whether `condition` came true while the process ran."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.is_alive():
        if condition():
            return True
        time.sleep(0.002)
    return condition()


def kill(process: BaseProcess) -> bool:
    """SIGKILL; whether it still found the process alive."""
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def last_line(log: Path) -> str:
    """What a command said last."""
    return log.read_text(encoding="utf-8").strip().splitlines()[-1]
