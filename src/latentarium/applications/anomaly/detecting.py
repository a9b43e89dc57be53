"""Odd rows of new data by a bundle's space: the scores of every row, and a page with the oddest of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import __version__, pictures
from latentarium.applications.anomaly.detector import REFERENCE_ROWS, REFERENCE_VALUES, LatentOutlierDetector
from latentarium.applications.evaluation import source_rows
from latentarium.applications.specsheet import feature_names
from latentarium.arrays import FloatArray, batches, check_positive_int, rows_within
from latentarium.bundle import Bundle, arrow_table
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.music.notes import notes_of
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.files import replacing
from latentarium.measures import Section
from latentarium.measures.detection import (
    Drift,
    Threshold,
    benjamini_hochberg,
    calibration_drift,
    conformal_p_values,
    rows_needed,
)
from latentarium.measures.report import facts_html, html_page, numbers_html, section_html
from latentarium.rng import draw, generator
from latentarium.training.priors import rows_at_once

Array = NDArray[np.float64]
EXPLAINED_ROWS = 4096
"""Maps are as large as their rows in double precision."""
WRITTEN_ROWS = 16_384
CALIBRATION_ROWS = 10_000
SHOWN_FEATURES, REASONS = 8, 3
"""Features of a row that a page draws, and columns of a table that the results name."""
ROLLS = 4
_REFERENCE, _CALIBRATION, _KEPT = 64, 65, 66


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What was found in `rows`.

    Parameters
    ----------
    rows : the data that were judged
    scores, p_values : of each row, (n,); p-values against the calibration rows
    odd : above the threshold
    discoveries : odd with a controlled share of false ones, at level `rate`
    because : for tables the three columns that add most to each row's score, with their shares of it
    oddest : row numbers, the oddest first
    maps : of those rows, (k, *data_shape); each sums to its score
    floor, scale : fixed ends of the colour scale of maps
    threshold, drift : of the calibration
    which : a sentence on what the rows were compared with
    notes : what a reader should know
    settings : of the detector
    """

    rows: Rows
    scores: Array
    p_values: Array
    odd: NDArray[np.bool_]
    discoveries: NDArray[np.bool_]
    rate: float
    because: "Because | None"
    oddest: NDArray[np.int64]
    maps: Array
    floor: float
    scale: float
    threshold: Threshold
    drift: Drift
    which: str
    notes: tuple[str, ...]
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """What was found, without the rows."""
        return {
            "rows": len(self.rows),
            "compared_with": self.which,
            "odd": int(self.odd.sum()),
            "discoveries": int(self.discoveries.sum()),
            "threshold": self.threshold.to_json(),
            "drift": self.drift.to_json(),
            "oddest": self.rows.ids[self.oddest].tolist(),
            "scores": [float(score) for score in self.scores[self.oddest]],
            "settings": dict(self.settings),
            "notes": list(self.notes),
        }

    def columns(self, part: slice) -> dict[str, Any]:
        """A part of the table of results: a row for each row of the data, labels that came with it included."""
        found: dict[str, Any] = {
            "id": self.rows.ids[part],
            "score": self.scores[part],
            "p_value": self.p_values[part],
            "odd": self.odd[part],
            "discovery": self.discoveries[part],
        }
        if self.because is not None:
            found |= self.because.columns(part)
        return {**found, **{name: values[part] for name, values in self.rows.columns.items() if name not in found}}


