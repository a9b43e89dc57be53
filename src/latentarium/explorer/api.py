"""What the server is asked and what it answers: the types of its requests, of its answers and of every error."""

from typing import Literal

from pydantic import ConfigDict, Field

from latentarium.explorer.wire import Wire


class Asked(Wire):
    """Base of what a page sends: numbers are numbers, not text that looks like them."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DecodeRequest(Asked):
    """Latent points (n, d) of the space in the folder `space`."""

    space: str
    z: list[list[float]]


class EncodeRequest(Asked):
    """Rows in array units, flattened (n, values), of the space in the folder `space`."""

    space: str
    x: list[list[float]]


class RowsRequest(Asked):
    """Rows by their places in the view of the space in the folder `space`, whole numbers from 0."""

    space: str
    rows: list[float]


class EditRequest(Asked):
    """Changes to rows of the view, or to codes `z` (n, d), of the space in the folder `space`.

    `set` gives for an attribute how far to move it, in units of log-odds or of a number's standard deviations, or for a
    column of several values its new one; attributes and columns in `keep` stay, those in part with `slack`.
    """

    space: str
    rows: list[float] | None = None
    z: list[list[float]] | None = None
    set: dict[str, float | str]
    keep: list[str] = Field(default_factory=list)
    slack: float = 0.0


class EditEffect(Wire):
    """What an edit did to one attribute, the mean over the rows: read in the codes, and in what they decode to."""

    name: str
    role: Literal["set", "kept", "other"]
    before: float
    after: float
    seen_before: float | None = None
    seen_after: float | None = None


class EditAnswer(Wire):
    """Edited codes (n, d); what became of each attribute; how much others moved; percentiles of how far out each code
    was and is, and whether it left the data; how far it went, and how much what it decodes to changed.
    """

    z: list[list[float]]
    attributes: list[EditEffect]
    leakage: float | None
    typicality: list[tuple[float, float]]
    left_data: list[bool]
    length: float
    change: list[float]


class EncodeAnswer(Wire):
    """Codes (n, d)."""

    z: list[list[float]]


class ErrorFacts(Wire):
    """What went wrong in one line, and the HTTP status."""

    message: str
    status: int


class ErrorAnswer(Wire):
    """The one shape of every error."""

    error: ErrorFacts
