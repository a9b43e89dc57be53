"""Ex-post priors: distributions fitted to where an autoencoder puts its rows, once it is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches
from latentarium.conditions import Condition
from latentarium.data.rows import Rows
from latentarium.distributions import ConditionalMixture, DiagonalMixture, Distribution, Mixture, Normal
from latentarium.errors import invalid
from latentarium.nn.flows import LAYERS, MOST_LAYERS, fit_flow
from latentarium.rng import draw, generator
from latentarium.space import LatentSpace

PRIOR_ROWS, STOPPING_ROWS = 20_000, 5000
"""Training rows that a prior is fitted to, and validation rows that stop the fit of a flow, at most."""
COMPONENTS, POSTERIORS = 10, 500
_SIZES = {"mixture": (COMPONENTS, 1000), "vamp": (POSTERIORS, 5000), "flow": (LAYERS, MOST_LAYERS)}
_ENCODE_VALUES = 2**22
_ROWS, _NOISE, _CHOICE = 51, 52, 53
_TINY = 1e-6
_A = {"ae": "an AE", "gan": "a GAN"}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PriorChoice:
    """A kind of prior, "normal", "mixture", "vamp" or "flow", and its size, 0 for the kind's own."""

    kind: str
    size: int = 0


def parse_prior(text: object, *, model: str, anchored: bool = False) -> PriorChoice:
    """Read "auto", "normal", "mixture:10", "vamp:500" or "flow:8" for a "vae", "ae" or "gan".

    "auto" is N(0, I) for a VAE, and for a GAN that is not `anchored` to rows; a mixture where rows have places.

    Raises
    ------
    InvalidInput
        When the model cannot have such a prior, too.

    Examples
    --------
    >>> parse_prior("flow:4", model="ae")
    PriorChoice(kind='flow', size=4)
    """
    kind, _, size = text.partition(":") if isinstance(text, str) else ("", "", "")
    sized = kind in _SIZES and size.isascii() and size.isdigit() and 1 <= int(size) <= _SIZES[kind][1]
    if not (sized or (kind in ("auto", "normal", *_SIZES) and text == kind)):
        limits = ", ".join(f"{name}:{most}" for name, (_, most) in _SIZES.items())
        raise invalid("prior", "auto, normal, mixture:10, vamp:500 or flow:8", text, f"at most {limits}")
    if model == "gan" and not anchored and kind not in ("auto", "normal"):
        raise invalid("prior", "left out for a GAN without an anchor, which is trained to draw from N(0, I)", text)
    if model != "vae" and kind == "vamp":
        raise invalid("prior", f"normal, mixture or flow for {_A[model]}, whose codes have no posterior", text)
    if kind == "auto":
        kind = "mixture" if model == "ae" or anchored else "normal"
    return PriorChoice(kind, int(size or 0))


@dataclass(frozen=True)
class Encoded:
    """Rows as the encoder gives them: codes (n, d), and the std of each posterior (n, d), None for an AE."""

    codes: NDArray[Any]
    stds: NDArray[Any] | None = None

    @classmethod
    def of(cls, space: LatentSpace, x: NDArray[np.float32]) -> "Encoded":
        """The rows `x` in array units, encoded by `space`."""
        if "posterior" not in space.capabilities:
            return cls(space.encode(x).reshape(len(x), -1))
        posterior = space.posterior(x)
        return cls(posterior.mean.reshape(len(x), -1), posterior.std.reshape(len(x), -1))

    def filled(self) -> "Encoded":
        """The same codes, each as wide as they together leave N(0, I) unfilled: what an anchored GAN is held to."""
        return Encoded(self.codes, np.sqrt(np.clip(1 - np.var(self.codes, axis=0, keepdims=True), 0, None)))

    def draws(self, seed: int) -> Array:
        """One draw of each posterior, or the codes; (n, d)."""
        codes = np.asarray(self.codes, np.float64)
        if self.stds is None:
            return codes
        return codes + self.stds * generator(seed, _NOISE).standard_normal(codes.shape)


Part = Callable[[str], Encoded]
"""Gives the encoded rows of "train" or "validation"; asked only for what a prior needs."""


def fit_prior(choice: PriorChoice, part: Part, *, dim: int, variational: bool, seed: int) -> Distribution:
    """The prior of a model with `dim` latents.

    A mixture and a flow are fitted to one draw of each posterior (a VAE) or to the codes (an AE). A VampPrior has the
    posteriors of some training rows as components; its weights make draws of the others likeliest.

    Parameters
    ----------
    choice : which
    part : gives the encoded training and validation rows
    variational : whether the model is trained with N(0, I) as its prior (a VAE, a GAN); "normal" is fitted where not
    seed : of every random choice
    """
    kind = choice.kind
    if kind == "normal":
        return Normal.standard(dim) if variational else _fit_normal(part("train").draws(seed))
    if kind == "vamp":
        return _fit_vamp(part("train"), choice.size or POSTERIORS, seed)
    if kind == "flow":
        train, held = part("train"), part("validation").draws(seed)
        return fit_flow(train.codes, train.stds, validation=held, layers=choice.size or LAYERS, seed=seed)
    points = part("train").draws(seed)
    return Mixture.fit(points, components=choice.size, seed=seed) if choice.size else _few_gaussians(points, seed)


