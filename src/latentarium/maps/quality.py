"""How faithful a map is, judged on a seeded sample of its rows."""

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.rng import generator

SAMPLE, NEIGHBOURS = 2000, 15
_ROWS = 61


def map_quality(
    codes: FloatArray, coordinates: FloatArray, *, seed: int = 0, sample: int = SAMPLE, neighbours: int = NEIGHBOURS
) -> dict[str, float]:
    """Trustworthiness, continuity (Venna & Kaski 2001) and neighbour recall, each 0 to 1 and higher better.

    Trustworthiness asks whether neighbours on the map are near in code space, continuity the reverse. Neighbours
    are sought within the `sample` of rows drawn by `seed`; their numbers stand beside the scores.
    """
    from sklearn.manifold import trustworthiness

    chosen = np.sort(generator(seed, _ROWS).permutation(len(codes))[:sample])
    count = min(neighbours, max(1, (len(chosen) - 1) // 2))
    high, low = codes[chosen], coordinates[chosen]
    same = _nearest(high, count)[:, :, None] == _nearest(low, count)[:, None, :]
    return {
        "trustworthiness": float(trustworthiness(high, low, n_neighbors=count)),
        "continuity": float(trustworthiness(low, high, n_neighbors=count)),
        "neighbour_recall": float(same.any(2).mean()),
        "rows": float(len(chosen)),
        "neighbours": float(count),
    }


def _nearest(points: FloatArray, count: int) -> NDArray[np.intp]:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points).kneighbors(return_distance=False)
