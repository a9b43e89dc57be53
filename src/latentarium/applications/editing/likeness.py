"""Whether new rows are of the kind that a space was learned from, before it is trusted to edit them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.editing.alignment import lies
from latentarium.applications.editing.directions import Array, Directions
from latentarium.bundle import Bundle

UNLIKE = 99.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Likeness:
    """Where new rows stand among held-out rows of the data, in percent of those that are less far out.

    Parameters
    ----------
    error : (n,) percentile of the squared error of the reconstruction; None where no held-out row is at hand
    typicality : (n,) percentile of the code's distance from the centre of the codes
    lies : how each picture lies, "" for as the data do; None where the data are no pictures, or too few are at hand
    """

    error: Array | None
    typicality: Array
    lies: tuple[str, ...] | None = None

    @property
    def unlike(self) -> NDArray[np.bool_]:
        """(n,) whether a row lies otherwise, or either percentile is above 99."""
        far = self.typicality > UNLIKE
        if self.lies is not None:
            far = far | np.array([way != "" for way in self.lies])
        return far if self.error is None else far | (self.error > UNLIKE)

    def words(self, name: str, row: int) -> str:
        """One line on a row that is unlike the data."""
        found: list[str] = []
        if self.lies is not None and self.lies[row]:
            way = self.lies[row]
            found.append(f"is not aligned as they are (it lies {way}): crop and turn it to lie as they do")
        if self.error is not None and self.error[row] > UNLIKE:
            found.append(f"comes back worse than {self.error[row]:.1f} % of held-out rows")
        if self.typicality[row] > UNLIKE:
            found.append(f"has a code further out than {self.typicality[row]:.1f} % of theirs")
        return f"{name} is unlike the rows the space was learned from: it {'; it '.join(found)}"


def likeness(bundle: Bundle, directions: Directions, x: NDArray[np.float32], codes: NDArray[Any]) -> Likeness:
    """Compare rows `x` (n, ..) and their codes with the held-out rows that are kept in the bundle.

    How pictures lie is told by `alignment.lies`. Reconstructions are not compared where the kept rows were decoded
    themselves: they come back better than any real row.
    """
    flat = np.asarray(codes, np.float64).reshape(len(x), -1)
    typicality = directions.typicality.percentile(flat)
    space, way = bundle.space, lies(bundle, x)
    if bundle.manifest["data"].get("decoded") or not {"encode", "decode"} <= space.capabilities:
        return Likeness(error=None, typicality=typicality, lies=way)
    kept = bundle.modality.to_array(np.asarray(bundle.kept))
    usual = np.sort(_errors(kept, space.reconstruct(kept)))
    own = _errors(x, space.decode(np.asarray(codes, np.float32).reshape(-1, *space.shape)))
    return Likeness(error=100 * np.searchsorted(usual, own) / len(usual), typicality=typicality, lies=way)


def _errors(x: NDArray[np.float32], again: NDArray[np.float32]) -> Array:
    return ((x - again).astype(np.float64) ** 2).reshape(len(x), -1).mean(1)
