"""Whether what lies between two codes is like real data, and whether the encoder finds it again."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence, flat, within
from latentarium.measures.paths import path_ends, path_settings, walk, why_no_ends
from latentarium.measures.score import (
    Score,
    bootstrap_interval,
    bootstrap_means,
    bootstrapped,
    check_row_count,
    interval_of,
)
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
PAIRS, BANK = 250, 4000
WALKS, STEPS = 200, 9
QUANTILE = 0.95
_MOMENTS = 5


def midpoint_realism(space: LatentSpace, x: ArrayLike, *, pairs: int = PAIRS, bank: int = BANK, seed: int = 0) -> Score:
    """Share of path midpoints no farther from real rows than 95 % of real rows are from each other; 0 to 1.

    Distances are Euclidean, on the data themselves, to the nearest of at most `bank` rows that no path begins or ends
    at. Held-out real rows score about 0.95 by construction; what those at the path ends score, which the value is to be
    held against, is `settings["real_against_real"]`. The parts hold the share at five times along the path.

    Raises
    ------
    InvalidInput
        When there are fewer than 16 rows.

    Examples
    --------
    >>> same = LatentSpace(name="same", shape=(1,), data_shape=(1,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    >>> midpoint_realism(same, np.linspace(0, 1, 200)[:, None]).value
    1.0
    """
    return midpoint_realism_of(Evidence.of(space, x, seed=seed), pairs=pairs, bank=bank)


def cycle_error(space: LatentSpace, x: ArrayLike, *, pairs: int = WALKS, steps: int = STEPS, seed: int = 0) -> Score:
    """Root mean square of encode(decode(z)) - z along paths, in units of the spread of the codes; 0 is perfect.

    The spread is the root of the codes' total variance, so that the value is unchanged by rotation and by one scale of
    the latents. `chance` is what an encoder scores that gives the mean code for everything.

    Raises
    ------
    InvalidInput
        When there are too few rows, or all codes are alike.

    Examples
    --------
    >>> same = LatentSpace(name="same", shape=(1,), data_shape=(1,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    >>> cycle_error(same, np.linspace(0, 1, 20)[:, None]).value
    0.0
    """
    return cycle_error_of(Evidence.of(space, x, seed=seed), pairs=pairs, steps=steps)


def midpoint_realism_of(evidence: Evidence, *, pairs: int = PAIRS, bank: int = BANK) -> Score:
    """`midpoint_realism` of evidence at hand."""
    check_row_count(len(evidence.x), least=16)
    check_positive_int(bank, "bank", low=8, high=100_000)
    check_positive_int(pairs, "pairs", low=2)
    ends = path_ends(evidence, min(pairs, len(evidence.x) // 4))
    real = Neighbours(evidence.x[np.sort(ends.others[:bank])])
    points = walk(evidence.space, ends, _MOMENTS).swapaxes(0, 1)
    near = np.stack([real.near(evidence.space.decode(z)) for z in points])
    rows = near[_MOMENTS // 2].astype(np.float64)
    return Score(
        name="midpoint_realism",
        value=float(rows.mean()),
        # midpoints are only averaged: their neighbours are real rows, which stay as they are and come once each
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("paths", kept="real rows"),
        n=len(rows),
        direction="higher",
        range=(0.0, 1.0),
        parts={"t": np.linspace(0, 1, _MOMENTS).tolist(), "share": near.mean(1).tolist()},
        settings={
            **path_settings(evidence, ends),
            "real_rows": len(real.rows),
            "features": "the data themselves",
            "quantile": QUANTILE,
            "distance_allowed": real.allowed,
            "real_against_real": float(real.near(evidence.x[ends.rows]).mean()),
        },
        meaning="Midpoints of paths that are as near to real data as nearly all real data are to each other.",
        misleads="blur pulls data towards the dense middle, where everything is near something real.",
    )


def cycle_error_of(evidence: Evidence, *, pairs: int = WALKS, steps: int = STEPS) -> Score:
    """`cycle_error` of evidence at hand."""
    check_positive_int(steps, "steps", low=2, high=10_000)
    space = evidence.space
    ends = path_ends(evidence, pairs)
    points = walk(space, ends, steps)
    found = space.encode(within(space, space.decode(points.reshape(-1, *space.shape))))
    laid = flat(points.reshape(-1, *space.shape))
    errors = ((flat(found) - laid) ** 2).sum(1).reshape(ends.pairs, steps)
    codes = np.concatenate([flat(ends.start), flat(ends.stop)])
    spread = float(codes.var(0).sum())
    if spread <= 1e-12 * float((codes**2).sum(1).mean()):
        raise invalid("codes", "different from each other", "the same code for every row")
    from_middle = ((laid - codes.mean(0)) ** 2).sum(1).mean()
    low, high = interval_of(np.sqrt(bootstrap_means(errors.mean(1), seed=evidence.seed) / spread))
    return Score(
        name="cycle_error",
        value=float(np.sqrt(errors.mean() / spread)),
        interval=(low, high),
        resampling=bootstrapped("paths"),
        n=ends.pairs,
        direction="lower",
        unit="spreads of the codes",
        range=(0.0, np.inf),
        chance=float(np.sqrt(from_middle / spread)),
        parts={"t": np.linspace(0, 1, steps).tolist(), "error": np.sqrt(errors.mean(0) / spread).tolist()},
        settings={**path_settings(evidence, ends), "steps": steps, "spread": float(np.sqrt(spread))},
        meaning="How far from a point on a path the encoder puts what the decoder made of it.",
        misleads="dimensions that the decoder ignores cannot be found again, and nothing is lost with them.",
    )


class Neighbours:
    """Real rows, and how near to its nearest other row 95 % of them are."""

    def __init__(self, rows: NDArray[Any]) -> None:
        from sklearn.neighbors import NearestNeighbors

        self.rows = flat(rows).astype(np.float32)
        self._index: Any = NearestNeighbors(n_neighbors=1)
        self._index.fit(self.rows)
        own = np.asarray(self._index.kneighbors()[0][:, 0], np.float64)
        # nearest distances are differences of large squares: equal rows come out a rounding apart
        slack = 1e-6 * float(np.sqrt((self.rows**2).sum(1).mean()))
        self.allowed = float(np.quantile(own, QUANTILE)) + slack

    def near(self, data: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row of `data` is as near to the real ones as 95 % of those are to each other."""
        distances = np.asarray(self._index.kneighbors(flat(data).astype(np.float32))[0][:, 0], np.float64)
        return distances <= self.allowed


ENTRIES = (
    Entry("midpoint_realism", frozenset({"decode"}), midpoint_realism_of, why_no_ends),
    Entry("cycle_error", frozenset({"encode", "decode"}), cycle_error_of, why_no_ends),
)
