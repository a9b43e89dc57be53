"""What codes are worth to a classifier: linear and neighbour probes, and how few labels do."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import __version__, pictures
from latentarium.applications.editing.fitting import r_squared
from latentarium.applications.evaluation import SourceChanged, source_rows
from latentarium.applications.few_labels import NeighbourGraph
from latentarium.applications.search.exact import nearest
from latentarium.arrays import check_positive_int, rows_within
from latentarium.bundle import Bundle
from latentarium.data import open_as, open_like
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.rows import Rows
from latentarium.data.splits import make_splits
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.files import write_text
from latentarium.measures import Section
from latentarium.measures.interpretability.rows import pca_of
from latentarium.measures.report import html_page, numbers_html, section_html
from latentarium.rng import draw, generator
from latentarium.space import Modality

Array = NDArray[np.float64]
COUNTS = (1, 5, 10, 100, 1000)
DRAWS = 10
TRAINED_ON, TESTED_ON = 20_000, 10_000
NEIGHBOURS = 10
_TRAIN, _TEST, _DRAW = 81, 82, 83
_PARTS = (("train", TRAINED_ON, _TRAIN), ("test", TESTED_ON, _TEST))
MOST_CLASSES, MOST_WHOLE = 1000, 50
_RAW_VALUES = 2**26


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How well one model on one kind of features tells a column of test rows.

    Parameters
    ----------
    features : "codes", "PCA" of equal size, or "raw"
    classifier : "linear" (logistic regression; ridge regression of a number), "neighbours" or "spread"
    labels : labels a class it was given; None for all of them
    value : mean over draws of the labels
    interval : 95 % interval of that mean over draws, over test rows where all labels were given; None for one draw
    draws : of the labels
    measure : "accuracy", 0 to 1, or "r2" of a number, at most 1
    """

    features: str
    classifier: str
    labels: int | None
    value: float
    interval: tuple[float, float] | None
    draws: int
    measure: str = "accuracy"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "features": self.features,
            "classifier": self.classifier,
            "labels_per_class": self.labels,
            self.measure: self.value,
            "interval": None if self.interval is None else list(self.interval),
            "draws": self.draws,
        }

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """Features, classifier, labels a class, value and interval in words."""
        shown = "{:.1%}" if self.measure == "accuracy" else "{:.3f}"
        span = "one draw" if self.interval is None else " to ".join(map(shown.format, self.interval))
        return self.features, self.classifier, str(self.labels or "all"), shown.format(self.value), span


def heads(probes: Sequence[Probe]) -> tuple[str, str, str, str, str]:
    """What the columns of a table of `Probe.row` are called."""
    value = "accuracy" if all(probe.measure == "accuracy" for probe in probes) else "R^2"
    return "features", "classifier", "labels a class", value, "95 % interval"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Features of training and test rows and their labels: classes, or floats of a number."""

    train: Mapping[str, Array]
    test: Mapping[str, Array]
    train_labels: NDArray[Any]
    test_labels: NDArray[Any]


def probe_bundle(
    bundle: Bundle,
    label: str,
    *,
    data: str | None = None,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Probe], str]:
    """Probes of a bundle's codes against raw rows and as many principal components of them.

    Training rows teach, test rows judge; at most 20,000 and 10,000, seeded draws. Where the source is not at hand the
    codes stand alone, and the sentence that comes back says so. `data` are the bundle's source in another place, or
    other rows with the label, whose parts are their own or drawn by `seed`.

    Raises
    ------
    InvalidInput
        For a label that the rows lack, or one with fewer than two classes among the training rows.
    """
    found = _own(bundle, label, data, seed) or _others(bundle, label, str(data), seed)
    return run_probes(found[0], counts=counts, draws=draws, seed=seed, progress=progress), found[1]


def _own(bundle: Bundle, label: str, data: str | None, seed: int) -> tuple[Sides, str] | None:
    """The bundle's own rows; None where `data` holds others."""
    if not bundle.label_names and data is None:
        raise InvalidInput(f"the rows of {bundle.path} have no label to tell; bring rows with one: --data DATA")
    try:
        source = source_rows(bundle, data=data)
    except LatentariumError as error:
        if data is not None and isinstance(error, SourceChanged):
            return None
        if data is not None:
            raise
        source, why = None, f"; codes alone ({error})"
    else:
        why = ""
        if len(source) != len(bundle.codes):
            # a slim copy has codes of a few of them
            return None
    values, known = as_labels(bundle.column(label))
    parts = [
        _drawn(bundle.modality, np.flatnonzero((bundle.splits == part) & known), most, seed, stream)
        for part, most, stream in _PARTS
    ]
    if min(map(len, parts)) < 2:
        raise InvalidInput(
            f"{bundle.path} holds {len(parts[0])} training and {len(parts[1])} test rows with a {label}, too few to "
            "probe; bring rows with one: --data DATA"
        )
    codes = [bundle.codes[rows].reshape(len(rows), -1).astype(np.float64) for rows in parts]
    tables = [{"codes": code} for code in codes]
    if source is not None:
        tables = _beside(codes, [source.array(rows) for rows in parts])
    return _sides(tables, [values[rows] for rows in parts]), _which(parts) + why


