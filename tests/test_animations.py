"""Films are read back by other means: colours, times, sizes and the text they carry."""

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from latentarium import pictures
from latentarium.errors import InvalidInput, MissingExtra
from latentarium.pictures import Film, to_pixels, write_animation

KINDS = ("GIF", "PNG", "WEBP", "MP4")
EXACT = ("PNG", "WEBP")


def moving_square(frames: int = 12, size: int = 16) -> np.ndarray:
    """A red square that wanders over a still background of four colours, (n, 3, h, w)."""
    ground = np.array([[[0.1, 0.2, 0.9], [0.9, 0.8, 0.1]], [[1.0, 1.0, 1.0], [0.2, 0.7, 0.3]]])
    still = ground.repeat(size // 2, 0).repeat(size // 2, 1).transpose(2, 0, 1)
    out = np.tile(still, (frames, 1, 1, 1))
    for i in range(frames):
        out[i, :, 4:8, i : i + 4] = np.array([0.8, 0.0, 0.1])[:, None, None]
    return out


def many_colours(frames: int = 10) -> np.ndarray:
    """Noise that stays, but for one line: more colours than a GIF has room for."""
    out = np.tile(np.random.default_rng(0).uniform(size=(3, 24, 24)), (frames, 1, 1, 1))
    out[:, :, 5] = np.random.default_rng(1).uniform(size=(frames, 3, 24))
    return out


def read(path: Path, kind: str) -> np.ndarray:
    """Frames of a film, RGB (n, h, w, 3)."""
    if kind == "MP4":
        with av.open(str(path)) as film:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])
    with Image.open(path) as image:
        found = []
        for i in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(i)
            found.append(np.asarray(image.convert("RGB")))
        return np.stack(found)


def milliseconds(path: Path) -> list[int]:
    with Image.open(path) as image:
        found = []
        for i in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(i)
            image.load()
            found.append(image.info["duration"])
        return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_shows_the_frames_in_their_colours(tmp_path: Path, kind: str) -> None:
    frames = to_pixels(moving_square())
    write_animation(tmp_path / "film", frames, Film(kind=kind, seconds=0.5))
    found = read(tmp_path / "film", kind)
    assert found.shape == (12, 256, 256, 3)
    # of each block the middle, where a video has no edge to blur
    seen = found[:, 8::16, 8::16].astype(int)
    assert np.abs(seen - frames[..., :3]).max() <= (6 if kind == "MP4" else 0)
    if kind != "MP4":
        assert np.array_equal(found, frames[..., :3].repeat(16, 1).repeat(16, 2))


