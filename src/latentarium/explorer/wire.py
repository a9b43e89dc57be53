"""What the page reads: the types of its JSON files and of the server's answers, from which its TypeScript is made."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VIEW_VERSION = 1
PERCENTILES = 101


class Wire(BaseModel):
    """Base of all wire types: a field that is not declared is an error."""

    model_config = ConfigDict(extra="forbid")


class ArrayFile(Wire):
    """A file that is one little-endian array, row by row."""

    file: str
    dtype: Literal["u8", "u16", "u32", "f32"]
    shape: list[int]


class Packed(Wire):
    """An array of whole numbers that stand for value = number * scale + offset, column by column."""

    array: ArrayFile
    scale: list[float]
    offset: list[float]


class FileFacts(Wire):
    """Size and checksum of a file of the view."""

    bytes: int
    sha256: str


class ImageKind(Wire):
    """Pictures: arrays are channels first, 0 to 1."""

    kind: Literal["image"] = "image"
    channels: int
    height: int
    width: int


class TableColumn(Wire):
    """A column of a table; numbers are standardised by `mean` and `std` in the array."""

    name: str
    kind: Literal["numeric", "categorical"]
    mean: float
    std: float
    categories: list[str]
    has_missing: bool


class TableKind(Wire):
    """Tables: arrays hold standardised numbers, then missing-value indicators, then one-hot categories."""

    kind: Literal["table"] = "table"
    columns: list[TableColumn]


class LinearMap(Wire):
    """A map that can be walked back exactly: coordinates = (z - mean) axes^T, `axes` (2, d) orthonormal."""

    mean: list[float]
    axes: list[list[float]]


class MapView(Wire):
    """Coordinates of every row on one map."""

    name: str
    title: str
    points: Packed
    linear: LinearMap | None
    quality: dict[str, float]
    about: str


class CategoryColumn(Wire):
    """A label or attribute with few values."""

    kind: Literal["category"] = "category"
    name: str
    title: str
    values: ArrayFile
    names: list[str]
    counts: list[int]


class NumberColumn(Wire):
    """A label, attribute or score that is a number; NaN where a row has none."""

    kind: Literal["number"] = "number"
    name: str
    title: str
    values: ArrayFile
    low: float
    high: float
    percentiles: list[float]


class Histogram(Wire):
    """Counts of codes in equal bins from low to high."""

    low: float
    high: float
    counts: list[int]


class Dimension(Wire):
    """One direction to slide along: a latent dimension or a principal component.

    `effect` is the root mean square change of the decoded values over one standard deviation.
    """

    name: str
    mean: float
    std: float
    effect: float | None
    active: bool
    histogram: Histogram


class Basis(Wire):
    """Directions to slide along; z = mean + sum of value * axis, `axes` (k, d) orthonormal, None for z itself."""

    name: str
    title: str
    mean: list[float]
    axes: list[list[float]] | None
    order: list[int]
    dimensions: list[Dimension]


class Attribute(Wire):
    """A linear reading of one attribute: score = z . weights + bias, and z + s * vector raises it by s.

    The score of a class is its log-odds, of a number its value as mean + scale * score. `low` and `high` are the first
    and the 99th percentile of the rows' scores, `quality` says how well held-out rows are read.
    """

    name: str
    kind: Literal["class", "number"]
    vector: list[float]
    weights: list[float]
    bias: float
    mean: float
    scale: float
    low: float
    high: float
    quality: str


class Typicality(Wire):
    """Percentiles 0 to 100 of codes' length and of the distance to the tenth nearest of the first `rows` codes."""

    rows: int
    neighbours: int
    centre: list[float]
    length: list[float]
    distance: list[float]


class Thumbs(Wire):
    """Pictures of rows on sheets, cell by cell; `rows` says which row is in which cell, None for the first ones."""

    sheets: list[str]
    width: int
    height: int
    across: int
    per_sheet: int
    count: int
    rows: ArrayFile | None


class Inputs(Wire):
    """Arrays of rows that are no pictures; `rows` as for thumbs."""

    values: ArrayFile
    rows: ArrayFile | None


class Graph(Wire):
    """A network for the page: an ONNX file and pairs of input and output it must reproduce to `tolerance`."""

    file: str
    bytes: int
    inputs: ArrayFile
    outputs: ArrayFile
    conditions: int
    tolerance: float


class View(Wire):
    """view.json: everything the page knows of a space.

    Its rows are in one random order, so that the first ones are a fair sample.

    `first` is the row to begin with: one that is reconstructed as well as half of them.
    """

    version: Literal[1] = VIEW_VERSION
    made_from: str
    name: str
    subject: str
    facts: list[tuple[str, str]]
    rows: int
    first: int
    decoded_rows: bool
    dim: int
    shape: list[int]
    modality: ImageKind | TableKind = Field(discriminator="kind")
    path: Literal["lerp", "slerp"]
    latent: Packed
    ids: str
    maps: list[MapView]
    columns: list[CategoryColumn | NumberColumn]
    bases: list[Basis]
    attributes: list[Attribute]
    typicality: Typicality
    thumbs: Thumbs | None
    inputs: Inputs | None
    decoder: Graph | None
    encoder: Graph | None
    report: str | None
    notes: list[str]
    files: dict[str, FileFacts]


class ReportScore(Wire):
    """One score of the report."""

    name: str
    title: str
    value: float | None
    shown: str
    unit: str
    interval: str
    direction: Literal["higher", "lower", "neither"]
    n: int
    meaning: str
    misleads: str
    headline: bool


class ReportFinding(Wire):
    """Something that stands out, in words."""

    title: str
    words: str
    advice: str


class Report(Wire):
    """report.json: the scores of the bundle's spec sheet."""

    rows: str
    scores: list[ReportScore]
    findings: list[ReportFinding]


class SpaceEntry(Wire):
    """A space that a host serves, and the folder it is in."""

    name: str
    path: str


class Host(Wire):
    """host.json: what is served, and whether a server is there to decode; the one file in which hosts differ."""

    version: Literal[1] = VIEW_VERSION
    generator: str
    api: bool
    spaces: list[SpaceEntry]


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
