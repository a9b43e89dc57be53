"""Every bad source gets one line that names the thing; each case writes real files."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from latentarium.data import open_source
from latentarium.errors import InvalidInput

Case = Callable[[Path], Path]
NUMBERS = "\n".join(f"{i},{i % 7}" for i in range(20))


def pictures(folder: Path, count: int = 12, mode: str = "RGB", prefix: str = "p") -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(count):
        Image.effect_noise((40, 40), 90).convert(mode).save(folder / f"{prefix}{i:02d}.png")
    return folder


def text(name: str, content: str | bytes) -> Case:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def saved(name: str, **arrays: np.ndarray) -> Case:
    def write(folder: Path) -> Path:
        path = folder / name
        if path.suffix == ".npy":
            np.save(path, arrays["x"])
        else:
            np.savez(path, **arrays)
        return path

    return write


def truncated(write: Case, keep: float) -> Case:
    def cut(folder: Path) -> Path:
        path = write(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content))])
        return path

    return cut


def with_picture(name: str, content: Callable[[Path], object]) -> Case:
    def write(folder: Path) -> Path:
        pictures(folder / "set")
        content(folder / "set" / name)
        return folder / "set"

    return write


def truncated_jpeg(path: Path) -> None:
    Image.effect_noise((64, 64), 90).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-700])


def truncated_png(path: Path) -> None:
    Image.effect_noise((64, 64), 90).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:3000])


def bomb(side: int) -> Callable[[Path], None]:
    """A PNG whose header promises side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def write(path: Path) -> None:
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)

    return write


def mixed(folder: Path) -> Path:
    pictures(folder / "set", 5, "L", "a")
    return pictures(folder / "set", 7, "RGB", "b")


def table(**columns: object) -> Case:
    def write(folder: Path) -> Path:
        parquet.write_table(pa.table(columns), folder / "t.parquet")
        return folder / "t.parquet"

    return write


def empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


