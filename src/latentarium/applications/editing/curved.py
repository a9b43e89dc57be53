"""Ways that bend: along the gradient of a probe with a hidden layer, where an attribute is not linear in the codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.editing.directions import Array, listed
from latentarium.applications.editing.fitting import Part, Target, parts_of, targets_of, too_few
from latentarium.applications.editing.typicality import shrunk_covariance
from latentarium.arrays import check_positive_int
from latentarium.data.splits import PARTS
from latentarium.errors import InvalidInput, invalid
from latentarium.measures.interpretability.rows import checked_codes
from latentarium.rng import check_seed, generator

UNITS = 32
SMALL_STEPS = 16
"""Small steps in each shown one."""
_LONGEST = 0.5
_RANK = 1e-6
_NET = 463


@dataclass(frozen=True, kw_only=True, eq=False)
class _Net:
    """score(z) = tanh(z @ hidden + hidden_bias) @ out + bias."""

    hidden: Array
    hidden_bias: Array
    out: Array
    bias: float

    def scores(self, z: Array) -> Array:
        return np.tanh(z @ self.hidden + self.hidden_bias) @ self.out + self.bias

    def gradients(self, z: Array) -> Array:
        active = np.tanh(z @ self.hidden + self.hidden_bias)
        return ((1 - active**2) * self.out) @ self.hidden.T


@dataclass(frozen=True, kw_only=True, eq=False)
class CurvedProbe:
    """Scores of attributes by a net with 32 hidden units for each: log-odds, or standard deviations of a number.

    Parameters
    ----------
    names : of the attributes
    columns : the column each belongs to
    nets : one for each
    covariance : of the codes, (d, d), or their variances (d,): the metric in which steps are short
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    nets: tuple[Any, ...]
    covariance: Array

    def scores(self, z: ArrayLike) -> Array:
        """(n, A) of codes (n, d)."""
        points = np.asarray(z, np.float64)
        return np.stack([net.scores(points) for net in self.nets], axis=1)

    def gradients(self, z: ArrayLike) -> Array:
        """(n, A, d) of codes (n, d)."""
        points = np.asarray(z, np.float64)
        return np.stack([net.gradients(points) for net in self.nets], axis=1)

    def path(
        self, codes: ArrayLike, changes: Mapping[str, float], *, keep: Sequence[str] = (), steps: int = 4
    ) -> Array:
        """Points (n, steps + 1, d) on the way to scores that are so much higher, those of `keep` as they were.

        Each small step is the shortest, in Mahalanobis distance, that makes up for what is missing, and at most half a
        standard deviation long, so that a net that flattens out is not followed for ever: what was reached is what
        `scores` says of the last point.

        Raises
        ------
        InvalidInput
            For attributes that were not fitted.
        """
        check_positive_int(steps, "steps", high=100)
        at = [self._number(name) for name in changes]
        held = [a for a, (n, c) in enumerate(zip(self.names, self.columns)) if {n, c} & set(keep) and a not in at]
        rows = [*at, *held]
        points = np.asarray(codes, np.float64).reshape(len(np.asarray(codes)), -1).copy()
        start = self.scores(points)[:, rows]
        wanted = np.array([*changes.values(), *[0.0] * len(held)])
        way = [points.copy()]
        for small in range(1, steps * SMALL_STEPS + 1):
            missing = start + wanted * small / (steps * SMALL_STEPS) - self.scores(points)[:, rows]
            points += self._move(self.gradients(points)[:, rows], missing)
            if small % SMALL_STEPS == 0:
                way.append(points.copy())
        return np.stack(way, axis=1)

    def _number(self, name: str) -> int:
        if name not in self.names:
            raise invalid("an attribute", f"one of {listed(self.names)}", name)
        return self.names.index(name)

    def _move(self, gradients: Array, missing: Array) -> Array:
        """Shortest steps (n, d) that change the scores by `missing` (n, k) to first order, none too long."""
        spread = gradients @ self.covariance if self.covariance.ndim == 2 else gradients * self.covariance
        inverse = np.linalg.pinv(gradients @ spread.transpose(0, 2, 1), rcond=_RANK, hermitian=True)
        share = np.einsum("nkl,nl->nk", inverse, missing)
        length = np.sqrt(np.maximum(np.einsum("nk,nk->n", share, missing), 1e-300))
        move = np.einsum("nk,nkd->nd", share, spread)
        return move * np.minimum(1, _LONGEST / length)[:, None]


