"""Features: what generated and real rows are compared in, with the name that every score carries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int, map_batched
from latentarium.errors import invalid
from latentarium.measures.evidence import within
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
COMPONENTS = 64
_FIT_ROWS = 10_000
_BATCH = 256
_EXACT_WIDTH = 4096
_ROWS = 501


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A named function from rows to features; the name stands in the settings of every score taken in them.

    Parameters
    ----------
    name : what the scores say
    function : (n, *shape) -> (n, ..), each row for itself

    Examples
    --------
    >>> FeatureMap("sum", lambda rows: rows.sum(1, keepdims=True))(np.ones((2, 3))).tolist()
    [[3.0], [3.0]]
    """

    name: str
    function: Callable[[NDArray[Any]], ArrayLike]

    def __call__(self, rows: ArrayLike) -> Array:
        """Features (n, d) in float64.

        Raises
        ------
        InvalidInput
            When the function returns another number of rows, NaN or infinity.
        """
        given = np.asarray(rows)
        found = np.asarray(self.function(given), np.float64)
        if found.ndim < 1 or len(found) != len(given):
            raise invalid(f"features {self.name!r}", f"{len(given)} rows, one for each row given", found.shape)
        check_finite(found, f"features {self.name!r}")
        return np.ascontiguousarray(found.reshape(len(found), -1))


Choice = FeatureMap | Callable[[Any], ArrayLike] | str | None
AS_GIVEN = FeatureMap("as given", lambda rows: rows)


def pixel_pca(rows: ArrayLike, *, components: int = COMPONENTS, seed: int = 0) -> FeatureMap:
    """Projection on the leading principal components of real `rows`, not whitened: features that need no network.

    Fitted on at most 10,000 rows drawn by `seed`; fewer components where the rows or their width give no more.

    Parameters
    ----------
    rows : (n, ..) real rows, of the training set where it is at hand

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 4, 4))
    >>> features = pixel_pca(rows, components=3)
    >>> features.name, features(rows).shape
    ('pixel_pca(3)', (50, 3))
    """
    from sklearn.decomposition import PCA

    table = np.asarray(rows)
    table = table.reshape(len(table), -1)
    if len(table) < 2:
        raise invalid("rows", "at least 2 real rows to fit components on", len(table))
    chosen = np.sort(generator(seed, _ROWS).permutation(len(table))[:_FIT_ROWS])
    table = table[chosen].astype(np.float64 if table.shape[1] <= _EXACT_WIDTH else np.float32)
    check_finite(table, "rows")
    count = min(check_positive_int(components, "components"), *table.shape)
    solver = "covariance_eigh" if table.shape[1] <= _EXACT_WIDTH else "randomized"
    with np.errstate(invalid="ignore", divide="ignore"):
        fitted = PCA(count, svd_solver=solver, random_state=0).fit(table)
    mean, basis = np.asarray(fitted.mean_), np.asarray(fitted.components_).T

    def project(values: NDArray[Any]) -> ArrayLike:
        wide = values.reshape(len(values), -1)
        if wide.shape[1] != len(mean):
            raise invalid("rows", f"{len(mean)} values a row, as those the components were fitted on", wide.shape[1])
        return map_batched(lambda part: (part - mean) @ basis, wide, shape=(count,), batch_size=_BATCH)

    return FeatureMap(f"pixel_pca({count})", project)


def encoder_features(space: LatentSpace) -> FeatureMap:
    """The codes of a space's own encoder as features; another model's encoder judges it more fairly.

    Rows are cut to the range that the encoder takes, which decoded samples may leave a little.

    Raises
    ------
    InvalidInput
        When the space has no encoder.
    """
    if "encode" not in space.capabilities:
        raise invalid("features", "codes of a space that encodes", space.name, "take pixels or another model's codes")
    return FeatureMap(f"codes of {space.name}", lambda rows: space.encode(within(space, rows)))


def chosen_features(space: LatentSpace, choice: Choice) -> FeatureMap | None:
    """What samples of `space` are compared in: None stays None, "codes" is its own encoder, else the function given.

    Raises
    ------
    InvalidInput
        When the choice is neither, or the space has no encoder.
    """
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice != "codes":
            raise invalid("features", "None, 'codes' or a function from rows to features", choice)
        return encoder_features(space)
    if not callable(choice):
        raise invalid("features", "None, 'codes' or a function from rows to features", type(choice).__name__)
    return as_feature_map(choice)


def as_feature_map(features: FeatureMap | Callable[[Any], ArrayLike] | None) -> FeatureMap:
    """A feature map as it is, any other callable under its own name, None for rows that are features already."""
    if features is None:
        return AS_GIVEN
    if isinstance(features, FeatureMap):
        return features
    return FeatureMap(getattr(features, "__name__", type(features).__name__), features)
