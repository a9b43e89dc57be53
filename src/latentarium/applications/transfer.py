"""`LatentTransformer`: the codes of a latent space as features, as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentarium.applications.learning import Frame, checked_rows, learn_space
from latentarium.arrays import FloatArray
from latentarium.rng import check_seed
from latentarium.space import LatentSpace


class LatentTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Rows to codes: of a latent space that is given, or of one learned from the rows.

    Parameters
    ----------
    space : a `LatentSpace` that can encode; rows are in its array units, flattened or not. None learns one in `fit`
        from a matrix, or from pictures (n, h, w) and so on
    model : of a space that is learned: "vae", "ae", "pca", or "edges" for pictures, closed form, from whose codes
        classes are easiest to tell
    latent : its dimensions
    options : settings of the fit, such as {"steps": 2000, "objective": "beta:4"}
    seed : of every random choice

    Attributes
    ----------
    space_ : the latent space
    n_features_in_ : columns seen in fit

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 6))
    >>> LatentTransformer(model="pca", latent=2).set_output(transform="pandas").fit_transform(rows).shape
    (50, 2)
    """

    def __init__(
        self,
        space: LatentSpace | None = None,
        *,
        model: str = "vae",
        latent: int = 32,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.model = model
        self.latent = latent
        self.options = options
        self.seed = seed

    def fit(self, X: ArrayLike, y: Any = None) -> "LatentTransformer":  # noqa: N803
        """Learn the space where none is given; `y` is ignored."""
        del y
        check_seed(self.seed)
        given = checked_rows(self, X, reset=True)
        self._frame = Frame.of(given) if self.space is None else Frame.of_space(self.space)
        x = self._frame.array(given)
        settings = {"model": self.model, "latent": self.latent, "seed": self.seed, "options": self.options}
        self.space_ = learn_space(x, self._frame, **settings) if self.space is None else self.space
        self._n_features_out = self.space_.dim
        return self

    def transform(self, X: ArrayLike) -> FloatArray:  # noqa: N803
        """Codes of the rows, float32 (n, latent dimensions)."""
        check_is_fitted(self, "space_")
        x = self._frame.array(checked_rows(self, X, reset=False))
        return self.space_.encode(x).reshape(len(x), -1)

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Data for codes (n, latent dimensions), in the units that `fit` was given."""
        check_is_fitted(self, "space_")
        decoded = self.space_.decode(np.asarray(X, np.float32).reshape(-1, *self.space_.shape))
        return self._frame.raw(decoded)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
