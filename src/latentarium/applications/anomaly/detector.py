"""`LatentOutlierDetector`: odd rows by a latent space, as a scikit-learn estimator."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from latentarium.applications.anomaly.parts import Batch, Part, Setting, fit_parts, parse_scores
from latentarium.applications.learning import Frame, checked_rows, learn_space
from latentarium.arrays import FloatArray, batches, pad_rows, rows_within
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, invalid
from latentarium.measures.detection import (
    Drift,
    Threshold,
    benjamini_hochberg,
    calibration_drift,
    conformal_p_values,
    conformal_threshold,
    features_of,
    peaks_over_threshold,
    quantile_threshold,
    rows_needed,
)
from latentarium.rng import check_seed, draw, generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
BATCH = 128
REFERENCE_ROWS, REFERENCE_VALUES = 20_000, 2**26
SCALE_ROWS = 200
THRESHOLDS = {
    "conformal": conformal_threshold,
    "quantile": quantile_threshold,
    "pot": peaks_over_threshold,
}
_SPLIT, _REFERENCE, _FIRST = 62, 63, 67
FIRST_LOOKS, FIRST_ROWS = 4, 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """The fitted scores of a detector, each in units of what a calibration row has on average."""

    setting: Setting
    parts: Mapping[str, Part]
    units: Mapping[str, float]

    @classmethod
    def fit(cls, setting: Setting, reference: FloatArray, *, scores: str) -> "Judge":
        most = rows_within(REFERENCE_VALUES, reference.shape[1:], most=REFERENCE_ROWS)
        if len(reference) > most:
            reference = reference[draw(np.arange(len(reference)), most, seed=setting.seed, stream=_REFERENCE)]
        parts = fit_parts(setting, reference, scores)
        return cls(setting=setting, parts=parts, units=dict.fromkeys(parts, 1.0))

    def in_units_of(self, calibration: FloatArray) -> "Judge":
        """The same scores, divided by their mean size over `calibration` rows."""
        bare = Judge(setting=self.setting, parts=self.parts, units=dict.fromkeys(self.parts, 1.0))
        table = bare.table(calibration)
        units = {name: float(max(np.abs(table[:, i]).mean(), 1e-300)) for i, name in enumerate(self.parts)}
        return Judge(setting=self.setting, parts=self.parts, units=units)

    def table(self, x: FloatArray) -> Array:
        """Every part's score of every row (n, parts); a row's does not depend on its neighbours."""
        out = np.empty((len(x), len(self.parts)))
        for part in batches(len(x), BATCH):
            # batches of one length: matrix libraries sum in another order for another length
            batch = Batch(self.setting, pad_rows(x[part], BATCH))
            for i, (name, score) in enumerate(self.parts.items()):
                out[part, i] = score.rows(batch)[: part.stop - part.start] / self.units[name]
        return out

    def scores(self, x: FloatArray) -> Array:
        """The whole score of each row, (n,)."""
        return self.table(x).sum(1)

    def maps(self, x: FloatArray) -> Array:
        """What each value of each row adds to its score, (n, *data_shape)."""
        out = np.empty(x.shape)
        for part in batches(len(x), BATCH):
            batch = Batch(self.setting, pad_rows(x[part], BATCH))
            found = sum(score.maps(batch) / self.units[name] for name, score in self.parts.items())
            out[part] = np.asarray(found)[: part.stop - part.start]
        return out


class LatentOutlierDetector(OutlierMixin, BaseEstimator):
    """Finds odd rows by a latent space: one that is given, or one learned on the spot.

    The default score asks how far a row lies from the plane through the rows that are nearest to it in the latent
    space; pictures are compared by their edges, other data by their values. It was chosen on training rows of MNIST.
    Scores are deterministic and do not depend on the rows they come with. The threshold comes from calibration rows
    that nothing was fitted to.

    Parameters
    ----------
    space : a `LatentSpace` with encode, and decode for all scores but "plane", "data-neighbours", or a `Bundle` of one;
        rows are in its array units, flattened or not. None learns one from X: a matrix, or pictures (n, h, w) and so on
    model : of a space learned on the spot: "pca", "edges" (pictures), "vae" or "ae"
    latent : its dimensions
    scores : "plane", "weighted" (reconstruction error in units of each value's own), "plain", "elbo", "iwae",
        "mahalanobis", "latent-neighbours", "data-neighbours", or several joined by +, each in units of what a
        calibration row has on average
    neighbours : rows that a row is compared with
    alpha : share of normal rows that may be called odd, which sets the threshold
    threshold : "conformal" (at most alpha, over calibration splits), "quantile" or "pot" (a fitted tail)
    contamination : share of odd rows in X itself; the oddest are left out before anything is calibrated, and are what
        `fit_predict` calls odd. "auto" trusts X. It says nothing of new rows, which `alpha` judges
    novelty : X is known to be normal: `contamination` must stay "auto" and `fit_predict` is refused
    calibration : share of the rows held out for the threshold
    options : settings of the fit of a "vae" or "ae", such as {"steps": 2000}
    seed : of every random choice

    Attributes
    ----------
    space_ : the latent space
    threshold_ : `measures.detection.Threshold`, with the exact interval of its false alarms
    offset_ : minus the threshold; `decision_function` is `score_samples` minus it
    calibration_scores_ : of the calibration rows, higher is odder
    map_floor_, map_scale_ : 0 or less, and the hottest value in a map of a calibration row: the fixed ends of the
        colour scale
    n_features_in_ : columns seen in fit

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(400, 5))
    >>> detector = LatentOutlierDetector().fit(rows)
    >>> detector.predict([[0.0] * 5, [9.0] * 5]).tolist()
    [1, -1]
    """

    def __init__(
        self,
        space: LatentSpace | Bundle | None = None,
        *,
        model: str = "pca",
        latent: int = 32,
        scores: str = "plane",
        neighbours: int = 20,
        alpha: float = 0.05,
        threshold: str = "conformal",
        contamination: float | str = "auto",
        novelty: bool = False,
        calibration: float = 0.2,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.model = model
        self.latent = latent
        self.scores = scores
        self.neighbours = neighbours
        self.alpha = alpha
        self.threshold = threshold
        self.contamination = contamination
        self.novelty = novelty
        self.calibration = calibration
        self.options = options
        self.seed = seed

    def fit(self, X: ArrayLike, y: Any = None, *, calibration_rows: ArrayLike | None = None) -> "LatentOutlierDetector":  # noqa: N803
        """Learn the space where none is given, fit the scores, set the threshold.

        Parameters
        ----------
        X : (n, d), or pictures
        y : ignored
        calibration_rows : normal rows to calibrate on in place of a share of X

        Raises
        ------
        InvalidInput
            One line that names the parameter, the rule, the value and the way out.
        """
        del y
        share = self._check()
        given = checked_rows(self, X, reset=True)
        self._frame = Frame.of(given) if self._given_space is None else Frame.of_space(self._given_space)
        x = self._frame.array(given)
        own = None if calibration_rows is None else self._frame.array(checked_rows(self, calibration_rows, reset=False))
        self.labels_ = np.ones(len(x), np.int64)
        if share:
            self._fit_to(x, own)
            oddest = np.argsort(-_first_look(self._judge.setting, x, self.scores), kind="stable")[
                : round(share * len(x))
            ]
            self.labels_[oddest] = -1
        self._fit_to(x[self.labels_ == 1], own)
        return self

    def _fit_to(self, x: FloatArray, own: FloatArray | None) -> None:
        """Everything that follows from normal rows; `own` are the caller's calibration rows."""
        reference, held = _parted(x, self.calibration, self.seed) if own is None else (x, own)
        space = self._given_space
        if space is None:
            space = learn_space(
                reference, self._frame, model=self.model, latent=self.latent, seed=self.seed, options=self.options
            )
        features = features_of(self._frame.data_shape, picture=self._frame.is_picture)
        setting = Setting(space=space, features=features, neighbours=self.neighbours, seed=self.seed)
        self.space_ = space
        self._judge = Judge.fit(setting, reference, scores=self.scores).in_units_of(held)
        self.calibration_scores_ = self._judge.scores(held)
        self.threshold_: Threshold = THRESHOLDS[self.threshold](self.calibration_scores_, alpha=self.alpha)
        self.offset_ = -self.threshold_.value
        self._shown = held[:SCALE_ROWS]

    def anomaly_score(self, X: ArrayLike) -> Array:  # noqa: N803
        """How odd each row is, (n,); higher is odder, about 1 for a normal row (bounds in nats apart)."""
        x = self._seen(X)
        return self._judge.scores(x)

    def score_samples(self, X: ArrayLike) -> Array:  # noqa: N803
        """Minus `anomaly_score`: higher is more normal, as scikit-learn has it."""
        return -self.anomaly_score(X)

    def decision_function(self, X: ArrayLike) -> Array:  # noqa: N803
        """`score_samples` minus `offset_`: below 0 is odd."""
        scores = self.score_samples(X)
        return scores - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """-1 for rows above the threshold, 1 for the others."""
        return np.where(self.decision_function(X) < 0, -1, 1).astype(np.int64)

    def fit_predict(self, X: ArrayLike, y: Any = None, **fit_params: Any) -> NDArray[np.int64]:  # noqa: N803
        """Fit and judge X itself: with a number as `contamination` its oddest share is -1, else as `predict` says."""
        if self.novelty:
            raise InvalidInput(
                "fit_predict judges the rows it learns from, which novelty=True takes to be normal; "
                "call predict on new rows"
            )
        self.fit(X, y, **fit_params)
        return self.predict(X) if self.contamination == "auto" else self.labels_.copy()

    def p_values(self, X: ArrayLike) -> Array:  # noqa: N803
        """Conformal p-value of each row against the calibration rows, (n,)."""
        scores = self.anomaly_score(X)
        return conformal_p_values(self.calibration_scores_, scores)

    def discoveries(self, X: ArrayLike, *, alpha: float = 0.1) -> NDArray[np.bool_]:  # noqa: N803
        """Which rows are odd, with an expected share of at most `alpha` normal ones among them (Benjamini-Hochberg).

        Raises
        ------
        InvalidInput
            When the calibration rows are too few to find even one odd row among this many.
        """
        p_values = self.p_values(X)
        need, have = rows_needed(len(p_values), alpha=alpha), len(self.calibration_scores_)
        # with more discoveries than one the line is higher, so that fewer calibration rows can do
        if have < need and not benjamini_hochberg(p_values, alpha=alpha).any():
            raise InvalidInput(
                f"discoveries among {len(p_values)} rows at alpha {alpha:g} need {need} calibration rows for a single "
                f"one, got {have}; give more rows, fewer at a time, or a larger alpha"
            )
        return benjamini_hochberg(p_values, alpha=alpha)

    def drift(self, X: ArrayLike) -> Drift:  # noqa: N803
        """Whether the calibration still speaks for these rows, of which some may be odd."""
        scores = self.anomaly_score(X)
        return calibration_drift(self.calibration_scores_, scores)

    def explain(self, X: ArrayLike) -> Array:  # noqa: N803
        """What each feature or pixel adds to a row's `anomaly_score`, in the shape of a row of the space.

        Each row's map sums to its score. Scores that live in the latent space are shared out as the decoded data would
        change if the code moved to where normal codes are.
        """
        x = self._seen(X)
        return self._judge.maps(x)

    @property
    def map_scale_(self) -> float:
        """The hottest value in the maps of up to 200 calibration rows, channels of a picture or symbols of a tune added
        up: the end of a colour scale for every row.
        """
        return float(max(self._shown_maps.max(), self.map_floor_ + 1e-12))

    @property
    def map_floor_(self) -> float:
        """Where that colour scale begins: at 0, and at the median of the same values where it is below, as that of a
        bound is which is a density.
        """
        return float(min(0.0, np.median(self._shown_maps)))

    @property
    def _shown_maps(self) -> Array:
        check_is_fitted(self, "threshold_")
        maps = self._judge.maps(self._shown)
        return maps.sum(1) if self._frame.summed else maps

    def _seen(self, X: ArrayLike) -> FloatArray:  # noqa: N803
        check_is_fitted(self, "threshold_")
        return self._frame.array(checked_rows(self, X, reset=False))

    @property
    def _given_space(self) -> LatentSpace | None:
        return self.space.space if isinstance(self.space, Bundle) else self.space

    def _check(self) -> float:
        """Check the settings; gives the share of odd rows in X, 0 for none."""
        check_seed(self.seed)
        parse_scores(self.scores)
        if self.threshold not in THRESHOLDS:
            raise invalid("threshold", f"one of {', '.join(THRESHOLDS)}", self.threshold)
        for name, most in (("alpha", 1.0), ("calibration", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < most:
                raise invalid(name, "a share between 0 and 1", value)
        if isinstance(self.contamination, str) and self.contamination == "auto":
            return 0.0
        value = self.contamination
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) <= 0.5:
            raise invalid("contamination", "'auto' or a share above 0 and at most 0.5", value)
        if self.novelty:
            raise invalid("contamination", "'auto' where novelty is true", value)
        return float(value)


def _first_look(setting: Setting, x: FloatArray, scores: str) -> Array:
    """How odd rows are that may hold odd ones: mean logarithm of their scores against a few small draws of them.

    In a small draw odd rows are too few to be each other's neighbours, even where they are many and alike.
    """
    random, looks = generator(setting.seed, _FIRST), np.zeros(len(x))
    for _ in range(FIRST_LOOKS):
        drawn = np.sort(random.choice(len(x), min(FIRST_ROWS, len(x)), replace=False))
        found = Judge.fit(setting, x[drawn], scores=scores).scores(x)
        looks += np.log(np.maximum(found - min(found.min(), 0), 1e-300))
    return looks


def _parted(x: FloatArray, share: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """Reference and calibration rows, at least one of each."""
    order = generator(seed, _SPLIT).permutation(len(x))
    held = min(len(x) - 1, max(1, round(share * len(x))))
    return x[np.sort(order[held:])], x[np.sort(order[:held])]
