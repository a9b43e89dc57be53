"""Files and folders are replaced whole or not at all."""

import contextlib
import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from latentarium import files
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.files import StorageFailed, inside, read_json, recover, replacing, replacing_folder, sha256, together


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def put(folder: Path, **content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert not target.exists()
    assert contents(target.parent) == {"a.txt": "new"}


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    put(tmp_path, a="old")
    expected = StorageFailed if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught, replacing(tmp_path / "a") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error
    assert contents(tmp_path) == {"a": "old"}
    if expected is StorageFailed:
        words = str(caught.value)
        assert words.startswith(f"could not write {tmp_path / 'a'}: No space left on device; ")
        assert "\n" not in words


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_files_appear_together_or_not_at_all(tmp_path: Path, error: BaseException | None) -> None:
    put(tmp_path, a="old")
    expected = contextlib.nullcontext() if error is None else pytest.raises((KeyboardInterrupt, StorageFailed))
    with expected, together():
        files.write_text(tmp_path / "a", "new")
        assert (tmp_path / "a").read_text() == "old"
        with replacing(tmp_path / "b") as temporary:
            temporary.write_text("new", encoding="utf-8")
            if error is not None:
                raise error
    assert contents(tmp_path) == ({"a": "new", "b": "new"} if error is None else {"a": "old"})
    files.write_text(tmp_path / "c", "alone")
    assert (tmp_path / "c").exists()


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_rights_follow_the_umask(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        files.write_text(tmp_path / "a", "x")
        with replacing_folder(tmp_path / "b", keep=False) as folder:
            files.write_text(folder / "c", "x")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o755


def test_a_place_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    put(tmp_path, file="x")
    with pytest.raises(StorageFailed, match="could not write") as caught:
        files.write_text(tmp_path / "file" / "a", "x")
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageFailed, match="could not write"), replacing_folder(tmp_path / "file" / "b", keep=False):
        raise AssertionError("not reached")


@pytest.mark.parametrize("swap", [True, False], ids=["one exchange", "two renames"])
def test_a_folder_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swap: bool) -> None:
    if not swap:
        monkeypatch.setattr(files, "_rename_exchange", lambda *_: False)
    elif sys.platform != "linux":
        pytest.skip("no exchange here")
    target = tmp_path / "b"
    for round_ in ("one", "two"):
        with replacing_folder(target, keep=False) as folder:
            put(folder, text=round_)
        assert contents(target) == {"text": round_}
        assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("error", [RuntimeError("no"), OSError(28, "No space left on device")])
@pytest.mark.parametrize("keep", [True, False])
def test_a_failed_folder_leaves_the_former_one(tmp_path: Path, keep: bool, error: Exception) -> None:
    put(tmp_path / "b", a="old")
    with pytest.raises(StorageFailed if isinstance(error, OSError) else RuntimeError):
        with replacing_folder(tmp_path / "b", keep=keep) as folder:
            files.write_text(folder / "a", "new")
            raise error
    assert names(tmp_path) == ["b"]
    assert contents(tmp_path / "b") == {"a": "old"}


def test_kept_files_are_links_that_are_never_written_through(tmp_path: Path) -> None:
    put(tmp_path / "b", same="same", changed="old")
    inode = (tmp_path / "b" / "same").stat().st_ino
    with replacing_folder(tmp_path / "b", keep=True) as folder:
        files.write_text(folder / "changed", "new")
        assert contents(tmp_path / "b") == {"changed": "old", "same": "same"}
    assert contents(tmp_path / "b") == {"changed": "new", "same": "same"}
    assert (tmp_path / "b" / "same").stat().st_ino == inode


def test_a_crash_between_two_renames_is_put_right(tmp_path: Path) -> None:
    put(tmp_path / ".b.previous", a="old")
    put(tmp_path / ".b.cafe.new", a="new")
    recover(tmp_path / "b")
    assert contents(tmp_path / "b") == {"a": "old"}
    recover(tmp_path / "b")
    assert contents(tmp_path / "b") == {"a": "old"}


def test_a_crash_after_both_renames_keeps_the_new_folder(tmp_path: Path) -> None:
    put(tmp_path / "b", a="new")
    put(tmp_path / ".b.previous", a="old")
    recover(tmp_path / "b")
    assert contents(tmp_path / "b") == {"a": "new"}
    with replacing_folder(tmp_path / "b", keep=True) as folder:
        files.write_text(folder / "a", "newer")
    assert names(tmp_path) == ["b"]


def test_leftovers_of_killed_writers_are_cleared_by_the_next_one_alone(tmp_path: Path) -> None:
    put(tmp_path / "b", a="old")
    put(tmp_path / ".b.dead.new", a="half")
    put(tmp_path / ".b2.alive.new", a="of another folder")
    recover(tmp_path / "b")
    assert ".b.dead.new" in names(tmp_path)
    with replacing_folder(tmp_path / "b", keep=False) as folder:
        put(folder, a="new")
    assert names(tmp_path) == [".b2.alive.new", "b"]


def test_readers_see_the_old_or_the_new_folder(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere there is a moment without the folder, which recover ends")
    target = tmp_path / "b"
    put(target, a="0", b="0")
    stop, strange = threading.Event(), list[object]()

    def read() -> None:
        while not stop.is_set():
            try:
                inner = os.open(target, os.O_RDONLY)
            except OSError as error:
                strange.append(error)
                continue
            try:
                found = {Path(f"/proc/self/fd/{inner}/{name}").read_text() for name in ("a", "b")}
                strange.extend(found if len(found) > 1 else ())
            except FileNotFoundError:
                pass  # the old folder, gone since it was opened
            finally:
                os.close(inner)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(200):
        with replacing_folder(target, keep=False) as folder:
            put(folder, a=str(turn), b=str(turn))
    stop.set()
    reader.join()
    assert strange == []


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real", a="old")
    (tmp_path / "link").symlink_to("real")
    with replacing_folder(tmp_path / "link", keep=True) as folder:
        files.write_text(folder / "a", "new")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real") == {"a": "new"}
    assert names(tmp_path) == ["link", "real"]


def test_the_current_folder_can_be_recovered_by_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recover(Path("."))


@pytest.mark.parametrize("name", ["../a", "b/../../a", "/etc/passwd", "b/../../../x"])
def test_names_that_leave_a_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="a file name in a bundle must be inside"):
        inside(tmp_path / "bundle", name)


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_links_that_leave_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "link").symlink_to(tmp_path)
    with pytest.raises(InvalidInput, match="must be inside"):
        inside(tmp_path / "bundle", "link/secret")
    assert inside(tmp_path / "bundle", "sub/file").name == "file"


def test_json_is_written_whole_and_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"x": [1, 2.5, "é"]})
    assert read_json(path) == {"x": [1, 2.5, "é"]}
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(path, {"x": float("nan")})
    assert read_json(path) == {"x": [1, 2.5, "é"]}
    for damage in (b"", b'{"x": ', b"\xff\xfe"):
        path.write_bytes(damage)
        with pytest.raises(DamagedFile, match=r"a\.json is damaged: not valid JSON"):
            read_json(path)
    with pytest.raises(DamagedFile, match=r"b\.json cannot be read: No such file"):
        read_json(tmp_path / "b.json")


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_json_files_end_with_a_newline(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {})
    assert (tmp_path / "a.json").read_text() == json.dumps({}) + "\n"
