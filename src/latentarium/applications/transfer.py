"""`LatentTransformer`: the codes of a latent space as features, as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentarium.applications.learning import Frame, Network, checked_rows, learn_network, learn_space
from latentarium.applications.tuning import label_numbers, tune
from latentarium.arrays import FloatArray, as_rows
from latentarium.bundle import Bundle
from latentarium.errors import invalid
from latentarium.rng import check_seed
from latentarium.space import LatentSpace


class LatentTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Rows to codes: of a latent space that is given, or of one learned from the rows.

    Parameters
    ----------
    space : a `LatentSpace` that can encode; rows are in its array units, flattened or not. None learns one in `fit`
        from a matrix, or from pictures (n, h, w) and so on. A `Bundle` of a VAE or AE is one whose encoder can be tuned
    model : of a space that is learned: "vae", "ae", "pca", or "edges" for pictures, closed form, from whose codes
        classes are easiest to tell
    latent : its dimensions
    supervision : weight of the labels in `fit`'s y, where some rows have one and the others -1, NaN or "": networks
        go on learning with a head that tells the classes (see `tuning.tune`). 0 looks at no label
    options : settings of the fit, such as {"steps": 2000, "objective": "beta:4"}
    seed : of every random choice

    Attributes
    ----------
    space_ : the latent space
    n_features_in_ : columns seen in fit

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(50, 6))
    >>> LatentTransformer(model="pca", latent=2).set_output(transform="pandas").fit_transform(rows).shape
    (50, 2)
    """

    def __init__(
        self,
        space: LatentSpace | Bundle | None = None,
        *,
        model: str = "vae",
        latent: int = 32,
        supervision: float = 0.0,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.model = model
        self.latent = latent
        self.supervision = supervision
        self.options = options
        self.seed = seed

    def fit(self, X: ArrayLike, y: Any = None) -> "LatentTransformer":  # noqa: N803
        """Learn the space where none is given, and tune it to the labels in `y` where `supervision` is above 0.

        Raises
        ------
        InvalidInput
            For `supervision` without labels, or of a space whose networks are not ours to tune.
        """
        check_seed(self.seed)
        given = checked_rows(self, X, reset=True)
        space = self.space.space if isinstance(self.space, Bundle) else self.space
        self._frame = Frame.of(given) if space is None else Frame.of_space(space)
        x = self._frame.array(given)
        if self.supervision:
            self.space_ = self._tuned(x, y)
        elif space is None:
            self.space_ = learn_space(x, self._frame, **self._settings)
        else:
            self.space_ = space
        self._n_features_out = self.space_.dim
        return self

    @property
    def _settings(self) -> dict[str, Any]:
        return {"model": self.model, "latent": self.latent, "seed": self.seed, "options": self.options}

    def _tuned(self, x: FloatArray, y: Any) -> LatentSpace:
        if y is None or len(y) != len(x):
            found = "none" if y is None else f"{len(y)}"
            raise invalid("y", f"a label, -1, NaN or '' for each of {len(x)} rows where supervision is on", found)
        tunable = isinstance(self.space, Bundle) or (self.space is None and self.model in ("vae", "ae"))
        if not tunable:
            what = self.model if self.space is None else f"the space {self.space.name!r}"
            raise invalid("supervision", "0, or the space a Bundle or the model 'vae' or 'ae' to be tuned", what)
        classes = label_numbers(y)
        if isinstance(self.space, Bundle):
            network, provenance = Network.of_bundle(self.space), dict(self.space.space.provenance)
        else:
            network, provenance = learn_network(x, self._frame, **self._settings)
        tuned = tune(network, x, classes, weight=self.supervision, seed=self.seed)
        return tuned.as_space("tuned", {**provenance, "supervision": self.supervision})

    def transform(self, X: ArrayLike) -> FloatArray:  # noqa: N803
        """Codes of the rows, float32 (n, latent dimensions)."""
        check_is_fitted(self, "space_")
        x = self._frame.array(checked_rows(self, X, reset=False))
        return self.space_.encode(x).reshape(len(x), -1)

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Data for codes (n, latent dimensions), in the units that `fit` was given.

        Raises
        ------
        InvalidInput
            For codes of another shape.
        """
        check_is_fitted(self, "space_")
        codes = as_rows(X, (self.space_.dim,), name="X")
        decoded = self.space_.decode(codes.reshape(-1, *self.space_.shape))
        return self._frame.raw(decoded)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
