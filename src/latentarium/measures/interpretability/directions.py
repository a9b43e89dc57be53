"""How far the directions of different attributes point apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence
from latentarium.measures.interpretability.rows import Array, attributes_of, checked_codes
from latentarium.measures.nulls import halved, rescaled_interval
from latentarium.measures.score import Score
from latentarium.rng import check_seed, generator

_HALVES = 431
_RESAMPLES = 200


def attribute_directions(codes: ArrayLike, attributes: ArrayLike) -> Array:
    """The direction of each attribute: its covariance with the codes, divided by its variance, (k, d).

    For an attribute of 0 and 1 this is the mean code of the rows with it minus the mean of those without, so that
    one step along it is the whole difference.

    Raises
    ------
    InvalidInput
        When rows do not align, or an attribute is constant or leaves the mean code where it is.

    Examples
    --------
    >>> attribute_directions([[0.0, 1.0], [2.0, 1.0]], [[0], [1]]).tolist()
    [[2.0, 0.0]]
    """
    values = _attribute_table(attributes)
    table = checked_codes(codes, len(values))
    constant = np.flatnonzero(np.ptp(values, axis=0) == 0)
    if len(constant):
        raise invalid("attributes", "varying over the rows", f"a constant column {constant[0]}")
    found = _covariance(table, values) / values.var(0)[:, None]
    still = np.flatnonzero(np.linalg.norm(found, axis=1) == 0)
    if len(still):
        raise invalid("attributes", "tied to the codes", f"column {still[0]} with no direction")
    return found


def direction_cosines(codes: ArrayLike, attributes: ArrayLike, *, names: Sequence[str] = (), seed: int = 0) -> Score:
    """Mean |cosine| between the directions of different attributes; 0 where all are at right angles, 1 on one line.

    The directions are those of `attribute_directions` on all rows; the parts are the matrix of signed cosines, a
    column an attribute. Chance is the mean |cosine| of random directions. The interval comes from 200 halves of the
    rows (`rescaled_interval`). Unchanged by rotation and common scale of the codes, not by scaling one latent.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    attributes : (n, k) numbers, k > 1: 0 and 1 for what a row has or has not, or a continuous factor

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((2000, 2))
    >>> direction_cosines(z, z).value < 0.1
    True
    """
    values = _attribute_table(attributes)
    known = tuple(names) or tuple(f"a{k}" for k in range(values.shape[1]))
    if values.shape[1] < 2 or len(set(known)) != values.shape[1]:
        raise invalid("attributes", "at least 2, with a name each", f"{values.shape[1]} and names {list(known)}")
    table = checked_codes(codes, len(values))
    cosines = _cosines(attribute_directions(table, values))
    random, half = generator(check_seed(seed), _HALVES), len(table) // 2
    picks = (random.permutation(len(table))[:half] for _ in range(_RESAMPLES))
    draws = np.array([_off_diagonal(_cosines(_covariance(table[p], values[p]))) for p in picks])
    value = _off_diagonal(cosines)
    return Score(
        name="direction_cosines",
        value=value,
        interval=rescaled_interval(value, draws, size=half, count=len(table), within=(0.0, 1.0)),
        resampling=halved(_RESAMPLES),
        n=len(table),
        direction="lower",
        range=(0.0, 1.0),
        chance=_random_cosine(table.shape[1]),
        parts=dict(zip(known, cosines.T.tolist(), strict=True)),
        settings={"attributes": list(known), "seed": seed},
        meaning="How far a step along one attribute's direction is also a step along the others.",
        misleads="attributes go together in the data, or exclude each other as classes do.",
    )


def direction_cosines_of(evidence: Evidence) -> Score:
    """`direction_cosines` of the classes and factors at hand."""
    attributes, names = attributes_of(evidence.beside, levels=False)
    return direction_cosines(evidence.codes, attributes, names=names, seed=evidence.seed)


def why_no_attributes(evidence: Evidence) -> str:
    """Why there is nothing to compare, or an empty string."""
    beside = evidence.beside
    classes = len(beside.classes)
    count = (classes if classes > 2 else max(0, classes - 1)) + len(beside.factor_names)
    return "" if count > 1 else "the rows have neither labels of 3 classes nor two factors"


def _attribute_table(attributes: ArrayLike) -> Array:
    values = np.asarray(attributes, np.float64)
    if values.ndim != 2 or values.shape[1] < 1:
        raise invalid("attributes", "a table (n, k), a column an attribute", values.shape)
    check_finite(values, "attributes")
    return values


def _covariance(codes: Array, values: Array) -> Array:
    return (values - values.mean(0)).T @ (codes - codes.mean(0)) / len(codes)


def _cosines(directions: Array) -> Array:
    """Cosine matrix; a direction of length 0 is at right angles to all others."""
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    unit = directions / np.where(length > 0, length, 1.0)
    return np.clip(unit @ unit.T, -1, 1)


def _off_diagonal(cosines: Array) -> float:
    count = len(cosines)
    return float((np.abs(cosines).sum() - np.abs(np.diagonal(cosines)).sum()) / (count * (count - 1)))


def _random_cosine(dim: int) -> float:
    """E|cosine| of two random directions in `dim` dimensions: gamma(d/2) / (sqrt(pi) gamma((d + 1)/2))."""
    from scipy.special import gammaln

    return float(np.exp(gammaln(dim / 2) - gammaln((dim + 1) / 2)) / np.sqrt(np.pi))
