"""What the interpretability measures share: rows drawn and held out, attributes, scaled codes, a PCA of the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_finite
from latentarium.errors import invalid
from latentarium.measures.evidence import Beside, Evidence, flat
from latentarium.rng import generator

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
ROWS = 10_000
ACTIVE_SHARE = 0.01
_DRAW, _PCA = 411, 412
_PCA_VALUES = 40_000_000


@dataclass(frozen=True, kw_only=True)
class Split:
    """Row numbers to learn from and row numbers to judge by, disjoint."""

    train: Rows
    test: Rows

    @property
    def all(self) -> Rows:
        return np.sort(np.concatenate([self.train, self.test]))


def split_rows(count: int, *, seed: int, every: int = 3, labels: NDArray[Any] | None = None) -> Split:
    """At most `ROWS` of `count` rows drawn by `seed`, one in `every` of them held out, evenly from each label.

    Raises
    ------
    InvalidInput
        When there are fewer than 2 * `every` rows.
    """
    if count < 2 * every:
        raise invalid("codes", f"at least {2 * every} rows, some of which are held out", count)
    order = generator(seed, _DRAW).permutation(count)[:ROWS]
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    held = np.arange(len(order)) % every == every - 1
    return Split(train=np.sort(order[~held]), test=np.sort(order[held]))


def checked_codes(codes: ArrayLike, count: int | None = None, *, name: str = "codes") -> Array:
    """`codes` as finite (n, d) float64 that vary; `count` is the number of rows they must have."""
    table = np.asarray(codes, np.float64)
    if table.ndim < 2 or not table.size:
        raise invalid(f"{name}.shape", "(n, ..) with at least one row and one latent", table.shape)
    check_finite(table, name)
    if count is not None and len(table) != count:
        raise invalid(name, f"{count} rows, one for each label or factor row", len(table))
    table = flat(table)
    if not np.ptp(table, axis=0).any():
        raise invalid(name, "different for different rows", "constant codes", "the encoder has collapsed")
    return table


def numbered(labels: ArrayLike | Beside, *, least: int = 2) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class numbers and class names of `labels`, of which there must be `least` classes."""
    beside = labels if isinstance(labels, Beside) else Beside.of(labels=labels)
    if beside.labels is None or len(beside.classes) < least:
        raise invalid("labels", f"of at least {least} classes", len(beside.classes))
    return beside.labels, beside.classes


def scaler(rows: Array) -> Callable[[Array], Array]:
    """(values - mean) / std of `rows`, by column; a constant column becomes 0."""
    centre, spread = rows.mean(0), rows.std(0)
    constant = np.ptp(rows, axis=0) == 0
    scale = np.where(constant, np.inf, spread)

    def scale_rows(values: Array) -> Array:
        return (values - centre) / scale

    return scale_rows


def active_latents(codes: Array) -> Rows:
    """Numbers of the latents whose variance is above 1 % of the largest one."""
    variance = codes.var(0)
    return np.flatnonzero(variance > ACTIVE_SHARE * variance.max())


def one_hot(labels: NDArray[np.int64], classes: int) -> Array:
    """(n, classes) of 0 and 1; two classes are one attribute, (n, 1), as the second says nothing new."""
    table = (labels[:, None] == np.arange(classes)).astype(np.float64)
    return table[:, 1:] if classes == 2 else table


def attributes_of(beside: Beside, *, levels: bool) -> tuple[Array, tuple[str, ...]]:
    """Every attribute of the rows as a column (n, k), and its name: a column a class, then those of the factors.

    With `levels` each column is 0 or 1: a factor of at most 10 values gives one column a value, any other one for
    its lowest and one for its highest third. Without, a factor is one column as it stands.
    """
    columns: list[Array] = []
    names: list[str] = []
    if beside.labels is not None and len(beside.classes) > 1:
        table = one_hot(beside.labels, len(beside.classes))
        columns += list(table.T)
        names += list(beside.classes[-table.shape[1] :])
    for k, name in enumerate(beside.factor_names):
        factor = np.asarray(beside.factors, np.float64)[:, k]
        found = _levels(factor, name) if levels else {name: factor}
        columns += list(found.values())
        names += [key if key not in names else f"factor {key}" for key in found]
    if not columns:
        raise invalid("labels or factors", "given, with something that varies", "neither")
    return np.stack(columns, axis=1), tuple(names)


def _levels(factor: Array, name: str) -> dict[str, Array]:
    values = np.unique(factor)
    if len(values) <= 10:
        return {f"{name} = {value:g}": (factor == value).astype(np.float64) for value in values}
    low, high = np.quantile(factor, [1 / 3, 2 / 3])
    return {
        f"{name} low": (factor <= low).astype(np.float64),
        f"{name} high": (factor >= high).astype(np.float64),
    }


def pca_of(x: NDArray[Any], train: Rows, dims: int, *, seed: int) -> Callable[[NDArray[Any]], Array]:
    """Projection on the first `dims` principal axes of the flattened rows `x[train]`, (n, ..) -> (n, <= dims).

    Fitted on so many of the rows that they hold at most 40 million values.
    """
    from sklearn.decomposition import PCA

    width = int(np.prod(x.shape[1:]))
    random = generator(seed, _PCA)
    some = random.permutation(train)[: max(2 * dims, _PCA_VALUES // width)]
    fitted = x[np.sort(some)].reshape(len(some), width)
    components = min(dims, *fitted.shape)
    model = PCA(n_components=components, svd_solver="randomized", random_state=int(random.integers(2**31)))
    model.fit(fitted)

    def project(rows: NDArray[Any]) -> Array:
        out = np.empty((len(rows), components))
        for part in batches(len(rows), 1024):
            out[part] = model.transform(rows[part].reshape(-1, width))
        return out

    return project


def class_settings(classes: Sequence[str], seed: int, **more: Any) -> dict[str, Any]:
    """The settings every labelled measure states."""
    return {"classes": list(classes), "seed": seed, **more}


def why_nothing_known(evidence: Evidence) -> str:
    """Why no attribute of the rows is known, or an empty string."""
    beside = evidence.beside
    return "" if len(beside.classes) > 1 or beside.factor_names else "the rows have neither labels nor factors"
