"""What a step along a direction does to the decoded data, as a classifier that never saw the space judges it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.interpretability.directions import attribute_directions
from latentarium.measures.interpretability.probes import logistic
from latentarium.measures.interpretability.rows import Array, Split, numbered, pca_of, scaler, split_rows
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator
from latentarium.space import LatentSpace

Classifier = Callable[[NDArray[Any]], ArrayLike]
"""(n, *data_shape) -> (n, classes) probabilities, classes in sorted order."""

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
_EDITED, _RANDOM = 432, 433
_EDITED_ROWS = 400
_CLASSIFIER_AXES = 64
_CLASSIFIER_ROWS = 4000
_MOST_TARGETS = 20


def edit_success(
    space: LatentSpace,
    x: ArrayLike,
    labels: ArrayLike,
    direction: ArrayLike,
    *,
    target: object,
    classifier: Classifier | None = None,
    seed: int = 0,
) -> Score:
    """Rise of P(target) when a code moves one step along `direction` and is decoded, -1 to 1.

    The step is the array as given: scale it to ask for more or less. P comes from a classifier that never sees the
    space: `classifier`, or a logistic regression on 64 principal components of the data, trained on up to 4000 real
    rows (a third); its accuracy on other real rows is in the settings. Up to 400 rows that are neither among those nor
    of the target are edited. Parts: P(target) and leakage by dose. Chance is the same for a random direction of equal
    length. In the spirit of the re-scoring of Shen et al. 2020 (InterFaceGAN, table 3).

    Parameters
    ----------
    space : decodes, and encodes or has a posterior
    x, labels : real rows and their classes
    direction : (*space.shape) or (d,)
    target : the class to be reached, as it stands in `labels`
    classifier : (n, *data_shape) -> (n, classes) probabilities, classes in sorted order

    Raises
    ------
    InvalidInput
        When the direction has another shape or is zero, or the target is no class of the rows.
    MissingCapability
        When the space cannot encode or decode.
    """
    evidence = Evidence.of(space, x, seed=seed, beside=Beside.of(labels=labels))
    return _success(_single_edit(evidence, direction, target, classifier))


def edit_leakage(
    space: LatentSpace,
    x: ArrayLike,
    labels: ArrayLike,
    direction: ArrayLike,
    *,
    target: object,
    classifier: Classifier | None = None,
    seed: int = 0,
) -> Score:
    """Sum of |change of P| over classes that are neither the target nor the row's own, for one step; 0 to 2.

    Settings, parts and chance as for `edit_success`. The row's own class is left out since probability that goes to
    the target has to come from it.
    """
    evidence = Evidence.of(space, x, seed=seed, beside=Beside.of(labels=labels))
    return _leakage(_single_edit(evidence, direction, target, classifier))


def edit_monotonicity(
    space: LatentSpace,
    x: ArrayLike,
    labels: ArrayLike,
    direction: ArrayLike,
    *,
    target: object,
    classifier: Classifier | None = None,
    seed: int = 0,
) -> Score:
    """Mean over rows of Spearman's correlation between dose (0 to 1 step in 5 doses) and P(target), -1 to 1.

    Settings, parts and chance as for `edit_success`.
    """
    evidence = Evidence.of(space, x, seed=seed, beside=Beside.of(labels=labels))
    return _monotonicity(_single_edit(evidence, direction, target, classifier))


@dataclass(frozen=True, kw_only=True, eq=False)
class Edits:
    """What a classifier says of decoded rows while they move, a row an edit.

    Parameters
    ----------
    before_after : (n, doses, classes) probabilities along the direction
    control : (n, doses, classes) probabilities along a random direction of equal length
    own, target : (n,) class numbers
    settings : of the scores
    """

    before_after: Array
    control: Array
    own: NDArray[np.int64]
    target: NDArray[np.int64]
    settings: dict[str, Any]

    def reached(self, after: Array) -> Array:
        """Rise of P(target) from before to `after` (n, classes)."""
        rows = np.arange(len(self.own))
        return (after - self.before_after[:, 0])[rows, self.target]

    def leaked(self, after: Array) -> Array:
        """Total change among the classes that are neither the target nor the row's own."""
        change = np.abs(after - self.before_after[:, 0])
        rows = np.arange(len(self.own))
        change[rows, self.target] = 0
        change[rows, self.own] = 0
        return change.sum(1)

    def rank_correlation(self, walked: Array) -> Array:
        """Spearman's correlation of dose and P(target) in `walked` (n, doses, classes), 0 where P does not move."""
        from scipy.stats import rankdata

        ranks = rankdata(walked[np.arange(len(self.own)), :, self.target], axis=1)
        ranks = ranks - ranks.mean(1, keepdims=True)
        dose = np.arange(len(DOSES)) - (len(DOSES) - 1) / 2
        norm = np.linalg.norm(ranks, axis=1) * np.linalg.norm(dose)
        return np.where(norm > 0, ranks @ dose / np.where(norm > 0, norm, 1), 0.0)

    def parts(self) -> dict[str, list[float]]:
        """One row a target and dose: P(target) and leakage, averaged over the edited rows."""
        found = np.unique(self.target)
        columns: dict[str, list[float]] = {"target": [], "dose": [], "probability": [], "leakage": []}
        for dose, after in zip(DOSES, np.moveaxis(self.before_after, 1, 0), strict=True):
            reached, leaked = after[np.arange(len(after)), self.target], self.leaked(after)
            for label in found:
                here = self.target == label
                row = (float(label), dose, float(reached[here].mean()), float(leaked[here].mean()))
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(value)
        return columns


