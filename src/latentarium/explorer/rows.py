"""What a view says of the rows: labels, reconstruction errors, and the rows themselves as small pictures."""

import dataclasses
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures
from latentarium.applications.evaluation import source_rows
from latentarium.arrays import FloatArray, batches
from latentarium.bundle import Bundle
from latentarium.data.draft import TEXT
from latentarium.data.modalities import ImageModality
from latentarium.data.sentences import SentenceModality
from latentarium.errors import LatentariumError
from latentarium.explorer.draft import Draft
from latentarium.explorer.kinds import RAW, WRITTEN
from latentarium.explorer.wire import (
    PERCENTILES,
    ArrayFile,
    CategoryColumn,
    Inputs,
    Lines,
    NumberColumn,
    Parked,
    Thumbs,
)
from latentarium.measures.report import readable
from latentarium.rng import generator

MOST_NAMES = 255
_OTHER, _KEPT = "other", "evaluation.safetensors"
SHEET, SMALL = 2048, 64
"""Pixels a side of a sheet, and of a thumbnail where all of them at full size would be too many."""
MOST_PIXELS = 2**26
MOST_VALUES = 2**22
MOST_LINES, LONGEST_LINE = 100_000, 1000
_QUALITY = 90
_CHUNK, _AT_ONCE = 4096, 512
_ORDER_STREAM, _MOST_PARKED = 21, 100


def row_order(codes: FloatArray) -> NDArray[np.int64]:
    """Row of the bundle behind each row of its view: one random order, so that the first ones are a fair sample.

    Rows whose codes are not finite lie nowhere, and are left out.
    """
    order = generator(0, _ORDER_STREAM).permutation(len(codes))
    return order[np.isfinite(codes[order]).all(1)]


def parked(bundle: Bundle, order: NDArray[np.int64]) -> Parked:
    """The rows that are left out of `order`, the first hundred by their ids."""
    left = np.setdiff1d(np.arange(len(bundle.codes)), order)
    return Parked(count=len(left), ids=bundle.ids[left[:_MOST_PARKED]].tolist())


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Rows whose raw form is at hand: their places in the view, ascending, and the raw rows."""

    places: NDArray[np.int64]
    raw: Any
    taken: NDArray[np.int64]

    def array(self, bundle: Bundle, part: slice | NDArray[np.int64]) -> FloatArray:
        """Those rows in array units."""
        return bundle.modality.to_array(np.asarray(self.raw[self.taken[part]]))


def shown_rows(bundle: Bundle, order: NDArray[np.int64]) -> Shown:
    """All rows where the source is at hand, else those kept in the bundle, else none."""
    try:
        return Shown(places=np.arange(len(order)), raw=source_rows(bundle).raw, taken=order)
    except LatentariumError:
        if not bundle.has(_KEPT):
            return Shown(places=np.arange(0), raw=np.empty((0, 1)), taken=np.arange(0))
        places = places_of(order, len(bundle.codes))[bundle.kept_rows]
        taken = np.argsort(places)[int((places < 0).sum()) :]
        return Shown(places=places[taken], raw=bundle.kept, taken=taken)


def places_of(order: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Place in the view of each of `count` rows of the bundle, -1 for those left out."""
    places = np.full(count, -1, np.int64)
    places[order] = np.arange(len(order))
    return places


def columns(bundle: Bundle, order: NDArray[np.int64], draft: Draft) -> list[CategoryColumn | NumberColumn]:
    """Labels and attributes, and the part of each row where there is more than one."""
    found: dict[str, NDArray[Any]] = {name: bundle.column(name) for name in bundle.label_names if name != TEXT}
    if len(np.unique(bundle.splits)) > 1:
        found["split"] = bundle.splits
    return [_column(number, name, values[order], draft) for number, (name, values) in enumerate(found.items())]


def _column(number: int, name: str, values: NDArray[Any], draft: Draft) -> CategoryColumn | NumberColumn:
    file = f"column-{number}"
    if values.dtype.kind == "f" or (values.dtype.kind in "iu" and len(np.unique(values)) > MOST_NAMES):
        return number_column(file, name, values, draft)
    names, places, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    by_value = np.argsort(names.astype(np.int64) if values.dtype.kind in "iu" else names, kind="stable")
    if len(names) > MOST_NAMES:
        by_value = np.argsort(-counts, kind="stable")[: MOST_NAMES - 1]
    rank = np.full(len(names), len(by_value))
    rank[by_value] = np.arange(len(by_value))
    left = int(counts.sum() - counts[by_value].sum())
    return CategoryColumn(
        name=name,
        title=_title(name),
        values=draft.array(file, rank[places], "u8"),
        names=[*names[by_value].tolist(), *([_OTHER] if left else [])],
        counts=[*counts[by_value].tolist(), *([left] if left else [])],
    )


def number_column(file: str, name: str, values: NDArray[Any], draft: Draft) -> NumberColumn:
    """A column of numbers; its percentiles leave out rows that have none."""
    numbers = values.astype(np.float32)
    seen = numbers[np.isfinite(numbers)]
    seen = seen if len(seen) else np.zeros(1, np.float32)
    percentiles = np.percentile(seen, np.linspace(0, 100, PERCENTILES))
    return NumberColumn(
        name=name,
        title=_title(name),
        values=draft.array(file, numbers, "f32"),
        low=float(seen.min()),
        high=float(seen.max()),
        percentiles=percentiles.tolist(),
    )


