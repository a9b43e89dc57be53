"""Directions that need no label: along which codes vary most, or along which a small step changes the data most."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.editing.directions import NUMBERS, Array, Directions, Quality
from latentarium.applications.editing.typicality import FULL, Typicality, shrunk_covariance
from latentarium.arrays import check_positive_int
from latentarium.data.splits import make_splits
from latentarium.errors import invalid
from latentarium.measures.interpretability.names import Name, name_latents
from latentarium.measures.interpretability.rows import checked_codes
from latentarium.rng import check_seed, generator
from latentarium.space import LatentSpace

Way = Literal["pca", "jacobian"]
WAYS: tuple[Way, ...] = ("pca", "jacobian")
POINTS = 16
"""Codes at which derivatives are taken."""
_DRAW = 462


def unsupervised_directions(
    space: LatentSpace, codes: ArrayLike, *, way: Way = "pca", count: int = 8, seed: int = 0
) -> Directions:
    """The `count` directions that matter most, called pca:1, .. or jacobian:1, ..; a step is a standard deviation.

    "pca" takes the principal components of the codes (Harkonen et al. 2020, GANSpace). "jacobian" sorts directions by
    how much a step of one standard deviation changes the decoded data: the eigenvectors of the mean of J'J at 16 codes,
    in coordinates in which the codes have unit covariance (for a linear decoder the closed form of Shen & Zhou 2021,
    SeFa). The quality of either is its share of the whole, with the share of the codes' variance or of that change.

    Raises
    ------
    InvalidInput
        For a space of more than 1,024 dimensions, or fewer than `count`.
    MissingCapability
        For "jacobian" of a space that cannot decode.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> space = from_callables(encode=lambda x: x, decode=lambda z: z, data_shape=(2,), name="same")
    >>> codes = np.random.default_rng(0).standard_normal((500, 2)) * [1, 5]
    >>> found = unsupervised_directions(space, codes, count=1)
    >>> found.names, np.abs(found.vectors).round().tolist()
    (('pca:1',), [[0.0, 5.0]])
    """
    if way not in WAYS:
        raise invalid("way", f"one of {WAYS}", way)
    table = checked_codes(codes)
    d = table.shape[1]
    if d > FULL:
        raise invalid("codes", f"of at most {FULL} dimensions", d)
    check_positive_int(count, "count", high=d)
    parts = make_splits(len(table), seed=check_seed(seed), test=0.2, validation=0.2)
    train, held_out = table[parts["train"]], np.concatenate([table[parts["validation"]], table[parts["test"]]])
    values, axes = np.linalg.eigh(shrunk_covariance(train))
    root = axes * np.sqrt(np.maximum(values, 0))
    if way == "jacobian":
        points = table[np.sort(generator(seed, _DRAW).permutation(len(table))[:POINTS])]
        values, turn = np.linalg.eigh(_metric(space, points, root))
        # the columns of `root` are orthogonal, of length one standard deviation
        steps, weights = root @ turn, (root / np.maximum((root**2).sum(0), 1e-300)) @ turn
    else:
        steps, weights = root, root / np.maximum((root**2).sum(0), 1e-300)
    order = np.argsort(-values, kind="stable")[:count]
    centre = train.mean(0)
    return Directions(
        names=tuple(f"{way}:{place}" for place in range(1, count + 1)),
        columns=tuple(f"{way}:{place}" for place in range(1, count + 1)),
        kinds=("number",) * count,
        weights=weights[:, order].T,
        bias=-centre @ weights[:, order],
        vectors=steps[:, order].T,
        centres=centre + steps[:, order].T,
        mean=np.zeros(count),
        scale=np.ones(count),
        quality=tuple(_share(values[a] / values.sum(), len(table)) for a in order),
        typicality=Typicality.fit(train, held_out),
        left_out={},
        settings={"way": way, "seed": seed},
    )


def joined(first: Directions, second: Directions) -> Directions:
    """Both kinds of directions of one space in one object, so that either can be kept while the other is changed."""
    words = ("names", "columns", "kinds", "quality")
    return dataclasses.replace(
        first,
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in NUMBERS},
        **{name: (*getattr(first, name), *getattr(second, name)) for name in words},
    )


def name_directions(
    directions: Directions, codes: ArrayLike, attributes: Mapping[str, NDArray[np.bool_]], *, seed: int = 0
) -> tuple[Name, ...]:
    """A name for each direction, "unnamed" where held-out rows do not bear one out (`measures.name_latents`).

    `attributes` are 0 and 1 for each row; `Name.latent` is the direction's place.
    """
    table = np.column_stack([np.asarray(values, np.float64) for values in attributes.values()])
    return name_latents(directions.scores(codes), table, names=list(attributes), seed=seed)


def _metric(space: LatentSpace, points: Array, root: Array) -> Array:
    """Mean over `points` of R'J'JR, (d, d), for the columns of `root` R as tangents."""
    count, d = points.shape
    shaped = points.reshape(count, *space.shape).astype(np.float32)
    pushed = np.empty((d, count * int(np.prod(space.data_shape))), np.float32)
    for axis in range(d):
        tangent = np.broadcast_to(root[:, axis].reshape(space.shape), shaped.shape).astype(np.float32)
        pushed[axis] = space.decode_jvp(shaped, tangent)[1].ravel()
    return (pushed @ pushed.T).astype(np.float64) / count


def _share(value: float, count: int) -> Quality:
    return Quality(measure="share", value=float(value), interval=(float(value), float(value)), n=count)