def fit_curved(
    codes: ArrayLike,
    attributes: Mapping[str, ArrayLike],
    names: Sequence[str],
    *,
    splits: ArrayLike | None = None,
    seed: int = 0,
) -> CurvedProbe:
    """A `CurvedProbe` of the attributes called `names` (a column stands for all its values).

    Arguments as `fit_directions`. Nets are fitted to the training rows with early stopping, and the log-odds of classes
    set right on the validation rows.

    Raises
    ------
    InvalidInput
        For a name that no attribute has, or one with too few rows.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((1500, 2))
    >>> probe = fit_curved(z, {"far": (z**2).sum(1)}, ["far"])
    >>> path = probe.path([[1.0, 0.0], [0.0, -1.0]], {"far": 1.0})
    >>> (np.linalg.norm(path[:, -1], axis=1) > 1.4).tolist()
    [True, True]
    """
    table = checked_codes(codes)
    parts = parts_of(len(table), splits, check_seed(seed))
    left_out: dict[str, str] = {}
    offered = [t for name, values in attributes.items() for t in targets_of(name, values, len(table), left_out)]
    targets = [target for target in offered if {target.name, target.column} & set(names)]
    unknown = [n for n in names if not any(n in (target.name, target.column) for target in targets)]
    if unknown:
        raise invalid("an attribute", f"one of {listed([target.name for target in offered])}", unknown[0])
    nets = tuple(_net(table, target, parts, (seed, place)) for place, target in enumerate(targets))
    return CurvedProbe(
        names=tuple(target.name for target in targets),
        columns=tuple(target.column for target in targets),
        nets=nets,
        covariance=shrunk_covariance(table[parts["train"]]),
    )


def _net(table: Array, target: Target, parts: Mapping[str, Part], stream: tuple[int, int]) -> _Net:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    known = {part: rows[np.isfinite(target.values[rows])] for part, rows in parts.items()}
    why = too_few(target, known)
    if why:
        raise InvalidInput(f"{target.name} cannot be learned: {why}")
    train, validation = (known[part] for part in PARTS[:2])
    centre, scale = table[train].mean(0), np.where(np.ptp(table[train], axis=0) > 0, table[train].std(0), np.inf)
    seed = int(generator(stream[0], _NET, stream[1]).integers(2**31))
    options: dict[str, Any] = {"hidden_layer_sizes": (UNITS,), "activation": "tanh", "alpha": 0.1}
    # the rows that say when to stop must hold one of each class
    options |= {"early_stopping": True, "validation_fraction": max(0.1, 2 / len(train))}
    options |= {"max_iter": 1000, "random_state": seed}
    is_class = target.kind == "class"
    values = target.values[train]
    truth = values > 0.5 if is_class else (values - values.mean()) / values.std()
    model: Any = (MLPClassifier if is_class else MLPRegressor)(**options).fit((table[train] - centre) / scale, truth)
    first, last = model.coefs_
    hidden = first / scale[:, None]
    net = _Net(
        hidden=hidden,
        hidden_bias=model.intercepts_[0] - centre @ hidden,
        out=last[:, 0],
        bias=float(model.intercepts_[1][0]),
    )
    return _calibrated(net, table[validation], target.values[validation] > 0.5) if is_class else net


def _calibrated(net: _Net, codes: Array, truth: NDArray[np.bool_]) -> _Net:
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression().fit(net.scores(codes)[:, None], truth)
    slope = float(found.coef_[0, 0])
    return _Net(
        hidden=net.hidden,
        hidden_bias=net.hidden_bias,
        out=slope * net.out,
        bias=slope * net.bias + float(found.intercept_[0]),
    )
