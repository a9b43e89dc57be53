"""The spec sheet: measures of a bundle, the pictures that show them, one HTML file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures
from latentarium.applications.evaluation import Evaluation, evaluation_rows
from latentarium.applications.exhibits import exhibits
from latentarium.applications.mapping import map_labels, read_map
from latentarium.applications.paths import blend, traverse
from latentarium.bundle import Bundle, Writer, bytes_writer, json_writer, open_bundle
from latentarium.data.factors import FactorSource, scene, sprites
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.music.notes import notes_of
from latentarium.data.texts import TextModality
from latentarium.distributions import describe
from latentarium.errors import invalid
from latentarium.measures import (
    FeatureMap,
    Measurements,
    ReportContent,
    Section,
    encoder_features,
    findings,
    measure,
    render_report,
)
from latentarium.rng import generator

SHOWN = 20
PIXELS = "pixels"
RENDERED: Mapping[str, Callable[..., FactorSource]] = {"sprites": sprites, "scene": scene}
"""Sets whose label columns are their true factors, and what renders them."""
SHOW_STREAM = 8
TABLE_ROWS = 2
MUSIC_ROWS = 8
TEXT_ROWS = 12


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What `write_sheet` made: scores, the sentence on which rows they are from, and the bundle that holds it."""

    bundle: Bundle
    measurements: Measurements
    which: str
    pictures: Sequence[str]


class SheetOptions(TypedDict, total=False):
    """How a bundle is measured.

    `seed`, `only`, `nulls` and `progress` are those of `latentarium.measure`; `factors` names label columns that are
    true factors of variation, where those of a rendered set are found by themselves; `features` are "pixels", "codes",
    or the path of another bundle whose encoder gives them.
    """

    seed: int
    only: Sequence[str] | None
    factors: Sequence[str]
    nulls: int
    features: str
    progress: Callable[[str, int, int], None] | None


def write_sheet(bundle: Bundle, *, data: str | None = None, **options: Unpack[SheetOptions]) -> Sheet:
    """Measure the bundle's space on its evaluation rows and put measures.json, report.html and pictures into it."""
    evaluation = evaluation_rows(bundle, data=data)
    seed = options.get("seed", 0)
    found = measured(bundle, evaluation, **options)
    sections = show(bundle, evaluation, seed=seed)
    pieces = exhibits(bundle, evaluation, found)
    content = _content(bundle, evaluation, found, sections, pieces)
    drawn = {
        **{section.title: section.pictures for section in sections},
        **{f"{title} evidence": pairs for title, pairs in pieces.items()},
    }
    shown = _files(drawn)
    writers: dict[str, Writer] = {
        "measures.json": json_writer(
            {
                **found.to_json(),
                "findings": [finding.to_json() for finding in findings(found.scores)],
                "rows": evaluation.which,
                "complete": options.get("only") is None,
                "features": options.get("features", PIXELS),
                "seed": seed,
            }
        ),
        "report.html": bytes_writer(render_report(content).encode()),
        **shown,
    }
    return Sheet(bundle=bundle.with_files(writers), measurements=found, which=evaluation.which, pictures=list(shown))


def measured(bundle: Bundle, evaluation: Evaluation, **options: Unpack[SheetOptions]) -> Measurements:
    """Every measure that the bundle's space and the columns of its rows allow."""
    known = {name: evaluation.column(bundle, name) for name in _factor_columns(bundle, options.get("factors", ()))}
    labels = evaluation.column(bundle, "label") if "label" in evaluation.label_names(bundle) else None
    reference = evaluation.reference
    return measure(
        bundle.space,
        bundle.modality.to_array(np.asarray(evaluation.raw)),
        labels=labels,
        factors=known or None,
        reference=None if reference is None else bundle.modality.to_array(np.asarray(reference)),
        seed=options.get("seed", 0),
        only=options.get("only"),
        nulls=options.get("nulls", 0),
        features=_features(bundle, options.get("features", PIXELS)),
        source=_source(bundle),
        progress=options.get("progress"),
    )


def _features(bundle: Bundle, choice: str) -> FeatureMap | str | None:
    if choice in (PIXELS, "codes"):
        return None if choice == PIXELS else choice
    other = open_bundle(Path(choice))
    if other.modality.to_json() != bundle.modality.to_json():
        rule = "pixels, codes, or a bundle learned from data of the same kind and shape"
        raise invalid("features", rule, f"{choice}, of {other.modality.kind} {other.space.data_shape}")
    return encoder_features(other.space)


def _source(bundle: Bundle) -> FactorSource | None:
    """What rendered the bundle's rows, at their size; None for rows of any other origin."""
    data = bundle.manifest["data"]
    if data["name"] not in RENDERED or data["source"] != data["name"]:
        return None
    return RENDERED[data["name"]](size=bundle.modality.data_shape[-1])


