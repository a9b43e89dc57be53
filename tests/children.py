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


def run_command(
    arguments: list[str], log: str, largest_file: int | None = None, interrupt: tuple[int, str] | None = None
) -> None:
    """In the child: the command line with its output in `log`, and a limit in bytes for the files it writes.

    `interrupt` is a signal, and the function of `latentarium.files` on whose first call the child sends it to itself.
    """
    # a suite that runs in the background of a shell has Ctrl-C ignored, which its children would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8")
    if largest_file is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if interrupt is not None:
        _send(*interrupt)
    from latentarium.cli import main

    main(arguments)


def _send(number: int, name: str) -> None:
    """Have the first call of a function of `latentarium.files` raise a signal before it does anything."""
    from latentarium import files

    original = getattr(files, name)

    def once(*arguments: object) -> object:
        setattr(files, name, original)
        os.kill(os.getpid(), number)
        return original(*arguments)

    setattr(files, name, once)


def start(
    arguments: Sequence[str | Path],
    log: Path,
    *,
    largest_file: int | None = None,
    interrupt: tuple[int, str] | None = None,
) -> BaseProcess:
    """Begin one command in a child of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_HEAVY))
    given = ([str(argument) for argument in arguments], str(log), largest_file, interrupt)
    process = context.Process(target=run_command, args=given)
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
