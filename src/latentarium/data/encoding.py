"""Files of text as text: UTF-8, or a line that says where they are not."""

from pathlib import Path

from latentarium.errors import InvalidInput, invalid


def read_utf8(path: Path, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises
    ------
    InvalidInput
        Calling the file `name`, with the line that is not UTF-8 and how to convert it.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput(
            f"{name} must be text in UTF-8, got the byte 0x{data[error.start]:02x} in line {line}; convert it, "
            f"for instance with: iconv -f latin1 -t utf-8 {path.name}"
        ) from None
    if "\0" in text:
        raise invalid(name, "text in UTF-8", "a NUL character", "convert it, for instance from UTF-16 with iconv")
    return text