def test_a_gif_has_one_palette_and_still_pixels_stay(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    frames = to_pixels(many_colours())
    write_animation(path, frames, Film(kind="GIF", seconds=1, scale=1))
    found = read(path, "GIF")
    rest = np.delete(found, 5, axis=1)
    assert (rest == rest[0]).all()
    assert np.abs(found.astype(int) - frames[..., :3]).mean() < 12
    assert local_palettes(path.read_bytes()) == (10, 0)


def local_palettes(data: bytes) -> tuple[int, int]:
    """How many frames a GIF has, and how many of them bring a palette of their own."""
    at, frames, own = 13 + (3 << ((data[10] & 7) + 1)), 0, 0
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            frames, flags = frames + 1, data[at + 9]
            own += flags >> 7
            at += 11 + ((3 << ((flags & 7) + 1)) if flags & 0x80 else 0)
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return frames, own


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_frames_last_as_long_as_said_and_repeat(tmp_path: Path, kind: str) -> None:
    frames = to_pixels(moving_square(7))
    write_animation(tmp_path / "film", frames, Film(kind=kind, seconds=1))
    lengths = milliseconds(tmp_path / "film")
    assert sum(lengths) == 1000
    assert max(lengths) - min(lengths) <= 10
    with Image.open(tmp_path / "film") as image:
        assert image.info["loop"] == 0


def test_a_video_has_its_length_and_says_what_its_colours_mean(tmp_path: Path) -> None:
    write_animation(tmp_path / "film", to_pixels(moving_square(10)), Film(kind="MP4", seconds=0.8))
    with av.open(str(tmp_path / "film")) as film:
        (stream,) = film.streams.video
        assert float(stream.duration * stream.time_base) == pytest.approx(0.8)
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_frames_give_the_same_bytes_and_the_text_comes_back(tmp_path: Path, kind: str) -> None:
    frames, text = to_pixels(moving_square()), '{"rows": ["a b", "\\u00e9"], "long": "' + 3000 * "x" + '"}'
    for name in ("one", "two"):
        write_animation(tmp_path / name, frames, Film(kind=kind, seconds=1, text=text))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = (pictures.read_video_text if kind == "MP4" else pictures.read_text)(tmp_path / "one")
    assert found == text


@pytest.mark.parametrize(("size", "scale", "sides"), [(9, None, 270), (9, 3, 36), (300, None, 300), (301, None, 602)])
def test_a_video_has_even_sides(tmp_path: Path, size: int, scale: int | None, sides: int) -> None:
    frames = to_pixels(np.zeros((2, 1, size, size)))
    write_animation(tmp_path / "film", frames, Film(kind="MP4", seconds=1, scale=scale))
    assert read(tmp_path / "film", "MP4").shape[1:3] == (sides, sides)


def test_transparent_pixels_are_white_where_there_is_no_transparency(tmp_path: Path) -> None:
    clear = np.zeros((2, 4, 16, 16))
    clear[1, 3, :8] = 0.5
    for kind in KINDS:
        write_animation(tmp_path / kind, to_pixels(clear), Film(kind=kind, seconds=1))
    for kind in ("GIF", "MP4"):
        found = read(tmp_path / kind, kind)
        assert found[0].min() >= 253
        assert abs(int(found[1, 60, 60, 0]) - 127) <= 2
    for kind in EXACT:
        with Image.open(tmp_path / kind) as image:
            assert image.convert("RGBA").getpixel((3, 3))[3] == 0  # type: ignore[index]


def test_progress_counts_the_frames(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_animation(
        tmp_path / "film",
        to_pixels(moving_square(4)),
        Film(kind="GIF", seconds=1),
        progress=lambda *at: seen.append(at),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_more_frames_than_viewers_show_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="frames must be at most 10, 50 a second in 0.2 s of GIF, got 12"):
        write_animation(tmp_path / "film", to_pixels(moving_square()), Film(kind="GIF", seconds=0.2))
    assert not any(tmp_path.iterdir())


def test_without_pyav_a_video_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"MP4 files need PyAV: pip install 'latentarium\[video\]'"):
        write_animation(tmp_path / "film", to_pixels(moving_square()), Film(kind="MP4", seconds=1))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_carries_a_text(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", (4, 4), "red")
    path = tmp_path / f"a.{kind.lower()}"
    image.save(path, **pictures.text_options(kind, '{"a": 1}'))
    assert pictures.read_text(path) == '{"a": 1}'
    image.save(path)
    assert pictures.read_text(path) is None
    image.save(path, **pictures.text_options(kind, "x" * 70_000))
    assert pictures.read_text(path) == ("x" * 70_000 if kind in ("PNG", "GIF") else None)


def test_what_is_no_picture_has_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="the file must be a readable picture, got 'a.png'"):
        pictures.read_text(path)
    with pytest.raises(InvalidInput, match="the file must be a video, got 'a.mp4'"):
        pictures.read_video_text(path.rename(tmp_path / "a.mp4"))


WIDE = """
import sys, numpy as np
from pathlib import Path
from latentarium.pictures import Film, write_animation
y, x, time = np.mgrid[:28, :28, :20].astype(np.uint8).transpose(0, 3, 1, 2)
frames = np.stack([9 * x + 5 * time, 7 * y + 3 * time, 4 * x + 8 * y, np.full_like(x, 255)], axis=-1)
write_animation(Path(sys.argv[1]), frames, Film(kind="MP4", seconds=0.8, scale=10))
"""


@pytest.mark.parametrize("fill", [1, 85, 170])
def test_a_video_does_not_depend_on_what_lay_in_memory(tmp_path: Path, fill: int) -> None:
    """280 pixels are 17.5 macroblocks; glibc fills what is allocated with MALLOC_PERTURB_."""
    found = []
    for value in (0, fill):
        path = tmp_path / f"{value}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": str(value)}
        subprocess.run([sys.executable, "-c", WIDE, str(path)], env=environment, check=True)
        found.append(path.read_bytes())
    assert found[0] == found[1]
