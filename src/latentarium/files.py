"""Writing files so that a reader sees the old content or the new one; the only module with platform-specific calls."""

import ctypes
import glob
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from latentarium.errors import DamagedFile, LatentariumError, invalid

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_WAITING: ContextVar[dict[Path, Path] | None] = ContextVar("waiting", default=None)


class StorageFailed(LatentariumError):
    """The file system refused a write (full disk, size limit, missing rights)."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`, on failure it is removed.

    Inside `together` it takes its place at the end of that.

    Raises
    ------
    StorageFailed
        When the disk is full or not writable; what stood at `path` is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a plain creation, unlike tempfile's, leaves the rights to the user's umask
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise storage_failed(path, error) from None
    waiting = _WAITING.get()
    try:
        yield temporary
        _sync(temporary)
        if waiting is None:
            os.replace(temporary, path)
        else:
            waiting[temporary] = path
    except OSError as error:
        raise storage_failed(path, error) from None
    finally:
        if temporary not in (waiting or {}):
            temporary.unlink(missing_ok=True)


@contextmanager
def together() -> Iterator[None]:
    """Files that are replaced inside appear one right after the other at the end, or none of them does."""
    waiting: dict[Path, Path] = {}
    before = _WAITING.set(waiting)
    try:
        yield
        for temporary, path in waiting.items():
            _move(temporary, path)
    finally:
        _WAITING.reset(before)
        for temporary in waiting:
            temporary.unlink(missing_ok=True)


def _move(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError as error:
        raise storage_failed(path, error) from None


def storage_failed(path: Path, error: OSError) -> StorageFailed:
    """One line for a failed write."""
    reason = error.strerror or str(error)
    return StorageFailed(f"could not write {path}: {reason}; free space or choose another place, nothing was changed")


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path` atomically."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Parse a JSON file or raise `DamagedFile` naming it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DamagedFile(f"{path} is damaged: not valid JSON ({error})") from None
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read: {error.strerror}") from None


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing_folder(path: Path, *, keep: bool) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that takes its place on success.

    With `keep` it starts as a copy of `path` by hard links: write new files into it with the atomic functions of
    this module, which never alter a linked original. The exchange is one system call where the platform has it;
    elsewhere `recover` puts back what a crash between two renames left aside.
    """
    path = path.resolve()
    recover(path)
    clear_leftovers(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        temporary.mkdir()
    except OSError as error:
        raise storage_failed(path, error) from None
    try:
        if keep and path.exists():
            shutil.copytree(path, temporary, copy_function=_link_or_copy, dirs_exist_ok=True)
        yield temporary
        _exchange(temporary, path)
    except OSError as error:
        raise storage_failed(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish a replacement that was cut between its two renames; harmless beside a process that is writing."""
    aside = _aside(path.resolve())
    if aside.exists() and not path.exists():
        aside.rename(path.resolve())


def clear_leftovers(path: Path) -> None:
    """Remove what killed writers of the folder `path` left beside it; for the one process that writes it."""
    resolved = path.resolve()
    if path.exists():
        shutil.rmtree(_aside(resolved), ignore_errors=True)
    for left in resolved.parent.glob(f".{glob.escape(resolved.name)}.*.new"):
        shutil.rmtree(left, ignore_errors=True)


def inside(root: Path, name: str) -> Path:
    """`root / name`, refused when it would leave `root`."""
    target = (root / name).resolve()
    if not target.is_relative_to(root.resolve()) or Path(name).is_absolute():
        raise invalid("a file name in a bundle", f"inside {root.name}", name)
    return target


def default_cache() -> Path:
    """Where downloaded and decoded data are kept: $LATENTARIUM_CACHE or the platform's cache folder."""
    if given := os.environ.get("LATENTARIUM_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "latentarium"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "latentarium"


def peak_memory() -> int | None:
    """The process's peak resident memory in bytes, or None where the platform does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _exchange(new: Path, old: Path) -> None:
    if not old.exists():
        new.rename(old)
        return
    if _rename_exchange(new, old):
        return
    aside = _aside(old)
    old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


def _rename_exchange(first: Path, second: Path) -> bool:
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