def _others(bundle: Bundle, label: str, data: str, seed: int) -> tuple[Sides, str]:
    """Rows that the bundle has no codes of."""
    rows = _labelled_rows(bundle, label, data, seed)
    values, known = as_labels(rows.columns[label])
    parts = [
        _drawn(rows.modality, rows.splits[part][known[rows.splits[part]]], most, seed, stream)
        for part, most, stream in _PARTS
    ]
    if min(map(len, parts)) < 2:
        raise invalid(rows.name, "two training and two test rows or more", f"{len(parts[0])} and {len(parts[1])}")
    raw = [rows.array(numbers) for numbers in parts]
    codes = [bundle.space.encode(x).reshape(len(x), -1).astype(np.float64) for x in raw]
    return _sides(_beside(codes, raw), [values[numbers] for numbers in parts]), f"{_which(parts)} of {rows.name}"


def _labelled_rows(bundle: Bundle, label: str, data: str, seed: int) -> Rows:
    """Other rows in parts: their own, or drawn ones."""
    modality = bundle.modality
    if isinstance(modality, ImageModality):
        rows = open_as(data, modality.data_shape, seed=seed)
    else:
        of_table = isinstance(modality, TableModality)
        rows = open_like(data, modality, label=label if of_table else None)
        columns = {**rows.columns, label: rows.columns["label"]} if of_table else rows.columns
        rows = dataclasses.replace(rows, columns=columns, splits=make_splits(len(rows), seed=seed))
    if label not in rows.columns:
        known = ", ".join(rows.columns) or "no labels at all"
        raise invalid("--label", f"a label of {rows.name}", label, f"it has {known}")
    return rows


