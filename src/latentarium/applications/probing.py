"""What codes are worth to a classifier: linear and neighbour probes, and how few labels do."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import __version__, pictures
from latentarium.applications.evaluation import source_rows
from latentarium.applications.few_labels import NeighbourGraph
from latentarium.applications.search.exact import nearest
from latentarium.arrays import check_positive_int, rows_within
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, LatentariumError
from latentarium.files import write_text
from latentarium.measures import Section
from latentarium.measures.interpretability.rows import pca_of
from latentarium.measures.report import html_page, numbers_html, section_html
from latentarium.rng import draw, generator

Array = NDArray[np.float64]
COUNTS = (1, 5, 10, 100, 1000)
DRAWS = 10
TRAINED_ON, TESTED_ON = 20_000, 10_000
NEIGHBOURS = 10
_TRAIN, _TEST, _DRAW = 81, 82, 83
_RAW_VALUES = 2**26


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Accuracy on test rows of one classifier of one kind of features.

    Parameters
    ----------
    features : "codes", "PCA" of equal size, or "raw"
    classifier : "linear", "neighbours" or "spread"
    labels : labels a class it was given; None for all of them
    accuracy : mean over draws of the labels, 0 to 1
    interval : 95 % interval of that mean, over draws; over test rows where all labels were given
    draws : of the labels
    """

    features: str
    classifier: str
    labels: int | None
    accuracy: float
    interval: tuple[float, float]
    draws: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "features": self.features,
            "classifier": self.classifier,
            "labels_per_class": self.labels,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "draws": self.draws,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Features of training and test rows and their labels."""

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
    codes stand alone, and the sentence that comes back says so.

    Raises
    ------
    InvalidInput
        For a label that the bundle lacks, or one with fewer than two classes among the training rows.
    """
    values = bundle.column(label).astype(str)
    parts = [_drawn(bundle, "train", TRAINED_ON, seed, _TRAIN), _drawn(bundle, "test", TESTED_ON, seed, _TEST)]
    if min(map(len, parts)) < 2:
        raise InvalidInput(f"bundle {bundle.path} holds too few training or test rows to probe; fit on more rows")
    which = f"{len(parts[0]):,} training and {len(parts[1]):,} test rows"
    try:
        source = source_rows(bundle, data=data)
        tables = _beside(bundle, parts, [source.array(rows) for rows in parts])
    except LatentariumError as error:
        if data is not None:
            raise
        which += f"; codes alone ({error})"
        tables = [{"codes": bundle.codes[rows].reshape(len(rows), -1).astype(np.float64)} for rows in parts]
    sides = Sides(train=tables[0], test=tables[1], train_labels=values[parts[0]], test_labels=values[parts[1]])
    return run_probes(sides, counts=counts, draws=draws, seed=seed, progress=progress), which


def run_probes(
    sides: Sides,
    *,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Probe]:
    """Every probe of every kind of features; counts beyond a class's rows are left out."""
    check_positive_int(draws, "draws", high=1000)
    classes, sizes = np.unique(sides.train_labels, return_counts=True)
    if len(classes) < 2:
        raise InvalidInput(f"a label must have two classes or more among the training rows, got {len(classes)}")
    few = [n for n in counts if n <= sizes.min()]
    total, done, found = len(sides.train) * (len(few) + 1) + len(few), 0, []
    tell = progress or (lambda *_: None)
    for name in sides.train:
        found += _all_labels(sides, name)
        done += 1
        tell(done, total)
        for count in few:
            hits = [_linear(sides, name, rows) for rows in few_label_rows(sides.train_labels, count, draws, seed)]
            found.append(_over_draws(name, "linear", count, hits))
            done += 1
            tell(done, total)
    graph = NeighbourGraph.of(sides.train["codes"])
    for count in few:
        hits = [_spread(graph, sides, rows) for rows in few_label_rows(sides.train_labels, count, draws, seed)]
        found.append(_over_draws("codes", "spread", count, hits))
        done += 1
        tell(done, total)
    return found