RAMP = np.arange(20.0)
CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "no such path": (lambda folder: folder / "absent", ("absent", "fashion-mnist", "digits")),
    "empty folder": (empty_folder, ("nothing", "an empty folder")),
    "folder without pictures": (lambda f: text("notes.txt", "hello")(f).parent, ("1 other files",)),
    "one picture": (lambda f: pictures(f / "one", 1), ("at least 10", "got 1")),
    "picture for a folder": (lambda f: pictures(f / "set") / "p00.png", ("a folder of pictures", "p00.png")),
    "unknown file kind": (text("notes.docx", "hello"), ("notes.docx", ".csv")),
    "truncated JPEG": (with_picture("broken.jpg", truncated_jpeg), ("broken.jpg", "complete picture")),
    "truncated PNG": (with_picture("broken.png", truncated_png), ("broken.png", "complete picture")),
    "text called JPEG": (with_picture("broken.jpg", lambda p: p.write_text("no")), ("broken.jpg", "header")),
    "empty picture file": (with_picture("empty.png", lambda p: p.write_bytes(b"")), ("empty.png", "header")),
    "bomb": (with_picture("bomb.png", bomb(9000)), ("bomb.png", "81,000,000")),
    "bigger bomb": (with_picture("bomb.png", bomb(12000)), ("bomb.png", "144,000,000")),
    "biggest bomb": (with_picture("bomb.png", bomb(60000)), ("bomb.png", "3,600,000,000")),
    "mixed channels": (mixed, ("5 grey (first a00.png)", "7 RGB (first b00.png)", "one mode")),
    "values 0-300": (saved("big.npy", x=np.linspace(0, 300, 1280).reshape(20, 8, 8)), ("big.npy", "0 to 300")),
    "integers 0-300": (saved("big.npz", x=np.arange(1280).reshape(20, 8, 8)), ("big.npz: x", "0 to 1279")),
    "NaN": (saved("nan.npy", x=np.full((20, 8, 8), np.nan)), ("nan.npy", "finite", "row 0")),
    "object array": (saved("o.npy", x=np.array([{}, {}])), ("o.npy", "Python objects")),
    "object archive": (saved("o.npz", x=np.array([{}, {}])), ("o.npz", "Python objects")),
    "text array": (saved("s.npy", x=np.array([["a"], ["b"]])), ("s.npy", "numeric")),
    "truncated npy": (truncated(saved("t.npy", x=np.zeros((20, 8, 8))), 0.7), ("t.npy", "complete")),
    "truncated npz": (truncated(saved("t.npz", x=np.zeros((20, 8, 8))), 0.7), ("t.npz", "complete")),
    "empty npy": (text("e.npy", ""), ("e.npy", "complete")),
    "text called npz": (text("e.npz", "hello"), ("e.npz", "unknown content")),
    "no main array": (saved("m.npz", a=np.zeros((20, 3)), b=np.zeros((20, 4))), ("m.npz", "a, b")),
    "one axis": (saved("v.npy", x=RAMP), ("v.npy", "(20,)")),
    "tiny pictures": (saved("v.npy", x=np.zeros((20, 4, 4), np.uint8)), ("4x4", "size")),
    "one matrix row": (saved("v.npy", x=np.array([[1.0, 2.0]])), ("at least 10", "got 1")),
    "empty table": (text("t.csv", ""), ("t.csv", "empty file")),
    "header only": (text("t.csv", "a,b\n"), ("t.csv", "header only")),
    "one row": (text("t.csv", "a,b\n1,2\n"), ("at least 10", "got 1")),
    "no header": (text("t.csv", NUMBERS), ("first line of t.csv", "header")),
    "ragged rows": (text("t.csv", f"a,b\n{NUMBERS}\n1,2,3\n"), ("t.csv", "Expected 2 columns")),
    "not UTF-8": (text("t.csv", b"a,b\n\xff\xfe,1\n"), ("t.csv", "UTF-8", "column 'a'")),
    "same column twice": (text("t.csv", f"a,a\n{NUMBERS}"), ("t.csv", "'a' twice")),
    "text among numbers": (text("t.csv", f"a,b\n{NUMBERS}\n9,oops\n"), ("column 'b'", "'oops' in row 21")),
    "late text among numbers": (
        text("t.csv", "a,b\n" + "\n".join(f"{i},{i}.5" for i in range(200_000)) + "\n5,oops\n"),
        ("column 'b'", "'oops' in row 200001"),
    ),
    "constant column": (table(a=RAMP, flat=np.ones(20)), ("column 'flat'", "drop it")),
    "two constant columns": (table(a=RAMP, b=np.ones(20), c=["x"] * 20), ("columns 'b', 'c'", "drop them")),
    "all missing": (table(a=RAMP, gone=pa.nulls(20, pa.float64())), ("column 'gone'", "missing")),
    "all missing text": (text("t.csv", "a,b\n" + "\n".join(f"{i}," for i in range(20))), ("column 'b'", "missing")),
    "infinite value": (table(a=[*RAMP[:-1], float("inf")]), ("column 'a'", "inf in row 20")),
    "too many categories": (
        table(a=np.arange(300.0), word=[f"w{i // 2}" for i in range(300)]),
        ("column 'word'", "150 different values"),
    ),
    "dates": (text("t.csv", "a,day\n" + "\n".join(f"{i},2024-01-{i + 1:02d}" for i in range(20))), ("column 'day'",)),
    "nested column": (table(a=RAMP, nest=[[1, 2]] * 20), ("column 'nest'", "list")),
    "truncated Parquet": (truncated(table(a=RAMP), 0.6), ("t.parquet", "cannot be read")),
    "text called Parquet": (text("t.parquet", "hello"), ("t.parquet", "cannot be read")),
    "only an id": (table(name=[f"n{i}" for i in range(20)]), ("a column or more",)),
}


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("case", CASES)
def test_a_bad_source_gets_one_line(case: str, tmp_path: Path) -> None:
    write, said = CASES[case]
    path = write(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        open_source(path)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    assert all(part in line for part in said), line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 4}, "size"),
        ({"size": 300}, "size"),
        ({"size": 32.0}, "size"),
        ({"seed": -1}, "seed"),
        ({"label": "Smiling"}, "'Smiling'"),
        ({"memory_limit": -1}, "memory_limit"),
    ],
)
def test_a_bad_option_gets_one_line(options: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=said):
        open_source(pictures(tmp_path / "set"), **options)  # type: ignore[arg-type]


def test_an_unknown_label_column_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'a', 'b'"):
        open_source(text("t.csv", f"a,b\n{NUMBERS}")(tmp_path), label="c")
