"""What latents know of the data and of each other, and how evenly a codebook is used."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.distributions import Distribution
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import LOG_2PI, Evidence, flat
from latentarium.measures.nulls import halved, rescaled_interval
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped, check_row_count
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
POINTS, COMPONENTS = 2000, 10_000
BINS, PAIR_ROWS = 20, 10_000
_RESAMPLES = 100
_SMALLEST_EIGENVALUE = float(np.finfo(np.float32).eps)
_ROWS, _HALVES, _PAIR_ROWS = 311, 312, 313


def mutual_information(space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None) -> Score:
    """I(x; z) in nats from below: mean log q(z|x) - log q(z), with q(z) the mean of the posteriors of the rows.

    Minibatch-weighted sampling (Chen et al. 2018, app. C.1) with the row's own posterior in the mixture, which makes
    it a lower bound that cannot exceed log(rows) (Poole et al. 2019, sec. 2.3); the rate, in the settings, bounds it
    from above.

    Raises
    ------
    MissingCapability
        When the space has no posterior.
    """
    return mutual_information_of(Evidence.of(space, x, seed=seed, prior=prior))


def gaussian_total_correlation(codes: ArrayLike, *, seed: int = 0) -> Score:
    """1/2 (sum_j log S_jj - log det S) of the covariance S of the codes, in nats; from 0, 0 is uncorrelated.

    The total correlation of a Gaussian with these covariances (Locatello et al. 2019, sec. 5.2). Constant dimensions
    are left out. Eigenvalues of the correlation matrix count as 1.2e-7, what float32 can tell from zero, at least: an
    exact copy of a dimension costs about 8 nats and not infinitely many.

    Parameters
    ----------
    codes : (n, d) or (n, ..), more rows than varying dimensions

    Raises
    ------
    InvalidInput
        When there are too few rows.

    Examples
    --------
    >>> gaussian_total_correlation([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).value
    0.0
    """
    points = _rows(codes)
    varied = points[:, points.std(0) > 1e-7 * np.abs(points).max(0)]
    if 2 * varied.shape[1] > len(varied):
        raise invalid("codes", f"at least {2 * varied.shape[1]} rows, two for each varying dimension", len(varied))
    correlation = _correlation(varied)
    value = _total_correlation(correlation)
    random = generator(seed, _HALVES)
    half = len(varied) // 2
    picks = (random.permutation(len(varied))[:half] for _ in range(_RESAMPLES))
    draws = np.array([_total_correlation(_correlation(varied[pick])) for pick in picks])
    interval = rescaled_interval(value, draws, size=half, count=len(varied), within=(0.0, np.inf))
    smallest = np.linalg.eigvalsh(correlation)[:1] if varied.shape[1] else np.ones(1)
    return Score(
        name="gaussian_total_correlation",
        value=value,
        interval=interval,
        resampling=halved(_RESAMPLES),
        n=len(points),
        direction="lower",
        unit="nats",
        range=(0.0, np.inf),
        settings={
            "dimensions": varied.shape[1],
            "constant_dimensions": points.shape[1] - varied.shape[1],
            "smallest_eigenvalue": float(smallest[0]),
            "floor": _SMALLEST_EIGENVALUE,
            "seed": seed,
        },
        meaning="Information that the latents share, as far as correlations show it.",
        misleads="it sees lines only, and any rotation onto the principal axes brings it to 0:"
        " independent is not disentangled.",
    )


def mean_pairwise_information(codes: ArrayLike, *, bins: int = BINS, rows: int = PAIR_ROWS, seed: int = 0) -> Score:
    """Mean mutual information of two latents in nats, over all pairs of varying dimensions; from 0, 0 is independent.

    From counts in `bins` equally filled bins a dimension, less the bias of such counts on independent latents
    (Miller & Madow: (a - 1)(b - 1) / 2n with a and b filled bins). Unchanged by any increasing map of a dimension. The
    parts hold each dimension's mean over its partners, and its closest partner.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    bins : 2 at least, a tenth of the rows at most
    rows : most rows used, drawn by `seed`

    Raises
    ------
    InvalidInput
        When there are too few rows for the bins.
    """
    points = _rows(codes)
    points = points[np.sort(generator(seed, _PAIR_ROWS).permutation(len(points))[:rows])]
    check_positive_int(bins, "bins", low=2, high=max(2, len(points) // 10))
    symbols = _binned(points, bins)
    varying = np.flatnonzero(symbols.max(0) > 0)
    table, per_row = _pairwise(symbols[:, varying])
    full = np.zeros((points.shape[1],) * 2)
    full[np.ix_(varying, varying)] = table
    low, high = bootstrap_interval(per_row, seed=seed)
    return Score(
        name="mean_pairwise_information",
        value=max(0.0, float(per_row.mean())),
        interval=(max(0.0, low), max(0.0, high)),
        resampling=bootstrapped(kept="bins"),
        n=len(points),
        direction="lower",
        unit="nats",
        range=(0.0, float(np.log(bins))),
        chance=0.0,
        parts={
            "mean": (full.sum(1) / max(1, len(varying) - 1)).tolist(),
            "closest": full.argmax(1).astype(float).tolist(),
            "information": full.max(1).tolist(),
        },
        settings={"bins": bins, "correction": "Miller-Madow", "varying_dimensions": len(varying), "seed": seed},
        meaning="What one latent tells of another, on average over pairs.",
        misleads="pairs may be independent where three together are not; a mean over many pairs hides one copy.",
    )


def codebook_use(codes: ArrayLike, *, size: int) -> Score:
    """Share of the `size` entries of a codebook that occur among integer `codes` of any shape; 0 to 1.

    The interval runs from what was seen to the entries there must be by how many were seen once and twice
    (Chao 1984), so that few codes are not taken for a dead codebook.

    Raises
    ------
    InvalidInput
        When codes are no integers from 0 to size - 1, or there are none.

    Examples
    --------
    >>> codebook_use([[0, 1], [1, 0], [0, 1]], size=8).value
    0.25
    """
    counts = _code_counts(codes, size)
    used, once, twice = (int((test).sum()) for test in (counts > 0, counts == 1, counts == 2))
    unseen = once * (once - 1) / (2 * (twice + 1))
    return Score(
        name="codebook_use",
        value=used / size,
        interval=(used / size, min(1.0, (used + unseen) / size)),
        resampling="from the entries seen to Chao's estimate of those there are",
        n=int(counts.sum()),
        direction="higher",
        range=(0.0, 1.0),
        parts={"count": counts.tolist()},
        settings={"size": size},
        meaning="Entries of the codebook that occur at all.",
        misleads="an entry seen once counts as much as one seen a thousand times: see the perplexity.",
    )


def codebook_perplexity(codes: ArrayLike, *, size: int, seed: int = 0) -> Score:
    """exp of the entropy of how often each of `size` codebook entries occurs; 1 to `size`, where all occur alike.

    The interval resamples the first axis of `codes`, the rows, as codes of one datum go together.

    Raises
    ------
    InvalidInput
        As `codebook_use`.

    Examples
    --------
    >>> round(codebook_perplexity([[0, 1], [1, 0], [0, 1]], size=8).value, 6)
    2.0
    """
    table = np.asarray(codes)
    frequency = _code_counts(table, size) / table.size
    surprise = -np.log(np.where(frequency > 0, frequency, 1.0))
    rows = surprise[table.astype(np.intp)].reshape(len(table), -1).mean(1)
    low, high = bootstrap_interval(rows, seed=seed)
    return Score(
        name="codebook_perplexity",
        value=float(np.exp(rows.mean())),
        interval=(max(1.0, float(np.exp(low))), min(float(size), float(np.exp(high)))),
        resampling=bootstrapped(),
        n=len(table),
        direction="higher",
        unit=f"of {size}",
        range=(1.0, float(size)),
        parts={"frequency": frequency.tolist()},
        settings={"size": size, "codes_per_row": table.size // len(table), "seed": seed},
        meaning="Entries the codebook would have if it said the same with all of them used alike.",
        misleads="it rests on the number of codes seen: fewer codes than entries cannot fill the codebook.",
    )


def mutual_information_of(evidence: Evidence) -> Score:
    """`mutual_information` of evidence at hand."""
    order = generator(evidence.seed, _ROWS).permutation(len(evidence.x))[:COMPONENTS]
    q = evidence.aggregated(order)
    points = flat(evidence.latents[order[:POINTS]])
    own = ((points - q.means[:POINTS]) / q.stds[:POINTS]) ** 2
    log_own = -0.5 * (own + LOG_2PI).sum(1) - np.log(q.stds[:POINTS]).sum(1)
    rows = log_own - q.log_prob(points)
    most = float(np.log(len(order)))
    value = float(rows.mean())
    low, high = bootstrap_interval(rows, seed=evidence.seed)
    stuck = ", and here it stands at that limit" if value > most - 1 else ""
    return Score(
        name="mutual_information",
        value=min(max(0.0, value), most),
        interval=(min(max(0.0, low), most), min(max(0.0, high), most)),
        resampling=bootstrapped(kept="the mixture"),
        n=len(rows),
        direction="neither",
        unit="nats",
        range=(0.0, most),
        chance=0.0,
        settings={
            "bound": "lower",
            "upper_bound": float(evidence.rate[order].mean()),
            "prior_of_upper_bound": evidence.describe_prior(),
            "components": len(order),
            "estimator": "minibatch-weighted sampling, all components",
            "seed": evidence.seed,
        },
        meaning="Information that a latent drawn for a datum carries about which datum it was, at least.",
        misleads=f"{len(order)} rows cannot show more than log(rows) = {most:.1f} nats{stuck};"
        " the truth lies between it and the rate.",
    )


def codebook_use_of(evidence: Evidence) -> Score:
    """`codebook_use` of the codes of evidence at hand."""
    numbers, size = evidence.once(_numbers)
    return codebook_use(numbers, size=size)


def codebook_perplexity_of(evidence: Evidence) -> Score:
    """`codebook_perplexity` of the codes of evidence at hand."""
    numbers, size = evidence.once(_numbers)
    return codebook_perplexity(numbers, size=size, seed=evidence.seed)


def _numbers(evidence: Evidence) -> tuple[NDArray[np.int64], int]:
    """Code numbers (n, positions) and how many codes there are; codes of positions with books of their own differ."""
    letters = evidence.space.alphabet
    if letters is None:
        raise invalid("space", "quantised, so that it has a codebook", evidence.space.name)
    numbers = evidence.space.codes_to_integers(evidence.codes)
    if letters.shared:
        return numbers, max(letters.sizes)
    starts = np.cumsum([0, *letters.sizes])
    return numbers + starts[:-1], int(starts[-1])


def _why_no_codebook(evidence: Evidence) -> str:
    return "" if evidence.space.alphabet else "the space is not quantised"


def _rows(codes: ArrayLike) -> Array:
    points = np.asarray(codes, np.float64)
    check_finite(points, "codes")
    check_row_count(len(points), least=4)
    return points.reshape(len(points), -1)


def _correlation(points: Array) -> Array:
    """Correlations of the columns; a column that is constant in these rows is correlated with none."""
    centred = points - points.mean(0)
    norms = np.linalg.norm(centred, axis=0)
    unit = centred / np.where(norms > 0, norms, 1.0)
    table = unit.T @ unit
    np.fill_diagonal(table, 1.0)
    return table


def _total_correlation(correlation: Array) -> float:
    values = np.linalg.eigvalsh(correlation) if len(correlation) else np.ones(1)
    return max(0.0, -0.5 * float(np.log(np.maximum(values, _SMALLEST_EIGENVALUE)).sum()))


def _binned(points: Array, bins: int) -> NDArray[np.intp]:
    """Each column as numbers 0, 1, .. of bins that hold equally many rows; equal values share a bin."""
    out = np.empty(points.shape, np.intp)
    for j, column in enumerate(points.T):
        edges = np.unique(np.quantile(column, np.arange(1, bins) / bins))
        found: NDArray[np.intp] = np.asarray(np.searchsorted(edges, column, side="right"), np.intp)
        out[:, j] = np.unique(found, return_inverse=True)[1].reshape(-1)
    return out


def _pairwise(symbols: NDArray[np.intp]) -> tuple[Array, Array]:
    """Corrected information of each pair of columns (d, d), and each row's mean over pairs (n,)."""
    count, dim = symbols.shape
    table, per_row = np.zeros((dim, dim)), np.zeros(count)
    filled = symbols.max(0) + 1 if count else np.zeros(dim, np.intp)
    logs = [np.log(np.bincount(column) / count) for column in symbols.T]
    for i in range(dim):
        for j in range(i):
            joint = symbols[:, i] * filled[j] + symbols[:, j]
            shared = np.bincount(joint)[joint] / count
            pointwise = np.log(shared) - logs[i][symbols[:, i]] - logs[j][symbols[:, j]]
            pointwise -= (filled[i] - 1) * (filled[j] - 1) / (2 * count)
            table[i, j] = table[j, i] = pointwise.mean()
            per_row += pointwise
    return table, per_row / max(1, dim * (dim - 1) // 2)


def _code_counts(codes: ArrayLike, size: int) -> NDArray[np.int64]:
    check_positive_int(size, "size")
    table = np.asarray(codes)
    if table.dtype.kind not in "iu" or not table.size:
        raise invalid("codes", "integers, at least one", f"dtype {table.dtype}, shape {table.shape}")
    if int(table.min()) < 0 or int(table.max()) >= size:
        raise invalid("codes", f"from 0 to {size - 1}", f"{table.min()} to {table.max()}")
    return np.bincount(table.ravel().astype(np.intp), minlength=size).astype(np.int64)


ENTRIES = (
    Entry("mutual_information", frozenset({"posterior"}), mutual_information_of),
    Entry(
        "gaussian_total_correlation",
        frozenset({"encode"}),
        lambda e: gaussian_total_correlation(e.codes, seed=e.seed),
    ),
    Entry(
        "mean_pairwise_information",
        frozenset({"encode"}),
        lambda e: mean_pairwise_information(e.codes, seed=e.seed),
    ),
    Entry("codebook_use", frozenset({"encode"}), codebook_use_of, _why_no_codebook),
    Entry("codebook_perplexity", frozenset({"encode"}), codebook_perplexity_of, _why_no_codebook),
)
