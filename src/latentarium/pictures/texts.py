"""A line of text inside a picture file: a text chunk of a PNG, the comment of a GIF, Exif in WebP and JPEG."""

from pathlib import Path
from typing import Any

from latentarium.errors import invalid

TEXT_KEY = "latentarium"
EXIF_DESCRIPTION = 0x010E
LONGEST_EXIF = 60_000
"""Characters; a JPEG has room for 64 KB of Exif."""


def text_options(kind: str, text: str) -> dict[str, Any]:
    """What to pass on to PIL's `save` in a format (PNG, GIF, WEBP, JPEG), so that the file holds an ASCII `text`.

    A text that is too long for the format is left out.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if not text or (kind not in ("PNG", "GIF") and len(text) > LONGEST_EXIF):
        return {}
    if kind == "GIF":
        return {"comment": text.encode()}
    if kind == "PNG":
        chunks = PngInfo()
        chunks.add_text(TEXT_KEY, text)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[EXIF_DESCRIPTION] = text
    return {"exif": exif.tobytes()}


def read_text(path: Path) -> str | None:
    """The text in a picture file, whoever wrote it; None where there is none.

    Raises
    ------
    InvalidInput
        When the file is no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            found = image.info.get(TEXT_KEY) or image.info.get("comment") or image.getexif().get(EXIF_DESCRIPTION)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise invalid("the file", "a readable picture", path.name) from None
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found
