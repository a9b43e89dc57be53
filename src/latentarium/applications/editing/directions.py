"""Directions of attributes in a latent space, and how far a step along them takes a code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.editing.typicality import Typicality
from latentarium.arrays import check_finite
from latentarium.errors import InvalidInput, invalid

Array = NDArray[np.float64]
Kind = Literal["class", "number"]
_EXACT = 1e-6
"""How far the effect of a solved step may be from the one asked for, in parts of it."""
_RANK = 1e-9
_WIDE, _NARROW = ("weights", "vectors", "centres"), ("bias", "mean", "scale")
NUMBERS = (*_WIDE, *_NARROW)
"""The arrays of `Directions`, (A, d) and (A,)."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well a direction's probe tells its attribute on rows that it was not fitted to.

    Parameters
    ----------
    measure : "auc", 0.5 at chance, or "r2" of a number; "share" of the whole for a direction without label
    value, interval : of it, with 95 % (DeLong et al. 1988; bootstrap)
    n : held-out rows
    accuracy : share of them whose class the probe names by the sign of its log-odds, None of a number
    share : of the rows that have the attribute, 0 to 1, None of a number
    """

    measure: Literal["auc", "r2", "share"]
    value: float
    interval: tuple[float, float]
    n: int
    accuracy: float | None = None
    share: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Directions:
    """What attributes look like in the codes of a space, and how to move a code along them.

    The score of an attribute at z is `z @ weights[a] + bias[a]`: the log-odds of a class, or a number in standard
    deviations from its mean. Of all steps that change it by 1, `vectors[a]` is the one that leaves the data least
    (the shortest in Mahalanobis distance, S w / w'Sw with the covariance S of the codes): it takes along what goes
    together with the attribute. With `keep`, it is the shortest of those that leave other scores alone.

    Parameters
    ----------
    names : of the attributes, COLUMN, or COLUMN=VALUE of a column with several values
    columns : the column each belongs to
    kinds : "class" or "number"
    weights : (A, d) and
    bias : (A,) of the linear probes
    vectors : (A, d) steps of one unit
    centres : (A, d) mean codes of the rows that have it; of a number, of rows one standard deviation above its mean
    mean, scale : (A,) of a number in its own units; 0 and 1 of a class
    quality : of each probe, on held-out rows
    typicality : of points
    left_out : columns that got no direction, and why
    settings : how they were fitted
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    weights: Array
    bias: Array
    vectors: Array
    centres: Array
    mean: Array
    scale: Array
    quality: tuple[Quality, ...]
    typicality: Typicality
    left_out: Mapping[str, str]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        count, d = len(self.names), len(self.typicality.centre)
        for name in NUMBERS:
            shape = (count, d) if name in _WIDE else (count,)
            found: Array = getattr(self, name)
            if found.shape != shape:
                raise invalid(f"directions.{name}.shape", str(shape), found.shape)
            check_finite(found, f"directions.{name}")
        if not count or not len(self.columns) == len(self.kinds) == len(self.quality) == count:
            raise invalid("directions", "one column, kind and quality for each name", count)

    @property
    def dim(self) -> int:
        """Latent dimensions."""
        return self.weights.shape[1]

    def number(self, name: str) -> int:
        """Place of the attribute called `name`.

        Raises
        ------
        InvalidInput
            For a name there is no direction of, with those that there are.
        """
        if name not in self.names:
            why = self.left_out.get(name)
            meant = [other for other in self.names if other.endswith(f"={name}")]
            hint = f"it was left out: {why}" if why else f"did you mean {meant[0]}?" if meant else ""
            raise invalid("an attribute", f"one of {listed(self.names)}", name, hint)
        return self.names.index(name)

    def numbers(self, names: Sequence[str]) -> list[int]:
        """Places of attributes; the name of a column stands for all its values."""
        found: list[int] = []
        for name in names:
            members = [a for a, column in enumerate(self.columns) if column == name]
            found += members or [self.number(name)]
        return list(dict.fromkeys(found))

    def scores(self, z: ArrayLike) -> Array:
        """(n, A): log-odds of classes, standard deviations from the mean of numbers. `z` is (n, d) or (n, ..)."""
        return self._flat(z) @ self.weights.T + self.bias

    def predict(self, z: ArrayLike) -> Array:
        """(n, A): probabilities of classes, 0 to 1, and numbers in their own units."""
        from scipy.special import expit

        scores = self.scores(z)
        is_class = np.array([kind == "class" for kind in self.kinds])
        return np.where(is_class, expit(scores), self.mean + self.scale * scores)

    def conditional(self, name: str, keep: Sequence[str] = ()) -> Array:
        """The step (d,) that moves the score of `name` by 1 and leaves those of `keep` where they are.

        The conditional manipulation of Shen et al. 2020 (InterFaceGAN, sec. 3.2), with the covariance of the codes as
        the inner product. `vectors` where nothing is kept.

        Raises
        ------
        InvalidInput
            For an unknown name, or where what is to be kept fixes `name` itself.
        """
        return self.step({name: 1.0}, keep=keep)

    def step(self, changes: Mapping[str, float], *, keep: Sequence[str] = (), slack: float = 0.0) -> Array:
        """The step (d,) that moves each score of `changes` by so much and leaves those of `keep` where they are.

        It lies in the span of the attributes' own steps, which is where the shortest solution lies. With `slack`, a
        kept score may move by that share of the largest change: of what is kept, only as many leading components (of
        the kept scores' correlation) are held as that takes. A column of many values then costs few dimensions.

        Raises
        ------
        InvalidInput
            For unknown names, or where no step does all of this.
        """
        if not changes:
            raise invalid("changes", "at least one attribute and how far to move it", "none")
        if not 0 <= slack < 1:
            raise invalid("slack", "a number from 0 up to 1", slack)
        moved = [self.number(name) for name in changes]
        kept = [a for a in self.numbers(keep) if a not in moved]
        wanted = np.array([_dose(name, dose) for name, dose in changes.items()])
        allowed = max(slack, _EXACT) * float(np.abs(wanted).max())
        steps, effects = self._steps([*moved, *kept])
        for held in _components(effects[len(moved) :, len(moved) :], every=slack > 0):
            rows = np.zeros((len(moved) + len(held), len(moved) + len(kept)))
            rows[: len(moved), : len(moved)] = np.eye(len(moved))
            rows[len(moved) :, len(moved) :] = held
            aim = np.concatenate([wanted, np.zeros(len(held))])
            share, *_ = np.linalg.lstsq(rows @ effects @ rows.T, aim, rcond=_RANK)
            effect = effects @ (rows.T @ share)
            missed = np.abs(effect[: len(moved)] - wanted).max() > _EXACT * max(1.0, float(np.abs(wanted).max()))
            if not missed and np.abs(effect[len(moved) :]).max(initial=0.0) <= allowed:
                return (rows.T @ share) @ steps
        raise _fixed(list(changes), [self.names[a] for a in kept])

    def switch(
        self,
        z: ArrayLike,
        values: Mapping[str, str],
        *,
        keep: Sequence[str] = (),
        slack: float = 0.0,
        amount: float = 1.0,
    ) -> NDArray[np.float32]:
        """Codes given another value of a column of several: the difference of the mean codes of the two is added.

        A value between others, such as a middle shade, is not further along a line than they are: log-odds have no
        step that leads to it. The value that a code has is the one with the highest score. Of the difference, what
        moves scores of `keep` is taken out, as for `step`; with `slack`, these may move by that share of the
        largest change among the column's own scores.

        Parameters
        ----------
        z : (d,), (n, d) or (n, ..)
        values : the new value by column
        amount : of the difference that is added

        Raises
        ------
        InvalidInput
            For unknown names, or where what is to be kept leaves less than half of the change.

        Examples
        --------
        >>> from latentarium.applications.editing import fit_directions
        >>> z = np.random.default_rng(0).standard_normal((900, 2))
        >>> shade = np.digitize(z[:, 0], [-0.5, 0.5])
        >>> directions = fit_directions(z, {"shade": np.array(["dark", "middle", "light"])[shade]})
        >>> directions.names[:2]
        ('shade=dark', 'shade=light')
        >>> (directions.switch(z[shade == 0], {"shade": "light"})[:, 0] > 0).mean() > 0.9
        np.True_
        """
        given = np.asarray(z, np.float64)
        points = self._flat(given)
        scores, shift, gain = self.scores(points), np.zeros_like(points), np.zeros(len(points))
        own: list[int] = []
        for column, value in values.items():
            new, members = self.number(f"{column}={value}"), self.numbers([column])
            old = np.array(members)[scores[:, members].argmax(1)]
            change = self.centres[new] - self.centres[old]
            largest = np.abs(change @ self.weights[members].T).max(1)
            shift, gain, own = shift + change, np.maximum(gain, largest), [*own, *members]
        kept = [a for a in self.numbers(keep) if a not in own]
        moved = points + amount * self._without(shift, gain, kept, slack)
        return moved.reshape(given.shape).astype(np.float32)

    def _without(self, shift: Array, gain: Array, kept: list[int], slack: float) -> Array:
        """`shift` (n, d) less what moves kept scores by more than `slack` of `gain` (n,)."""
        if not kept:
            return shift
        steps, effects = self._steps(kept)
        left, done = shift.copy(), np.zeros(len(shift), bool)
        for held in _components(effects, every=slack > 0):
            share = (
                np.linalg.pinv(held @ effects @ held.T, rcond=_RANK) @ held @ (shift[~done] @ self.weights[kept].T).T
            )
            left[~done] = shift[~done] - (held.T @ share).T @ steps
            done = np.abs(left @ self.weights[kept].T).max(1) <= np.maximum(slack * gain, _EXACT * (1 + gain))
            if done.all():
                break
        lengths = [self.typicality.distance(self.typicality.centre + way) for way in (left, shift)]
        if not done.all() or (lengths[0] < lengths[1] / 2).any():
            raise _fixed(["the value"], [self.names[a] for a in kept])
        return left

    def _steps(self, at: Sequence[int]) -> tuple[Array, Array]:
        """S w of these attributes, (k, d), with the codes' covariance S, and what each does to each score, (k, k)."""
        origin = self.typicality.centre
        # the length of S w / w'Sw is one over the standard deviation of the score
        variance = self.typicality.distance(origin + self.vectors[at]) ** -2.0
        steps = self.vectors[at] * variance[:, None]
        return steps, self.weights[at] @ steps.T

    def edit(
        self, z: ArrayLike, changes: Mapping[str, float], *, keep: Sequence[str] = (), slack: float = 0.0
    ) -> NDArray[np.float32]:
        """Codes moved by `step`, in the shape of `z`: (d,), (n, d) or (n, ..).

        Examples
        --------
        >>> from latentarium.applications.editing import fit_directions
        >>> z = np.random.default_rng(0).standard_normal((900, 2))
        >>> directions = fit_directions(z, {"right": z[:, 0] > 0, "up": z[:, 1] > 0})
        >>> moved = directions.edit(z[:1], {"right": 2.0}, keep=["up"])
        >>> (directions.scores(moved) - directions.scores(z[:1])).round(3).tolist() == [[2.0, 0.0]]
        True
        """
        values = np.asarray(z, np.float64)
        return (
            (self._flat(values) + self.step(changes, keep=keep, slack=slack)).reshape(values.shape).astype(np.float32)
        )

    def _flat(self, z: ArrayLike) -> Array:
        values = np.asarray(z, np.float64)
        check_finite(values, "z")
        if values.ndim == 0 or values.size % self.dim or (values.ndim > 1 and values[0].size != self.dim):
            raise invalid("z.shape", f"(n, {self.dim})", values.shape)
        return values.reshape(-1, self.dim)


def listed(names: Sequence[str], *, most: int = 12) -> str:
    """Some names and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _components(effects: Array, *, every: bool) -> Iterator[Array]:
    """Combinations of the kept scores to hold, (r, k): all of them, or `every` number of leading ones, fewest first."""
    if not every:
        yield np.eye(len(effects))
        return
    covariance = (effects + effects.T) / 2
    spread = np.sqrt(np.diagonal(covariance))
    _, axes = np.linalg.eigh(covariance / np.outer(spread, spread))
    leading = axes[:, ::-1].T / spread
    for count in range(len(effects) + 1):
        yield leading[:count]


def _dose(name: str, dose: float) -> float:
    if not np.isfinite(dose):
        raise invalid(f"the change of {name}", "a finite number", dose)
    return float(dose)


def _fixed(changed: Sequence[str], kept: Sequence[str]) -> InvalidInput:
    rest = f" while {listed(kept)} stay" if kept else " all at once"
    return InvalidInput(
        f"{listed(changed)} cannot be changed{rest}: the probes say the same of them; keep fewer or allow some slack"
    )


def quality_json(quality: Quality) -> dict[str, Any]:
    """Plain values."""
    return {**asdict(quality), "interval": list(quality.interval)}


def quality_from_json(stored: Mapping[str, Any]) -> Quality:
    """Back from `quality_json`."""
    return Quality(**{**stored, "interval": tuple(stored["interval"])})
