"""Frames in time as files: GIF, animated PNG and WebP by Pillow, MP4 by PyAV.

All frames of a GIF share one palette, so that nothing flickers that does not change. Small pictures are enlarged with
hard pixel edges to a size at which a film is watched.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import MissingExtra, invalid
from latentarium.pictures.images import Pixels
from latentarium.pictures.texts import text_options

if TYPE_CHECKING:
    from PIL.Image import Image

MOVING: Mapping[str, str] = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP", ".mp4": "MP4"}
"""Endings of files that frames in time can be written to, and their formats."""
FASTEST: Mapping[str, int] = {"GIF": 50, "PNG": 60, "WEBP": 60, "MP4": 120}
"""Frames a second; viewers slow a GIF down to ten a second that asks for more than 50."""
WATCHED = 256
"""Pixels of the longer side that a film has at least."""
COLOURS = 255
"""Of a GIF; the one left over stands for pixels that stay as they are."""
H264 = {"crf": "14", "preset": "slow", "x264-params": "asm=SSE2"}
"""x264's routines for AVX-512 read past the end of a row of macroblocks that are no multiple of eight, so that bytes
depend on what lay in memory before; those for SSE2, which every x86-64 has, give the bits of its plain C."""
BT709, LIMITED = 1, 1
"""Numbers by which a video says what its colours mean; players guess for one that does not."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Film:
    """How frames become a file.

    Parameters
    ----------
    kind : GIF, PNG or WEBP, which play in a loop, or MP4
    seconds : how long it is
    scale : whole factor to enlarge by; None picks one at which small frames can be watched
    text : a line of ASCII that the file carries
    """

    kind: str
    seconds: float
    scale: int | None = None
    text: str = ""


def write_animation(path: Path, frames: Pixels, film: Film, *, progress: Progress | None = None) -> None:
    """Write pixels (n, h, w, 4) as a film, to a `path` of any name; the same frames give the same bytes.

    Transparent pixels are white in GIF and MP4. An MP4 has even sides: an odd scale may become the next even one.

    Raises
    ------
    InvalidInput
        For more frames a second than the format can show.
    MissingExtra
        For an MP4 where PyAV is not installed.
    """
    count, kind = len(frames), film.kind
    check_animation(count, film.seconds, kind=kind)
    shown = _told(_images(frames, film), count, progress)
    if kind == "MP4":
        _write_video(path, shown, Fraction(count / film.seconds).limit_denominator(1001), film.text)
        return
    first = next(shown)
    first.save(
        path,
        format=kind,
        save_all=True,
        # Pillow goes through those of the others twice
        append_images=shown if kind == "GIF" else list(shown),
        duration=_durations(count, film.seconds, unit=10 if kind == "GIF" else 1),
        loop=0,
        **_format_options(kind, first),
        **text_options(kind, film.text),
    )


def check_animation(frames: int, seconds: float, *, kind: str) -> None:
    """Refuse a film that `write_animation` could not write, before its frames are made."""
    fastest = FASTEST[kind]
    if frames > fastest * seconds:
        rule = f"at most {int(fastest * seconds)}, {fastest} a second in {seconds:g} s of {kind}"
        raise invalid("frames", rule, frames, "give more seconds")
    if kind == "MP4":
        _pyav()


def read_video_text(path: Path) -> str | None:
    """The comment in a video file, None where there is none.

    Raises
    ------
    InvalidInput
        When the file is no video.
    MissingExtra
        When PyAV is not installed.
    """
    av = _pyav()
    try:
        with av.open(str(path)) as film:
            return film.metadata.get("comment")
    except av.FFmpegError as error:
        raise invalid("the file", "a video", path.name, error.strerror or "") from None


def _images(frames: Pixels, film: Film) -> Iterator["Image"]:
    """The frames one by one, enlarged, in the colours of the format."""
    from PIL import Image

    times = _times(frames.shape[1:3], film)
    if film.kind == "GIF":
        numbers, palette = _one_palette(_on_white(frames))
        for plane in numbers:
            big = _enlarged(plane, times)
            image = Image.frombytes("P", big.shape[::-1], big.tobytes())
            image.putpalette(palette)
            yield image
        return
    flat = film.kind == "MP4" or bool((frames[..., 3] == 255).all())
    for frame in frames:
        yield Image.fromarray(_enlarged(_on_white(frame) if flat else frame, times))


def _one_palette(frames: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bytes]:
    """Colour numbers (n, h, w) of frames (n, h, w, 3) in one palette for all of them, and its bytes."""
    from PIL import Image

    count, tall, wide = frames.shape[:3]
    column = Image.fromarray(frames.reshape(count * tall, wide, 3))
    found = column.quantize(COLOURS, dither=Image.Dither.NONE)
    return np.asarray(found).reshape(count, tall, wide), _palette(found)


def _on_white(pixels: Pixels) -> NDArray[np.uint8]:
    """RGBA (.., 4) over white, RGB (.., 3)."""
    opaque = pixels[..., 3:].astype(np.uint16)
    return ((pixels[..., :3] * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def _times(size: tuple[int, ...], film: Film) -> int:
    times = film.scale or -(-WATCHED // max(size))
    odd = film.kind == "MP4" and any(side * times % 2 for side in size)
    return times + 1 if odd else times


def _enlarged(plane: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    return plane.repeat(times, axis=0).repeat(times, axis=1)


def _format_options(kind: str, first: "Image") -> dict[str, Any]:
    if kind == "WEBP":
        return {"lossless": True}
    # the palette is said once more, or Pillow writes it with each frame
    return {"palette": _palette(first), "optimize": True} if kind == "GIF" else {}


def _palette(image: "Image") -> bytes:
    """Without the entry that stands for unchanged pixels."""
    return bytes((image.getpalette() or [])[: 3 * COLOURS])


def _durations(count: int, seconds: float, *, unit: int) -> list[int]:
    """Milliseconds of each frame in whole units, which add up to the whole."""
    ends = np.rint(np.arange(count + 1) * (1000 * seconds / count / unit)).astype(int)
    return (np.diff(ends) * unit).tolist()


def _told(images: Iterator["Image"], count: int, progress: Progress | None) -> Iterator["Image"]:
    for done, image in enumerate(images, 1):
        yield image
        if progress is not None:
            progress(done, count)


def _write_video(path: Path, images: Iterator["Image"], rate: Fraction, text: str) -> None:
    """H.264 in colours that every player shows; one thread, since their number decides the bytes."""
    av = _pyav()
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        film.metadata["comment"] = text
        first = next(images)
        stream: Any = film.add_stream("libx264", rate=rate, options=H264)
        stream.width, stream.height, stream.pix_fmt = *first.size, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        for image in chain([first], images):
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            film.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)))
        film.mux(stream.encode())


def _pyav() -> Any:
    try:
        import av
    except ImportError:
        raise MissingExtra("MP4 files need PyAV: pip install 'latentarium[video]', or write .gif or .webp") from None
    return av