def _title(name: str) -> str:
    return readable(name) if name == name.lower() else name


def reconstruction_errors(bundle: Bundle, codes: FloatArray, shown: Shown) -> FloatArray | None:
    """Mean squared error of each row that is at hand, NaN for others; None where that says nothing.

    It says nothing where the space cannot decode, or where the rows at hand are decoded ones.
    """
    if "decode" not in bundle.space.capabilities or bundle.manifest["data"].get("decoded") or not len(shown.places):
        return None
    # many rows at once: here a row's last bits do not matter, and seconds do
    space = dataclasses.replace(bundle.space, batch_size=_AT_ONCE)
    errors = np.full(len(codes), np.nan, np.float32)
    for part in batches(len(shown.places), _CHUNK):
        places = shown.places[part]
        again = space.decode(codes[places].reshape(-1, *space.shape))
        errors[places] = np.square(again - shown.array(bundle, part)).reshape(len(places), -1).mean(1)
    return errors


def odd_columns(
    errors: FloatArray | None, distances: FloatArray | None, draft: Draft
) -> list[CategoryColumn | NumberColumn]:
    """What makes a row odd, as far as it is known: its error, and how far its code is from others."""
    found = {"reconstruction_error": ("error", errors), "neighbour_distance": ("sparse", distances)}
    return [number_column(file, name, values, draft) for name, (file, values) in found.items() if values is not None]


def typical_row(shown: Shown, errors: FloatArray | None) -> int:
    """Of the first rows at hand the one whose error is in the middle; the first of them where errors are not known."""
    places = shown.places[:_CHUNK]
    if errors is None or not len(places):
        return int(places[0]) if len(places) else 0
    return int(places[np.argsort(errors[places], kind="stable")[len(places) // 2]])


def thumbs(bundle: Bundle, shown: Shown, draft: Draft) -> Thumbs | None:
    """Sheets of small pictures of the rows at hand, at full size while that stays below 64 million pixels."""
    modality = bundle.modality
    if not isinstance(modality, ImageModality) or not len(shown.places):
        return None
    tall, wide = modality.height, modality.width
    if len(shown.places) * tall * wide > MOST_PIXELS and max(tall, wide) > SMALL:
        factor = SMALL / max(tall, wide)
        tall, wide = max(1, round(tall * factor)), max(1, round(wide * factor))
    across, down = SHEET // wide, SHEET // tall
    count = min(len(shown.places), MOST_PIXELS // (tall * wide))
    sheets = [
        draft.add(f"thumbs-{number}.webp", _sheet(shown.array(bundle, part), (wide, tall), across))
        for number, part in enumerate(batches(count, across * down))
    ]
    return Thumbs(
        sheets=sheets,
        width=wide,
        height=tall,
        across=across,
        per_sheet=across * down,
        count=count,
        rows=_index("thumbs-rows", shown.places[:count], draft),
    )


def _sheet(images: FloatArray, size: tuple[int, int], across: int) -> bytes:
    from PIL import Image

    if images.shape[:1:-1] != size:
        whole = (pictures.to_image(image, scale=1).convert("RGBA") for image in images)
        small = np.stack([np.asarray(image.resize(size, Image.Resampling.BOX)) for image in whole])
        images = small.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    stream = io.BytesIO()
    sheet = pictures.sheet(images, columns=across, scale=1, gutter=0)
    (sheet if images.shape[1] == 4 else sheet.convert("RGB")).save(stream, "WEBP", quality=_QUALITY, method=2)
    return stream.getvalue()


def inputs(bundle: Bundle, shown: Shown, draft: Draft) -> Inputs | None:
    """The rows at hand, where these are no pictures: raw where that is shorter, else as arrays."""
    if isinstance(bundle.modality, ImageModality | SentenceModality) or not len(shown.places):
        return None
    raw = isinstance(bundle.modality, RAW)
    width = int(np.prod(shown.raw.shape[1:] if raw else bundle.modality.data_shape))
    count = min(len(shown.places), MOST_VALUES // width)
    part = slice(0, count)
    values = np.asarray(shown.raw[shown.taken[part]]) if raw else shown.array(bundle, part)
    file = draft.array("inputs", values.reshape(count, width), f"u{8 * values.itemsize}" if raw else "f32")
    return Inputs(values=file, rows=_index("inputs-rows", shown.places[:count], draft))


def lines(bundle: Bundle, order: NDArray[np.int64], draft: Draft) -> Lines | None:
    """The texts that came with the rows, where they are lines of text."""
    if TEXT not in bundle.label_names or not isinstance(bundle.modality, WRITTEN):
        return None
    count = min(len(order), MOST_LINES)
    texts = [str(text)[:LONGEST_LINE] for text in bundle.column(TEXT)[order[:count]]]
    file = draft.add("lines.json", json.dumps(texts, ensure_ascii=False).encode())
    return Lines(file=file, count=count)


def _index(name: str, places: NDArray[np.int64], draft: Draft) -> ArrayFile | None:
    """Which row is in which cell; None where they are the first ones in order."""
    return None if np.array_equal(places, np.arange(len(places))) else draft.array(name, places, "u32")
