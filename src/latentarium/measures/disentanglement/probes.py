"""One linear probe a factor, fitted on half of the rows and scored on the other half, shared by three measures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid
from latentarium.measures.disentanglement.tables import Factored, factored_of
from latentarium.measures.evidence import Evidence

Array = NDArray[np.float64]
PROBE_ROWS = 6000
STEPS = 200
STRENGTH = 100.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Probed:
    """Held-out predictions of every factor.

    Parameters
    ----------
    levels : (m, k) true levels of the held-out rows
    chances : a factor's predicted probabilities (m, levels)
    known : a factor's frequencies of levels in the rows learnt from
    """

    levels: NDArray[np.int64]
    chances: tuple[Array, ...]
    known: tuple[Array, ...]
    rows: int


def probe(data: Factored, *, rows: int = PROBE_ROWS) -> Probed:
    """Multinomial logistic regression of the levels of each factor on standardised codes."""
    from sklearn.linear_model import LogisticRegression

    table = data.capped(rows)
    learn, held = table.split()
    points = table.standardised
    chances: list[Array] = []
    known: list[Array] = []
    for k, size in enumerate(table.sizes):
        target = table.levels[learn, k]
        counts = np.bincount(target, minlength=size)
        if (counts > 0).sum() < 2:
            raise invalid(f"factor {table.names[k]}", "of at least 2 levels in half of the rows", "one level")
        model = LogisticRegression(C=STRENGTH, max_iter=STEPS, tol=1e-3)
        predicted = np.zeros((len(held), size))
        predicted[:, counts > 0] = _fitted(model, points[learn], target).predict_proba(points[held])
        chances.append(predicted)
        known.append((counts + 1) / (counts + 1).sum())
    return Probed(levels=table.levels[held], chances=tuple(chances), known=tuple(known), rows=len(table))


def probe_of(evidence: Evidence) -> Probed:
    """`probe` of evidence at hand, fitted once."""
    return evidence.once(_probe)


def _probe(evidence: Evidence) -> Probed:
    return probe(factored_of(evidence))


def _fitted(model: Any, x: Array, y: NDArray[np.int64]) -> Any:
    """A fit that stops at its step limit is what is stated in the settings, not a fault."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)
