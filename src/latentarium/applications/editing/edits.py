"""Edits of rows: codes moved along directions, what that changed besides, and how far from the data it led."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.editing.directions import Array, Directions
from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.space import LatentSpace

Role = Literal["set", "kept", "other"]
LEFT_DATA = 99.0
"""Percentile of typicality beyond which an edit is said to have left the data."""
MOST_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an edit did to one attribute, averaged over the rows.

    Parameters
    ----------
    name, role : "set", "kept" or "other"
    before, after : what the probe says of the codes: probability of a class, or a number in its own units
    seen_before, seen_after : the same of what the encoder sees in the decoded rows, None without an encoder
    """

    name: str
    role: Role
    before: float
    after: float
    seen_before: float | None = None
    seen_after: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        seen = {} if self.seen_before is None else {"seen_before": self.seen_before, "seen_after": self.seen_after}
        return {"name": self.name, "role": self.role, "before": self.before, "after": self.after, **seen}


@dataclass(frozen=True, kw_only=True, eq=False)
class Edited:
    """Rows on their way from their own codes to edited ones.

    Parameters
    ----------
    codes : (n, steps + 1, *shape), the first of each row being its own
    frames : (n, steps + 1, *data_shape), decoded
    effects : one for each attribute
    leakage : mean over rows, and over the classes that were not set, of |change of probability|, as seen in the
        decoded rows where the space has an encoder, 0 to 1; None where there is no other class
    typicality : (n, 2) percentiles before and after
    length : Mahalanobis distance from start to end, averaged over the rows
    change : (n,) root mean squared difference between edited rows and their own reconstructions, in array units
    """

    codes: NDArray[np.float32]
    frames: NDArray[np.float32]
    effects: tuple[Effect, ...]
    leakage: float | None
    typicality: Array
    length: float
    change: Array

    @property
    def left_data(self) -> NDArray[np.bool_]:
        """(n,) whether each edited code lies beyond the 99th percentile of typicality and further out than before."""
        before, after = self.typicality.T
        return (after > LEFT_DATA) & (after > before)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "attributes": [effect.to_json() for effect in self.effects],
            "leakage": self.leakage,
            "typicality": self.typicality.tolist(),
            "left_data": self.left_data.tolist(),
            "length": self.length,
            "change": self.change.tolist(),
        }


def edit_rows(
    space: LatentSpace,
    directions: Directions,
    codes: ArrayLike,
    changes: Mapping[str, float | str],
    *,
    keep: Sequence[str] = (),
    slack: float = 0.0,
    steps: int = 4,
) -> Edited:
    """Move codes straight to where each score of `changes` is so much higher, and say what else that did.

    Parameters
    ----------
    codes : (n, *space.shape) or (n, d)
    changes : by attribute, in units of log-odds, of a number in standard deviations (`Directions.step`); or by column
        of several values the new one (`Directions.switch`)
    keep, slack : attributes, or columns of several, whose scores stay, and how strictly, as `Directions.step`
    steps : equal parts of the way, 1 to 100

    Raises
    ------
    InvalidInput
        For unknown attributes, steps that cannot be, or directions of another space.
    MissingCapability
        When the space cannot decode.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> from latentarium.applications.editing import fit_directions
    >>> space = from_callables(encode=lambda x: x, decode=lambda z: z, data_shape=(2,), name="same")
    >>> z = np.random.default_rng(0).standard_normal((900, 2)).astype(np.float32)
    >>> directions = fit_directions(z, {"right": z[:, 0] > 0, "up": z[:, 1] > 0})
    >>> edited = edit_rows(space, directions, z[:3], {"right": 3.0}, keep=["up"], steps=2)
    >>> edited.frames.shape, edited.leakage < 0.001
    ((3, 3, 2), True)
    """
    check_positive_int(steps, "steps", high=MOST_STEPS)
    start = np.asarray(codes, np.float64).reshape(-1, space.dim)
    doses = {name: change for name, change in changes.items() if not isinstance(change, str)}
    values = {column: change for column, change in changes.items() if isinstance(change, str)}
    end = directions.switch(start, values, keep=keep, slack=slack) if values else start
    if doses or not values:
        end = end + directions.step(doses, keep=[*keep, *values], slack=slack)
    path = start[:, None] + np.linspace(0, 1, steps + 1)[:, None] * (end - start)[:, None]
    return edit_along(space, directions, path, [*changes], keep=keep)


def edit_along(
    space: LatentSpace,
    directions: Directions,
    path: ArrayLike,
    changed: Sequence[str],
    *,
    keep: Sequence[str] = (),
) -> Edited:
    """What a way to `changed` attributes does, such as that of `CurvedProbe.path`: points (n, steps + 1, d), each row's
    own code first.
    """
    points = np.asarray(path, np.float64)
    if directions.dim != space.dim:
        raise invalid("directions", f"of {space.dim} dimensions, as the space's codes", directions.dim)
    if points.ndim != 3 or not len(points) or points.shape[1] < 2 or points.shape[2] != space.dim:
        raise invalid("path.shape", f"(n, steps + 1, {space.dim})", points.shape)
    shaped = points.reshape(-1, *space.shape).astype(np.float32)
    frames = space.decode(shaped).reshape(*points.shape[:2], *space.data_shape)
    return _described(space, directions, points, frames, roles=_roles(directions, changed, keep))


def _described(
    space: LatentSpace, directions: Directions, path: Array, frames: NDArray[np.float32], *, roles: Sequence[Role]
) -> Edited:
    """The edit whose points are `path` (n, steps + 1, d) and whose decoded points are `frames`."""
    start, end = path[:, 0], path[:, -1]
    told = [directions.predict(points) for points in (start, end)]
    seen = None
    if "encode" in space.capabilities:
        seen = [directions.predict(space.encode(frames[:, at]).reshape(len(start), -1)) for at in (0, -1)]
    origin = directions.typicality.centre
    return Edited(
        codes=path.reshape(*path.shape[:2], *space.shape).astype(np.float32),
        frames=frames,
        effects=tuple(
            Effect(
                name=name,
                role=roles[a],
                before=float(told[0][:, a].mean()),
                after=float(told[1][:, a].mean()),
                seen_before=None if seen is None else float(seen[0][:, a].mean()),
                seen_after=None if seen is None else float(seen[1][:, a].mean()),
            )
            for a, name in enumerate(directions.names)
        ),
        leakage=_leakage(directions, seen or told, roles),
        typicality=np.stack([directions.typicality.percentile(points) for points in (start, end)], axis=1),
        length=float(directions.typicality.distance(origin + (end - start)).mean()),
        change=np.sqrt(((frames[:, -1] - frames[:, 0]) ** 2).reshape(len(start), -1).mean(1)),
    )


def _roles(directions: Directions, changed: Sequence[str], keep: Sequence[str]) -> list[Role]:
    return [
        "set" if {name, column} & set(changed) else "kept" if {name, column} & set(keep) else "other"
        for name, column in zip(directions.names, directions.columns, strict=True)
    ]


def _leakage(directions: Directions, said: Sequence[Array], roles: Sequence[Role]) -> float | None:
    others = [a for a, role in enumerate(roles) if role != "set" and directions.kinds[a] == "class"]
    if not others:
        return None
    return float(np.abs(said[1] - said[0])[:, others].mean())
