"""What the page reads: the types of its JSON files, from which its TypeScript is made; `api` has those of requests."""

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


class MelodyKind(Wire):
    """Melodies of one voice: arrays hold the probability of each symbol at each sixteenth, (symbols, 16 bars).

    Symbol 0 is silence, 1 lets the note before go on, k from `first` strikes MIDI pitch k - `first` + `lowest`. Nearly
    all notes of the rows at hand are from `low` to `high`.
    """

    kind: Literal["melody"] = "melody"
    bars: int
    symbols: int
    first: int
    lowest: int
    low: int
    high: int


class DrumKind(Wire):
    """Drum patterns: arrays hold the probability of each stroke, (drums, 16 bars); `pitches` are those of General MIDI
    that count as each drum, the first is played.
    """

    kind: Literal["drums"] = "drums"
    bars: int
    names: list[str]
    pitches: list[list[int]]


class TextKind(Wire):
    """Lines of text: arrays hold the probability of each symbol at each step, (symbols, steps).

    `pieces` is what each symbol stands for: 0 ends a line, 1 is a character that is not known, then come single
    characters, then what pairs of symbols give that are merged, in the order of `merges`.
    """

    kind: Literal["text"] = "text"
    steps: int
    pieces: list[str]
    merges: list[tuple[int, int]]


class SentenceKind(Wire):
    """Sentences, of which there are vectors and no way back."""

    kind: Literal["sentences"] = "sentences"


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
    and the 99th percentile of the rows' scores, `quality` says how well held-out rows are read. `id` is what it is
    called where it is set or kept, and `column` the label that it is a value of, or itself.
    """

    name: str
    id: str
    column: str
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
    """Rows that are no pictures: of tables as arrays, of melodies, drums and lines raw; `rows` as for thumbs."""

    values: ArrayFile
    rows: ArrayFile | None


class Lines(Wire):
    """What the rows say: a JSON list of the texts of the first `count`."""

    file: str
    count: int


class Parked(Wire):
    """Rows without a place: their codes are not finite. `ids` are those of the first hundred."""

    count: int
    ids: list[str]


class Loop(Wire):
    """How a decoder that takes one symbol after another is run: `Graph.file` gives from z what each step is told,
    (n, width, steps), and `file` from that, the symbol before (`first` where there is none) and a state of `state`
    zeros, set to zeros again every `restart` steps, the log probabilities of the next symbol and the next state. After
    the symbol `end`, where there is one, nothing comes but itself.
    """

    file: str
    steps: int
    symbols: int
    state: int
    first: int
    restart: int
    end: int | None


class Graph(Wire):
    """A network for the page: an ONNX file and pairs of input and output it must reproduce to `tolerance`.

    `psnr` is of one with weights in 8 bits alone: how near its outputs are to those of the trained network, in dB.
    """

    file: str
    loop: Loop | None
    bytes: int
    inputs: ArrayFile
    outputs: ArrayFile
    conditions: int
    tolerance: float
    psnr: float | None


class View(Wire):
    """view.json: everything the page knows of a space.

    Its rows are in one random order, so that the first ones are a fair sample.

    `first` is the row to begin with: one that is reconstructed as well as half of them. `decodes` and `encodes` say
    whether the space has a decoder and an encoder at all, `small` is the decoder with weights in 8 bits, where these
    do; an exported site has it in place of the other.
    """

    version: Literal[1] = VIEW_VERSION
    made_from: str
    name: str
    subject: str
    facts: list[tuple[str, str]]
    rows: int
    parked: Parked
    first: int
    decoded_rows: bool
    dim: int
    shape: list[int]
    modality: ImageKind | TableKind | MelodyKind | DrumKind | TextKind | SentenceKind = Field(discriminator="kind")
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
    lines: Lines | None
    decodes: bool
    encodes: bool
    decoder: Graph | None
    small: Graph | None
    encoder: Graph | None
    report: str | None
    notes: list[str]
    files: dict[str, FileFacts]


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