def edits_of(evidence: Evidence, directions: Array, targets: Sequence[int], classifier: Classifier | None) -> Edits:
    """Move rows that are not of the target along each of `directions` (k, d) towards `targets`, and classify them."""
    labels, classes = numbered(evidence.beside)
    split = split_rows(len(labels), seed=evidence.seed, labels=labels)
    judge, settings = _judge(evidence, split, classifier)
    random = generator(evidence.seed, _EDITED)
    chosen = [
        random.permutation(split.test[labels[split.test] != target])[: max(1, _EDITED_ROWS // len(targets))]
        for target in targets
    ]
    rows, which = np.concatenate(chosen), np.repeat(np.arange(len(targets)), [len(c) for c in chosen])
    start = np.asarray(evidence.codes, np.float64)[rows].reshape(len(rows), -1)
    stray = generator(evidence.seed, _RANDOM).standard_normal(start.shape) * start.std(0)
    length = np.linalg.norm(directions[which], axis=1, keepdims=True)
    stray *= length / np.maximum(np.linalg.norm(stray, axis=1, keepdims=True), 1e-12)

    def walked(way: Array) -> Array:
        points = [(start + dose * way).reshape(-1, *evidence.space.shape).astype(np.float32) for dose in DOSES]
        return np.stack([judge(evidence.space.decode(z)) for z in points], axis=1)

    return Edits(
        before_after=walked(directions[which]),
        control=walked(stray),
        own=labels[rows],
        target=np.asarray(targets, np.int64)[which],
        settings={"classes": list(classes), "seed": evidence.seed, "doses": list(DOSES), **settings},
    )


def edit_success_of(evidence: Evidence) -> Score:
    """`edit_success` of each class's own direction."""
    return _success(evidence.once(_class_edits))


def edit_leakage_of(evidence: Evidence) -> Score:
    """`edit_leakage` of each class's own direction."""
    return _leakage(evidence.once(_class_edits))


def edit_monotonicity_of(evidence: Evidence) -> Score:
    """`edit_monotonicity` of each class's own direction."""
    return _monotonicity(evidence.once(_class_edits))


def _single_edit(evidence: Evidence, direction: ArrayLike, target: object, classifier: Classifier | None) -> Edits:
    vector = np.asarray(direction, np.float64)
    if vector.shape not in (evidence.space.shape, (evidence.space.dim,)):
        raise invalid("direction.shape", f"{evidence.space.shape} or ({evidence.space.dim},)", vector.shape)
    check_finite(vector, "direction")
    if not vector.any():
        raise invalid("direction", "of some length", "zeros")
    classes = evidence.beside.classes
    if str(target) not in classes:
        raise invalid("target", f"one of the classes {list(classes)}", target)
    return edits_of(evidence, vector.reshape(1, -1), [classes.index(str(target))], classifier)


def _class_edits(evidence: Evidence) -> Edits:
    """An edit towards each of the 20 largest classes. Its direction comes from rows that neither train the classifier
    nor are edited: shared rows would make two fits to the same noise agree.
    """
    labels, _ = numbered(evidence.beside)
    train = split_rows(len(labels), seed=evidence.seed, labels=labels).train[::2]
    counts = np.bincount(labels[train])
    targets = np.sort(np.argsort(-counts, kind="stable")[:_MOST_TARGETS])
    targets = targets[counts[targets] > 0]
    attributes = (labels[train][:, None] == targets).astype(np.float64)
    return edits_of(evidence, attribute_directions(evidence.codes[train], attributes), targets.tolist(), None)


def _judge(
    evidence: Evidence, split: Split, classifier: Classifier | None
) -> tuple[Callable[[NDArray[Any]], Array], dict[str, Any]]:
    """Probabilities (n, classes) of data rows, and the judge's description with its accuracy on real held-out rows."""
    labels, classes = numbered(evidence.beside)
    if classifier is None:
        train = generator(evidence.seed, _EDITED).permutation(split.train[1::2])[:_CLASSIFIER_ROWS]
        raw, name = _own_classifier(evidence, train, labels), f"logistic on {_CLASSIFIER_AXES} principal components"
    else:
        raw, name = classifier, getattr(classifier, "__name__", type(classifier).__name__)

    def judge(rows: NDArray[Any]) -> Array:
        found = np.asarray(raw(rows), np.float64)
        if found.shape != (len(rows), len(classes)):
            raise invalid("classifier", f"a function to probabilities (n, {len(classes)})", found.shape)
        check_finite(found, "the classifier's probabilities")
        return found

    held = split.test[:_CLASSIFIER_ROWS]
    accuracy = float((judge(evidence.x[held]).argmax(1) == labels[held]).mean())
    return judge, {"classifier": name, "classifier_accuracy": accuracy}


def _own_classifier(evidence: Evidence, train: NDArray[np.intp], labels: NDArray[np.int64]) -> Classifier:
    project = pca_of(evidence.x, train, _CLASSIFIER_AXES, seed=evidence.seed)
    axes = project(evidence.x[train])
    scale = scaler(axes)
    model, classes = logistic(scale(axes), labels[train]), len(evidence.beside.classes)

    def probabilities(rows: NDArray[Any]) -> Array:
        out = np.zeros((len(rows), classes))
        out[:, model.classes_] = model.predict_proba(scale(project(rows)))
        return out

    return probabilities


def _success(edits: Edits) -> Score:
    return _score(
        edits,
        name="edit_success",
        rows=edits.reached(edits.before_after[:, -1]),
        chance=float(edits.reached(edits.control[:, -1]).mean()),
        direction="higher",
        range=(-1.0, 1.0),
        unit="probability a step",
        meaning="How much likelier the wanted class becomes when a code takes one step along the direction.",
        misleads="the step leaves the data: a classifier is sure of pictures that no one would recognise.",
    )


def _leakage(edits: Edits) -> Score:
    return _score(
        edits,
        name="edit_leakage",
        rows=edits.leaked(edits.before_after[:, -1]),
        chance=float(edits.leaked(edits.control[:, -1]).mean()),
        direction="lower",
        range=(0.0, 2.0),
        unit="probability a step",
        meaning="How much the step moves classes it was not meant to move.",
        misleads="nothing moves at all: read it beside edit_success.",
    )


def _monotonicity(edits: Edits) -> Score:
    return _score(
        edits,
        name="edit_monotonicity",
        rows=edits.rank_correlation(edits.before_after),
        chance=float(edits.rank_correlation(edits.control).mean()),
        direction="higher",
        range=(-1.0, 1.0),
        meaning="Whether more of a direction always gives more of the wanted class.",
        misleads="the rise is minute: ranks do not see its size.",
    )


def _score(edits: Edits, *, rows: Array, **fields: Any) -> Score:
    return Score(
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=edits.settings["seed"]),
        resampling=bootstrapped("edited rows", kept="directions and classifier"),
        n=len(rows),
        parts=edits.parts(),
        settings=edits.settings,
        **fields,
    )
