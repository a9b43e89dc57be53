"""Whether a generator keeps the modes of its data: numbers at each validation, and words when modes are being lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.measures.samples.balls import nearest, squared
from latentarium.measures.samples.features import FeatureMap, pixel_pca
from latentarium.measures.samples.manifold import expected_coverage

Array = NDArray[np.float64]
NEIGHBOURS = 5
GROUPS = 10
LEAST_SHARE = 1 / 3
"""A group counts as lost below this share of its due; with 50 rows due chance alone does not get there."""
ROWS_A_GROUP = 25
CLOSE_SHARE = 0.05
"""Share of real rows whose nearest neighbour counts as close, which sets the distance for all."""
DROP = 0.7
MOST_REPEATS = 5.0
LOWEST_COVERAGE = 0.5
LEARNED = 0.2
"""Share of the expected coverage below which all pictures still look alike because nothing is learned yet."""
SETTLED = 0.25
"""Share of the adversarial steps before which nothing is said."""
ALWAYS = 0.95


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What one look at generated rows found.

    Parameters
    ----------
    coverage : share of real rows with a generated row among their five nearest (Naeem et al. 2020)
    expected : what rows of the same law would cover
    repeats : share of generated rows as close to another one as few real rows are to theirs
    real_repeats : that share among real rows
    lost, groups : groups of real rows that get less than a third of their share, and how many there are
    """

    coverage: float
    expected: float
    repeats: float
    real_repeats: float
    lost: int
    groups: int

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Watch:
    """What generated rows are compared with: features of real rows, their balls, their groups."""

    features: FeatureMap
    real: Array
    radii: Array
    close: float
    centres: Array

    @classmethod
    def of(cls, train: NDArray[Any], real: NDArray[Any], *, seed: int) -> "Watch":
        """Features and groups from training rows `train` (m, ..), the comparison with `real` (n, ..) held-out rows."""
        from sklearn.cluster import KMeans

        features = pixel_pca(train, seed=seed)
        known, found = features(train), features(real)
        groups = int(np.clip(len(found) // ROWS_A_GROUP, 1, GROUPS))
        fitted = KMeans(groups, n_init=3, random_state=seed % 2**32).fit(known)  # pyright: ignore[reportArgumentType]
        radii = nearest(found, found, min(NEIGHBOURS, len(found) - 1), same=True)[0]
        return cls(
            features=features,
            real=found,
            radii=radii[:, -1],
            close=float(np.quantile(radii[:, 0], CLOSE_SHARE)),
            centres=np.asarray(fitted.cluster_centers_, np.float64),
        )

    def look(self, generated: NDArray[Any]) -> Sighting:
        """Compare as many generated rows (n, ..) as there are real ones."""
        made = self.features(generated)
        reached = nearest(self.real, made)[0][:, 0] <= self.radii
        own = nearest(made, made, 1, same=True)[0][:, 0]
        real_own = nearest(self.real, self.real, 1, same=True)[0][:, 0]
        due, got = (self._shares(rows) for rows in (self.real, made))
        return Sighting(
            coverage=float(reached.mean()),
            expected=expected_coverage(len(self.real), len(made), min(NEIGHBOURS, len(self.real) - 1)),
            repeats=float((own <= self.close).mean()),
            real_repeats=float((real_own <= self.close).mean()),
            lost=int((got < LEAST_SHARE * due).sum()),
            groups=len(self.centres),
        )

    def _shares(self, rows: Array) -> Array:
        nearest_centre = np.stack([squared(rows, np.broadcast_to(c, rows.shape)) for c in self.centres]).argmin(0)
        return np.bincount(nearest_centre, minlength=len(self.centres)) / len(rows)


def mode_alarms(history: Sequence[Mapping[str, Any]], *, last: bool) -> list[str]:
    """Words for what the latest validation shows, each beginning with its own kind; `last` judges the outcome too."""
    now = history[-1]
    if not (now["settled"] or last):
        return []
    words: list[str] = []
    best = max(history, key=lambda line: line["coverage"])
    if now["coverage"] < DROP * best["coverage"]:
        words.append(f"modes are being lost: {_reached(now)}, {best['coverage']:.0%} at step {best['step']}; {_ADVICE}")
    if last and (now["coverage"] < LOWEST_COVERAGE * now["expected"] or now["lost"]):
        gone = f"{now['lost']} of {now['groups']} groups of real rows get less than a third of their share"
        words.append(f"modes are missing: {_reached(now)}, and {gone}; {_ADVICE}, or train longer")
    started = best["coverage"] >= LEARNED * now["expected"]
    if (started or last) and now["repeats"] > MOST_REPEATS * max(now["real_repeats"], CLOSE_SHARE):
        words.append(
            f"the generator repeats itself: {now['repeats']:.0%} of its rows nearly equal another one, "
            f"{now['real_repeats']:.0%} of real rows do; {_ADVICE}"
        )
    if now["sign"] > ALWAYS and now["sign"] - now["sign_held_out"] > 1 - DROP:
        words.append(
            f"the discriminator knows the training rows by heart: it prefers {(1 + now['sign']) / 2:.0%} of them to "
            f"generated rows, but {(1 + now['sign_held_out']) / 2:.0%} of held-out ones; raise augment or gamma"
        )
    if now["sign_held_out"] > ALWAYS and now["coverage"] < LOWEST_COVERAGE * now["expected"]:
        words.append(
            f"the generator is left behind: the discriminator prefers {(1 + now['sign_held_out']) / 2:.0%} of held-out "
            f"rows to generated ones, and {_reached(now)}; train longer, or raise gamma"
        )
    return words


_ADVICE = "keep pairing on and both penalties, raise gamma"


def _reached(line: Mapping[str, Any]) -> str:
    return (
        f"generated rows reach {line['coverage']:.0%} of the real rows' neighbourhoods, where {line['expected']:.0%} "
        "would be right"
    )