def _all_labels(sides: Sides, name: str) -> list[Probe]:
    every = np.arange(len(sides.train_labels))
    near, _ = nearest(sides.train[name], sides.test[name], count=NEIGHBOURS)
    votes = [_most(sides.train_labels[row]) for row in near]
    voted = (np.asarray(votes) == sides.test_labels).astype(np.float64)
    found = []
    for classifier, right in (("linear", _linear(sides, name, every)), ("neighbours", voted)):
        mean, spread = float(right.mean()), 1.96 * float(right.std() / np.sqrt(len(right)))
        span = (max(0.0, mean - spread), min(1.0, mean + spread))
        found.append(Probe(features=name, classifier=classifier, labels=None, accuracy=mean, interval=span, draws=1))
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


def _spread(graph: NeighbourGraph, sides: Sides, rows: NDArray[np.int64]) -> Array:
    """Which test rows are right when the labels of `rows` spread over all training codes."""
    fitted = graph.spread(rows, sides.train_labels[rows])
    return (fitted.predict(sides.test["codes"]) == sides.test_labels).astype(np.float64)


def _over_draws(name: str, classifier: str, count: int, hits: Sequence[Array]) -> Probe:
    means = np.array([right.mean() for right in hits])
    spread = 1.96 * float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else 0.0
    middle = float(means.mean())
    span = (max(0.0, middle - spread), min(1.0, middle + spread))
    return Probe(features=name, classifier=classifier, labels=count, accuracy=middle, interval=span, draws=len(means))


def few_label_rows(labels: NDArray[Any], count: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """`count` rows of each class, drawn `draws` times; the same draws for every kind of features."""
    for number in range(draws):
        random = generator(seed, _DRAW, number)
        chosen = [random.choice(np.flatnonzero(labels == c), count, replace=False) for c in np.unique(labels)]
        yield np.concatenate(chosen)


def _most(labels: NDArray[Any]) -> Any:
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _beside(
    bundle: Bundle, parts: Sequence[NDArray[np.int64]], raw: Sequence[NDArray[np.float32]]
) -> list[dict[str, Array]]:
    """Codes, as many principal components, and the rows themselves."""
    flat = [x.reshape(len(x), -1).astype(np.float64) for x in raw]
    project = pca_of(flat[0], np.arange(len(flat[0])), min(bundle.space.dim, *flat[0].shape), seed=0)
    codes = [bundle.codes[rows].reshape(len(rows), -1).astype(np.float64) for rows in parts]
    return [
        {"codes": code, f"PCA-{bundle.space.dim}": project(x), "raw": x} for code, x in zip(codes, flat, strict=True)
    ]


def _drawn(bundle: Bundle, part: str, most: int, seed: int, stream: int) -> NDArray[np.int64]:
    count = rows_within(_RAW_VALUES, bundle.modality.data_shape, most=most)
    return draw(np.flatnonzero(bundle.splits == part), count, seed=seed, stream=stream)


def write_probe_page(probes: Sequence[Probe], path: Path, *, title: str, which: str) -> None:
    """The curves and the numbers as one HTML file."""
    head = f'<header><h1>{escape(title)}</h1><p class="lead">{escape(which)}.</p></header>'
    drawn = pictures.curves_plot(_curves(probes), title="Accuracy by labels a class", x="labels a class", y="accuracy")
    words = "Test accuracy by how many labels a class it was given, mean of the draws with its 95 % interval."
    body = head + (section_html(Section(title="Few labels", caption=words, pictures=[("", drawn)])) if drawn else "")
    write_text(path, html_page(title, body + _numbers(probes), version=__version__))


def _curves(probes: Sequence[Probe]) -> dict[str, list[tuple[float, float, float, float]]]:
    """(labels, accuracy, low, high) of each kind of features and classifier."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for probe in probes:
        if probe.labels is not None:
            name = probe.features if probe.classifier == "linear" else f"{probe.features}, {probe.classifier}"
            found.setdefault(name, []).append((probe.labels, probe.accuracy, *probe.interval))
    return found


def _numbers(probes: Sequence[Probe]) -> str:
    heads = ("features", "classifier", "labels a class", "accuracy", "95 % interval")
    return numbers_html(heads, map(_row, probes))


def _row(probe: Probe) -> tuple[object, ...]:
    labels = "all" if probe.labels is None else probe.labels
    low, high = probe.interval
    return probe.features, probe.classifier, labels, f"{probe.accuracy:.1%}", f"{low:.1%} to {high:.1%}"