def fit_given(
    points: Array, columns: Sequence[tuple[Condition, NDArray[np.int16]]], *, seed: int
) -> ConditionalMixture:
    """Where the codes lie of rows with each value of the columns that a decoder is told.

    The values of the first column that holds classes have Gaussians of their own; how those are shared among the
    values of other columns is counted. Without a column of classes the Gaussians are fitted to all rows.

    Parameters
    ----------
    points : draws of the posteriors, or codes, of training rows (n, d)
    columns : what the decoder is told, and which of its values each row has, -1 for none
    """
    classes = next(((c, numbers) for c, numbers in columns if not c.binary), None)
    groups = [np.arange(len(points))]
    if classes is not None:
        groups = [np.flatnonzero(classes[1] == value) for value in range(len(classes[0].values))]
    # a class that no row of this draw has is where all rows are
    parts = [_few_gaussians(points[g] if len(g) > 1 else points, seed) for g in groups]
    weights = np.concatenate([part.weights * max(len(g), 1) for part, g in zip(parts, groups, strict=True)])
    mixture = Mixture(
        weights=weights / weights.sum(),
        means=np.concatenate([part.means for part in parts]),
        factors=np.concatenate([part.factors for part in parts]),
    )
    belongs = mixture.responsibilities(points)
    own = np.repeat(np.arange(len(parts)), [len(part.weights) for part in parts])
    shares = [
        _own_shares(mixture.weights, own) if classes is not None and column is classes[0] else
        _counted_shares(mixture.weights, belongs, numbers, len(column.values))
        for column, numbers in columns
    ]  # fmt: skip
    return ConditionalMixture(mixture=mixture, shares=np.concatenate(shares))


def _few_gaussians(points: Array, seed: int) -> Mixture:
    """As many Gaussians as the rows can bear, at most `COMPONENTS`."""
    few = int(np.clip(len(points) // (4 * points.shape[1] + 1), 1, COMPONENTS))
    return Mixture.fit(points, components=few, seed=seed)


def _own_shares(weights: Array, own: NDArray[np.int64]) -> Array:
    """P(component | value) where each component belongs to one value."""
    table = np.where(own == np.arange(own.max() + 1)[:, None], weights, 0.0)
    return table / table.sum(1, keepdims=True)


def _counted_shares(weights: Array, belongs: Array, numbers: NDArray[np.int16], values: int) -> Array:
    """P(component | value) from P(component | row) of the rows that have the value; `weights` where none has."""
    found = [belongs[numbers == value] for value in range(values)]
    return np.stack([rows.mean(0) if len(rows) else weights for rows in found])


def _fit_normal(points: Array) -> Normal:
    std = points.std(0)
    return Normal(mean=points.mean(0), std=np.maximum(std, _TINY * max(1.0, float(std.max()))))


def _fit_vamp(train: Encoded, components: int, seed: int) -> DiagonalMixture:
    """Posteriors of a seeded choice of rows, at most half of them, weighted by draws of the other rows."""
    stds = np.asarray(train.stds, np.float64)
    order = generator(seed, _CHOICE).permutation(len(stds))
    count = min(components, max(1, len(order) // 2))
    others = order[count:] if len(order) > count else order
    points = train.draws(seed)[others]
    return DiagonalMixture.fit_weights(np.asarray(train.codes[order[:count]], np.float64), stds[order[:count]], points)


def prior_rows(numbers: NDArray[np.int64], part: str, *, seed: int) -> NDArray[np.int64]:
    """The row numbers of a part that a prior sees: all, or a seeded draw."""
    most = PRIOR_ROWS if part == "train" else STOPPING_ROWS
    return draw(numbers, most, seed=seed, stream=_ROWS)


def rows_at_once(space: LatentSpace) -> int:
    """How many rows to encode in one call: a few million values, so that a mapped source is not read whole."""
    return max(space.batch_size, _ENCODE_VALUES // int(np.prod(space.data_shape)))


def encode_part(space: LatentSpace, rows: Rows, part: str, *, seed: int) -> Encoded:
    """The rows of `part` that a prior sees, encoded a few million values at a time."""
    numbers = prior_rows(rows.splits[part], part, seed=seed)
    pieces = [Encoded.of(space, rows.array(numbers[piece])) for piece in batches(len(numbers), rows_at_once(space))]
    stds = [piece.stds for piece in pieces if piece.stds is not None]
    return Encoded(np.concatenate([piece.codes for piece in pieces]), np.concatenate(stds) if stds else None)