def as_labels(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """A column as classes, str (n,), or as floats where it holds many numbers, and which rows have a value.

    Numbers are those with fractions, or whole ones of more than 50 values.

    Examples
    --------
    >>> as_labels(np.array([3, 1, 3]))[0].tolist(), as_labels(np.array([0.5, np.nan]))[1].tolist()
    (['3', '1', '3'], [True, False])
    """
    known = np.array([value is not None and value == value and value != "" for value in values.tolist()])
    seen = np.asarray(values[known].tolist())
    if seen.dtype.kind in "fiu" and ((seen % 1 != 0).any() or len(np.unique(seen)) > MOST_WHOLE):
        return np.where(known, values, np.nan).astype(np.float64), known
    words = seen.astype(np.int64).astype(str) if seen.dtype.kind == "f" else seen.astype(str)
    found = np.full(len(values), "", f"<U{max(1, words.dtype.itemsize // 4)}")
    found[known] = words
    return found, known


def _sides(tables: Sequence[Mapping[str, Array]], labels: Sequence[NDArray[Any]]) -> Sides:
    return Sides(train=tables[0], test=tables[1], train_labels=labels[0], test_labels=labels[1])


def _which(parts: Sequence[NDArray[np.int64]]) -> str:
    return f"{len(parts[0]):,} training and {len(parts[1]):,} test rows"


def run_probes(
    sides: Sides,
    *,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Probe]:
    """Every probe of every kind of features; counts beyond a class's rows are left out.

    A number gets no few labels: ridge regression and the mean of neighbours, with all rows.
    """
    check_positive_int(draws, "--draws", high=1000)
    tell = progress or (lambda *_: None)
    if sides.train_labels.dtype.kind == "f":
        return list(_regressions(sides, tell))
    classes, sizes = np.unique(sides.train_labels, return_counts=True)
    if not 2 <= len(classes) <= MOST_CLASSES:
        rule = f"of 2 to {MOST_CLASSES} classes among the training rows"
        raise invalid("the label", rule, f"{len(classes)} classes", "choose another with --label")
    few = [n for n in counts if n <= sizes.min()]
    total, done, found = len(sides.train) * (2 * len(few) + 1), 0, []
    for name in sides.train:
        found += _all_labels(sides, name)
        tell(done := done + 1, total)
        graph = NeighbourGraph.of(sides.train[name]) if few else None
        for count in few:
            for way in ("linear", "spread"):
                hits = [
                    _linear(sides, name, rows)
                    if way == "linear" or graph is None
                    else _spread(graph, sides, name, rows)
                    for rows in few_label_rows(sides.train_labels, count, draws, seed)
                ]
                found.append(_over_draws(name, way, count, hits))
                tell(done := done + 1, total)
    return found


def _regressions(sides: Sides, tell: Callable[[int, int], None]) -> Iterator[Probe]:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if float(np.ptp(sides.train_labels)) == 0 or float(np.ptp(sides.test_labels)) == 0:
        raise invalid("the label", "of more than one value among training and test rows", "one")
    for done, name in enumerate(sides.train, 1):
        model = make_pipeline(StandardScaler(), Ridge()).fit(sides.train[name], sides.train_labels)
        near, _ = nearest(sides.train[name], sides.test[name], count=NEIGHBOURS)
        guesses = {"linear": model.predict(sides.test[name]), "neighbours": sides.train_labels[near].mean(1)}
        for way, guess in guesses.items():
            value, interval = r_squared(sides.test_labels, guess)
            yield Probe(
                features=name, classifier=way, labels=None, value=value, interval=interval, draws=1, measure="r2"
            )
        tell(done, len(sides.train))


def _all_labels(sides: Sides, name: str) -> list[Probe]:
    every = np.arange(len(sides.train_labels))
    near, _ = nearest(sides.train[name], sides.test[name], count=NEIGHBOURS)
    votes = [_most(sides.train_labels[row]) for row in near]
    voted = (np.asarray(votes) == sides.test_labels).astype(np.float64)
    found = []
    for classifier, right in (("linear", _linear(sides, name, every)), ("neighbours", voted)):
        mean, spread = float(right.mean()), 1.96 * float(right.std() / np.sqrt(len(right)))
        span = (max(0.0, mean - spread), min(1.0, mean + spread))
        found.append(Probe(features=name, classifier=classifier, labels=None, value=mean, interval=span, draws=1))
    return found


def _linear(sides: Sides, name: str, rows: NDArray[np.int64]) -> Array:
    """Which test rows a logistic regression (C = 1) on standardised features of `rows` gets right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # a few hundred pixels with as many rows converge slowly and gain nothing from it
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, tol=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(sides.train[name][rows], sides.train_labels[rows])
    return (model.predict(sides.test[name]) == sides.test_labels).astype(np.float64)


def _spread(graph: NeighbourGraph, sides: Sides, name: str, rows: NDArray[np.int64]) -> Array:
    """Which test rows are right when the labels of `rows` spread over the features of all training rows."""
    fitted = graph.spread(rows, sides.train_labels[rows])
    return (fitted.predict(sides.test[name]) == sides.test_labels).astype(np.float64)


def _over_draws(name: str, classifier: str, count: int, hits: Sequence[Array]) -> Probe:
    means = np.array([right.mean() for right in hits])
    middle, span = float(means.mean()), None
    if len(means) > 1:
        spread = 1.96 * float(means.std(ddof=1) / np.sqrt(len(means)))
        span = (max(0.0, middle - spread), min(1.0, middle + spread))
    return Probe(features=name, classifier=classifier, labels=count, value=middle, interval=span, draws=len(means))


def few_label_rows(labels: NDArray[Any], count: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """`count` rows of each class, drawn `draws` times; the same draws for every kind of features."""
    for number in range(draws):
        random = generator(seed, _DRAW, number)
        chosen = [random.choice(np.flatnonzero(labels == c), count, replace=False) for c in np.unique(labels)]
        yield np.concatenate(chosen)


def _most(labels: NDArray[Any]) -> Any:
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _beside(codes: Sequence[Array], raw: Sequence[NDArray[np.float32]]) -> list[dict[str, Array]]:
    """Codes, as many principal components, and the rows themselves."""
    flat, size = [x.reshape(len(x), -1).astype(np.float64) for x in raw], codes[0].shape[1]
    project = pca_of(flat[0], np.arange(len(flat[0])), min(size, *flat[0].shape), seed=0)
    return [{"codes": code, f"PCA-{size}": project(x), "raw": x} for code, x in zip(codes, flat, strict=True)]


def _drawn(modality: Modality, rows: NDArray[np.int64], most: int, seed: int, stream: int) -> NDArray[np.int64]:
    return draw(rows, rows_within(_RAW_VALUES, modality.data_shape, most=most), seed=seed, stream=stream)


def write_probe_page(probes: Sequence[Probe], path: Path, *, title: str, which: str) -> None:
    """The curves and the numbers as one HTML file."""
    head = f'<header><h1>{escape(title)}</h1><p class="lead">{escape(which)}.</p></header>'
    curves, names = _curves(probes), {"title": "Accuracy by labels a class", "x": "labels a class", "y": "accuracy"}
    drawn = pictures.curves_plot(curves, **names) if curves else ""
    words = "Test accuracy by how many labels a class it was given, mean of the draws with its 95 % interval."
    body = head + (section_html(Section(title="Few labels", caption=words, pictures=[("", drawn)])) if drawn else "")
    write_text(
        path, html_page(title, body + numbers_html(heads(probes), (probe.row for probe in probes)), version=__version__)
    )


def _curves(probes: Sequence[Probe]) -> dict[str, list[tuple[float, float, float, float]]]:
    """(labels, accuracy, low, high) of each kind of features and classifier."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for probe in probes:
        if probe.labels is not None:
            name = probe.features if probe.classifier == "linear" else f"{probe.features}, {probe.classifier}"
            low, high = probe.interval or (probe.value, probe.value)
            found.setdefault(name, []).append((probe.labels, probe.value, low, high))
    return found