def _factor_columns(bundle: Bundle, named: Sequence[str]) -> list[str]:
    if named:
        return list(named)
    rendered = bundle.manifest["data"]["name"] in RENDERED
    return [name for name in bundle.label_names if name != "label"] if rendered else []


def _files(drawn: Mapping[str, Sequence[tuple[str, bytes | str]]]) -> dict[str, Writer]:
    """Pictures as files, named after their part of the report."""
    writers: dict[str, Writer] = {}
    for title, pairs in drawn.items():
        for index, (_, picture) in enumerate(pairs):
            ending = "png" if isinstance(picture, bytes) else "svg"
            name = f"pictures/{title.lower().replace(' ', '-')}{f'-{index + 1}' if index else ''}.{ending}"
            writers[name] = bytes_writer(picture if isinstance(picture, bytes) else picture.encode())
    return writers


def show(bundle: Bundle, evaluation: Evaluation, *, seed: int) -> list[Section]:
    """Sections of the report with the pictures that this kind of data allows."""
    chosen = np.sort(generator(seed, SHOW_STREAM).choice(len(evaluation.raw), min(SHOWN, len(evaluation.raw)), False))
    x = bundle.modality.to_array(np.asarray(evaluation.raw[chosen]))
    sections = _image_sections(bundle, x, seed) if isinstance(bundle.modality, ImageModality) else []
    if isinstance(bundle.modality, GridModality):
        sections = _music_sections(bundle, bundle.modality, x, seed)
    if isinstance(bundle.modality, TextModality):
        sections = _text_sections(bundle, bundle.modality, x, seed)
    if isinstance(bundle.modality, TableModality):
        sections = _table_sections(bundle, bundle.modality, x, evaluation.ids[chosen])
    return [*sections, *_map_sections(bundle), *_curve_sections(bundle)]


def _image_sections(bundle: Bundle, x: NDArray[np.float32], seed: int) -> list[Section]:
    space, png = bundle.space, pictures.png_bytes
    if "decode" not in space.capabilities:
        return []
    codes = bundle.codes[:SHOWN].reshape(-1, *space.shape)
    sections: list[Section] = []
    if "encode" in space.capabilities:
        codes = space.encode(x)
        again = png(pictures.pairs_sheet(x, space.decode(codes), columns=10))
        sections.append(_one("Reconstructions", "Test rows above, their reconstructions below.", again))
    if space.prior is not None:
        words = f"Decoded draws from {describe(space.prior)}."
        sections.append(_one("Samples", words, png(pictures.sheet(space.sample(40, seed=seed), columns=10))))
    if len(codes) >= 4:
        lines = [blend(space, codes[[i, i + 1]], steps=10) for i in range(0, min(8, len(codes) - 1), 2)]
        words = "From one test row to another, left to right."
        sections.append(_one("Interpolations", words, png(pictures.sheet(np.concatenate(lines), columns=10))))
    dimensions, frames = traverse(space, bundle.codes, steps=10)
    words = "Each row moves one latent dimension from -3 to +3 standard deviations; the most varying first."
    labels = [f"z{d}" for d in dimensions]
    return [*sections, _one("Traversals", words, png(pictures.traversals(frames, labels=labels)))]


def _music_sections(bundle: Bundle, modality: GridModality, x: NDArray[np.float32], seed: int) -> list[Section]:
    """Piano rolls: rows with their reconstructions, samples, and the way from one row to another."""
    space = bundle.space

    def rolls(array: NDArray[np.float32]) -> bytes:
        return pictures.png_bytes(pictures.roll_sheet(notes_of(modality, bundle.modality.to_raw(array)), columns=4))

    codes = space.encode(x[:MUSIC_ROWS])
    both = np.stack([x[:MUSIC_ROWS], space.decode(codes)], axis=1).reshape(-1, *x.shape[1:])
    sections = [_one("Reconstructions", "Test rows, each followed by its reconstruction.", rolls(both))]
    if space.prior is not None:
        words = f"Decoded draws from {describe(space.prior)}."
        sections.append(_one("Samples", words, rolls(space.sample(2 * MUSIC_ROWS, seed=seed))))
    if len(codes) >= 2:
        words = "From one test row to another, line by line."
        sections.append(_one("Interpolations", words, rolls(blend(space, codes[:2], steps=8))))
    return sections


def _text_sections(bundle: Bundle, modality: TextModality, x: NDArray[np.float32], seed: int) -> list[Section]:
    """Words: rows with their reconstructions, samples, and the way from one row to another."""
    space = bundle.space

    def words(array: NDArray[np.float32]) -> list[str]:
        return modality.texts(modality.to_raw(array))

    codes = space.encode(x[:TEXT_ROWS])
    pairs = list(zip(words(x[:TEXT_ROWS]), words(space.decode(codes)), strict=True))
    table = pictures.text_table(pairs, headers=("row", "reconstruction"))
    sections = [_one("Reconstructions", "Test rows and what came back; words that are new in colour.", table)]
    if space.prior is not None:
        lines = words(space.sample(TEXT_ROWS, seed=seed))
        caption = f"Decoded draws from {describe(space.prior)}."
        sections.append(_one("Samples", caption, pictures.text_table([[line] for line in lines])))
    if len(codes) >= 2:
        lines = words(blend(space, codes[:2], steps=8))
        caption = "From one test row to another, line by line."
        sections.append(_one("Interpolations", caption, pictures.text_table([[line] for line in lines])))
    return sections