def detect(
    bundle: Bundle,
    rows: Rows,
    settings: Mapping[str, Any],
    *,
    data: str | None = None,
    rate: float = 0.1,
    most: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> Detection:
    """Score `rows` with the bundle's space, chunk by chunk.

    Parameters
    ----------
    settings : of `LatentOutlierDetector`, such as scores, alpha, threshold, neighbours
    data : where the bundle's source is now
    rate : share of false ones among the discoveries
    most : how many of the oddest rows are kept with their maps
    progress : called with (rows done, rows in all)
    """
    check_positive_int(most, "--oddest", high=1000)
    if not 0 < rate < 1:
        raise invalid("--fdr", "a share between 0 and 1", rate)
    detector, which = fit_detector(bundle, settings, data=data)
    tell = progress or (lambda *_: None)
    scores, because = np.empty(len(rows)), Because.of(bundle, len(rows))
    for part in batches(len(rows), rows_at_once(bundle.space)):
        x = rows.array(part)
        scores[part] = detector.anomaly_score(x)
        if because is not None:
            for few in batches(len(x), EXPLAINED_ROWS):
                because.hear(slice(part.start + few.start, part.start + few.stop), detector.explain(x[few]))
        tell(part.stop, len(rows))
    oddest = np.argsort(-scores, kind="stable")[:most]
    p_values = conformal_p_values(detector.calibration_scores_, scores)
    discoveries = benjamini_hochberg(p_values, alpha=rate)
    drift = calibration_drift(detector.calibration_scores_, scores)
    impossible = "" if discoveries.any() else too_few(len(rows), len(detector.calibration_scores_), rate)
    return Detection(
        rows=rows,
        scores=scores,
        p_values=p_values,
        odd=scores > detector.threshold_.value,
        discoveries=discoveries,
        rate=rate,
        because=because,
        oddest=oddest,
        maps=detector.explain(rows.array(oddest)),
        floor=detector.map_floor_,
        scale=detector.map_scale_,
        threshold=detector.threshold_,
        drift=drift,
        which=which,
        notes=(*rows.notes, *_notes(detector.threshold_, drift), *filter(None, [impossible])),
        settings={**detector.get_params(deep=False), "space": bundle.name, "fdr": rate},
    )


def _notes(threshold: Threshold, drift: Drift) -> list[str]:
    """What a reader should know of the calibration."""
    way_out = "" if np.isfinite(threshold.value) else "; take a larger --alpha, or --threshold pot"
    return [*(note + way_out for note in threshold.notes), *([drift.words] if drift.broken else [])]


def too_few(rows: int, calibration: int, rate: float) -> str:
    """The sentence that says that no discovery could have been made, or "" where one could."""
    need = rows_needed(rows, alpha=rate)
    if calibration >= need:
        return ""
    return (
        f"a single discovery among {rows:,} rows at a false share of {rate:g} takes {need:,} calibration rows, "
        f"{calibration:,} are at hand: judge fewer rows at a time, or allow a larger --fdr"
    )


def fit_detector(
    bundle: Bundle, settings: Mapping[str, Any], *, data: str | None = None
) -> tuple[LatentOutlierDetector, str]:
    """A detector over the bundle's space, and the sentence on what it compares rows with.

    Reference rows are the training rows of the bundle's source and calibration rows its validation rows, which the
    weights never saw; where the source is not at hand, the two halves of the rows kept in the bundle. With
    `contamination` the oddest share of either is left out.
    """
    detector = LatentOutlierDetector(bundle.space, **{"novelty": "contamination" not in settings, **settings})
    seed = detector.seed
    try:
        source = source_rows(bundle, data=data)
    except LatentariumError:
        if data is not None:
            raise
        return _by_kept_rows(bundle, detector)
    reference = _drawn(source, "train", REFERENCE_ROWS, seed, _REFERENCE)
    calibration = _drawn(source, "validation", CALIBRATION_ROWS, seed, _CALIBRATION)
    which = f"{len(reference):,} training rows, calibrated on {len(calibration):,} validation rows"
    return _fitted(detector, reference, calibration), which + _without(detector)


def _fitted(detector: LatentOutlierDetector, reference: FloatArray, calibration: FloatArray) -> LatentOutlierDetector:
    fitted = detector.fit(reference, calibration_rows=calibration)
    if detector.contamination == "auto":
        return fitted
    left_out = round(float(detector.contamination) * len(calibration))
    usual = np.sort(np.argsort(fitted.calibration_scores_, kind="stable")[: max(1, len(calibration) - left_out)])
    return detector.fit(reference, calibration_rows=calibration[usual])


def _without(detector: LatentOutlierDetector) -> str:
    share = detector.contamination
    return "" if share == "auto" else f", the oddest {float(share):.3g} of both left out"


def _by_kept_rows(bundle: Bundle, detector: LatentOutlierDetector) -> tuple[LatentOutlierDetector, str]:
    kept = bundle.modality.to_array(np.asarray(bundle.kept))
    if len(kept) < 4:
        raise InvalidInput(f"bundle {bundle.path} keeps {len(kept)} rows, too few to compare with; give --data")
    order = generator(detector.seed, _KEPT).permutation(len(kept))
    half = len(kept) // 2
    which = f"{half:,} rows kept in the bundle, calibrated on {len(kept) - half:,} others (the source is not at hand)"
    return _fitted(detector, kept[order[:half]], kept[order[half:]]), which + _without(detector)


def _drawn(source: Rows, part: str, most: int, seed: int, stream: int) -> FloatArray:
    count = rows_within(REFERENCE_VALUES, source.modality.data_shape, most=most)
    return source.array(draw(source.splits[part], count, seed=seed, stream=stream))


class Because:
    """For each row of a table the columns that add most to its score, by number, since rows may be many."""

    def __init__(self, modality: TableModality, count: int) -> None:
        self.owner = column_of_places(modality)
        self.names = np.array(modality.names)
        self.numbers = np.zeros((count, min(REASONS, len(self.names))), np.int32)
        self.shares = np.zeros(self.numbers.shape, np.float32)

    @classmethod
    def of(cls, bundle: Bundle, count: int) -> "Because | None":
        modality = bundle.modality
        return cls(modality, count) if isinstance(modality, TableModality) else None

    def hear(self, part: slice, maps: Array) -> None:
        added = np.stack([maps[:, self.owner == column].sum(1) for column in range(len(self.names))], axis=1)
        top = np.argsort(-added, axis=1, kind="stable")[:, : self.numbers.shape[1]]
        # a bound may take away from the score as well, which is no reason
        whole = np.maximum(np.maximum(added, 0).sum(1, keepdims=True), 1e-300)
        self.numbers[part] = top
        self.shares[part] = np.maximum(np.take_along_axis(added, top, 1), 0) / whole

    def columns(self, part: slice) -> dict[str, NDArray[Any]]:
        """because, share, because_2, share_2, .. of some rows."""
        found: dict[str, NDArray[Any]] = {}
        for place in range(self.numbers.shape[1]):
            ending = f"_{place + 1}" if place else ""
            found[f"because{ending}"] = self.names[self.numbers[part, place]]
            found[f"share{ending}"] = self.shares[part, place]
        return found


def column_of_places(modality: TableModality) -> NDArray[np.int64]:
    """The column that each place of a table's array row belongs to."""
    blocks = modality.blocks
    found = np.empty(blocks.width, np.int64)
    found[blocks.numeric], found[blocks.missing] = blocks.numeric_columns, blocks.missing_columns
    for column, places in zip(blocks.categorical_columns, blocks.groups, strict=True):
        found[places] = column
    return found


def write_table(detection: Detection, path: Path, *, text: str = "") -> None:
    """The results as Parquet, which has room for `text`, or CSV, piece by piece."""
    import pyarrow.csv
    import pyarrow.parquet

    writer = pyarrow.parquet.ParquetWriter if path.suffix.lower() == ".parquet" else pyarrow.csv.CSVWriter
    metadata = {pictures.TEXT_KEY: text} if text else None
    schema = arrow_table(detection.columns(slice(1))).schema.with_metadata(metadata)
    with replacing(path) as temporary, writer(temporary, schema) as file:
        for part in batches(len(detection.rows), WRITTEN_ROWS):
            piece = arrow_table(detection.columns(part))
            file.write_table(piece.replace_schema_metadata(metadata))


def write_maps(detection: Detection, path: Path) -> None:
    """Maps of the oddest rows as .npz: `maps` float32 (k, *data_shape), their `id` and `score`, `floor` and `scale`."""
    found = {
        "maps": detection.maps.astype(np.float32),
        "id": detection.rows.ids[detection.oddest],
        "score": detection.scores[detection.oddest],
        "floor": np.float64(detection.floor),
        "scale": np.float64(detection.scale),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **found)


def odd_pictures(detection: Detection) -> Any:
    """The oddest pictures, or piano rolls, each above its map, in one colour scale for all; None for other data."""
    modality, floor, scale = detection.rows.modality, detection.floor, detection.scale
    if isinstance(modality, GridModality):
        pieces = notes_of(modality, np.asarray(detection.rows.raw[detection.oddest]))
        return pictures.roll_sheet(pieces, columns=ROLLS, marks=detection.maps.sum(1), floor=floor, scale=scale)
    if not isinstance(modality, ImageModality):
        return None
    x = detection.rows.array(detection.oddest)
    return pictures.heat_sheet(x, detection.maps, columns=min(10, len(x)), floor=floor, scale=scale)


def page_text(detection: Detection, bundle: Bundle) -> str:
    """The findings as one HTML page that loads nothing and runs nothing."""
    rows, threshold = detection.rows, detection.threshold
    facts = [
        ("rows", f"{len(rows):,}"),
        ("odd", f"{int(detection.odd.sum()):,}"),
        ("discoveries", f"{int(detection.discoveries.sum()):,} at a false share of {detection.rate:g}"),
        ("threshold", f"{threshold.value:.4g} ({threshold.method}, alpha {threshold.alpha:g})"),
        ("false alarms", f"{threshold.interval[0]:.2%} to {threshold.interval[1]:.2%} of normal rows"),
        ("scores", f"{detection.settings['scores']}, seed {detection.settings['seed']}"),
    ]
    lead = f"Rows of {rows.name} judged by {bundle.name}: compared with {detection.which}."
    notes = (detection.drift.words, *(note for note in detection.notes if note != detection.drift.words))
    head = f'<header><h1>Odd rows</h1><p class="lead">{escape(lead)}</p>{facts_html(facts)}'
    head += "<ul class='notes'>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul></header>"
    body = head + "".join(section_html(section) for section in _sections(detection)) + _oddest_html(detection)
    return html_page("Odd rows", body, version=__version__)


def _sections(detection: Detection) -> list[Section]:
    ordered = np.sort(detection.scores)[::-1]
    curve = ordered[np.linspace(0, len(ordered) - 1, min(200, len(ordered))).astype(np.int64)]
    finite = float(detection.threshold.value) if np.isfinite(detection.threshold.value) else None
    sections = []
    if len(curve) > 1 and curve.min() >= 0:
        plot = pictures.profile_plot(curve, title="Scores", x="share of the rows", y="score", level=finite)
        words = "Scores from the oddest row down; the dashed line is the threshold. 1 is a normal row's mean."
        sections.append(Section(title="Scores", caption=words, pictures=[("", plot)]))
    image = odd_pictures(detection)
    if image is not None:
        words = (
            "The oddest rows, each above what its places add to its score. One colour scale for all: the brightest "
            f"colour is {detection.scale:.3g}, the hottest place of any normal row, or more, and black "
            f"{detection.floor:.3g} or less."
        )
        return [*sections, Section(title="The oddest", caption=words, pictures=[("", pictures.png_bytes(image))])]
    bars = _bars(detection)
    words = "What each feature adds to the score of the oddest rows."
    return [*sections, Section(title="The oddest", caption=words, pictures=bars)] if bars else sections


def _bars(detection: Detection) -> list[tuple[str, str]]:
    modality = detection.rows.modality
    if not isinstance(modality, TableModality):
        return []
    names, drawn = feature_names(modality), []
    for number, parts in zip(detection.oddest[:6], detection.maps, strict=False):
        top = np.argsort(-parts, kind="stable")[:SHOWN_FEATURES]
        plot = pictures.share_bars(parts[top], [names[i] for i in top], title="What adds to the score")
        drawn.append((f"row {detection.rows.ids[number]}, score {detection.scores[number]:.3g}", plot))
    return drawn


def _oddest_html(detection: Detection) -> str:
    rows = (
        (
            detection.rows.ids[i],
            f"{detection.scores[i]:.4g}",
            f"{detection.p_values[i]:.2g}",
            "yes" if detection.odd[i] else "",
            "yes" if detection.discoveries[i] else "",
        )
        for i in detection.oddest
    )
    return numbers_html(("row", "score", "p-value", "odd", "discovery"), rows)