def _table_sections(
    bundle: Bundle, modality: TableModality, x: NDArray[np.float32], ids: NDArray[Any]
) -> list[Section]:
    """A few rows and their reconstructions, feature by feature."""
    if not {"encode", "decode"} <= bundle.space.capabilities:
        return []
    rows = x[:TABLE_ROWS]
    names = feature_names(modality)
    pairs = zip(rows, bundle.space.reconstruct(rows), ids, strict=False)
    drawn = [(f"row {name}", pictures.feature_bars(row, again, names)) for row, again, name in pairs]
    words = "Test rows and their reconstructions; numbers in standard deviations."
    return [Section(title="Reconstructions", caption=words, pictures=drawn)]


def feature_names(modality: TableModality) -> list[str]:
    """A name for each place of a table's array row."""
    blocks = modality.blocks
    names = [modality.names[i] for i in blocks.numeric_columns]
    names += [f"{modality.names[i]} missing" for i in blocks.missing_columns]
    for i in blocks.categorical_columns:
        names += [f"{modality.names[i]} = {category}" for category in modality.columns[i].categories]
    return names


def _map_sections(bundle: Bundle) -> list[Section]:
    drawn = []
    for method in bundle.manifest.get("maps", {}):
        found = read_map(bundle, method)
        labels = map_labels(bundle, found.ids)
        quality = found.quality.get("trustworthiness")
        words = f"{_METHODS.get(method, method)} of {len(found.ids):,} codes"
        words += f", trustworthiness {quality:.3f}" if quality is not None else ""
        drawn.append((words, pictures.map_plot(found.coordinates, labels)))
    words = "Codes in two dimensions, coloured by label."
    return [Section(title="Maps", caption=words, pictures=drawn)] if drawn else []


_METHODS = {"pca": "PCA", "tsne": "t-SNE"}


def _curve_sections(bundle: Bundle) -> list[Section]:
    """How the fit went."""
    history = _history(bundle)
    if len(history) < 2:
        return []
    key, label = _watched(history[-1])
    curve = pictures.history_plot(history, series={key: f"validation {label}"})
    return [_one("Training", "What the fit was judged by on validation rows, over its steps.", curve)]


def _watched(record: Mapping[str, Any]) -> tuple[str, str]:
    """The figure of a validation that a fit is judged by, and what to call it."""
    if "coverage" in record:
        return "coverage", "coverage"
    return ("negative_elbo", "negative ELBO (nats)") if record["rate"] else ("distortion", "distortion (nats)")


def _history(bundle: Bundle) -> list[dict[str, Any]]:
    if not bundle.has("history.jsonl"):
        return []
    return [json.loads(line) for line in bundle.file("history.jsonl").read_text(encoding="utf-8").splitlines()]


def _content(
    bundle: Bundle,
    evaluation: Evaluation,
    found: Measurements,
    shown: Sequence[Section],
    pieces: Mapping[str, Sequence[tuple[str, bytes | str]]],
) -> ReportContent:
    made = bundle.manifest["provenance"]
    data = bundle.manifest["data"]
    architecture = bundle.manifest.get("architecture", {})
    settings = made.get("settings", {})
    facts = [
        ("data", f"{data['name']}, {data['rows']:,} rows"),
        ("model", f"{settings.get('model', 'space').upper()}, {architecture.get('net', '')} nets"),
        ("latent size", " x ".join(map(str, bundle.manifest["shape"]))),
        ("likelihood", made.get("likelihood", {}).get("name", "")),
        ("parameters", f"{made.get('parameters', 0):,}"),
        ("training", f"{made.get('steps', 0):,} steps in {made.get('seconds', 0):.0f} s"),
        ("seed", str(settings.get("seed", ""))),
    ]
    return ReportContent(
        title=bundle.name,
        subtitle=f"Measured on {evaluation.which}.",
        facts=[(name, value) for name, value in facts if value],
        measurements=found,
        sections=shown,
        exhibits=pieces,
        notes=made.get("alarms", ()),
        command=f"latentarium fit --config {bundle.path.name} --out again" if data["source"] else "",
        settings=settings,
        version=made.get("versions", {}).get("latentarium", ""),
    )


def _one(title: str, caption: str, picture: bytes | str) -> Section:
    return Section(title=title, caption=caption, pictures=[("", picture)])
