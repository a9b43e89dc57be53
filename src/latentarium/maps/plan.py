"""How much of a large set of codes is fitted, and how much is placed afterwards."""

from dataclasses import dataclass

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.maps.map import Method

_LEAST = 2000
# on two cores at 2.5 GHz, 32 latent dimensions; they decide the size of a fit. t-SNE stops by the clock besides; UMAP
# cannot be stopped, and gets as many epochs as the rest of the budget should last
_SECONDS_A_FITTED_ROW = {"tsne": 1.0e-3, "umap": 1.5e-3}
_PLACED_A_SECOND = 20_000


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a map may cost.

    Parameters
    ----------
    budget : seconds, None for no limit; a smaller fit is chosen for it. t-SNE stops in time; UMAP plans its epochs for
        it and may take longer on a slower machine
    landmarks_above : with more rows than this, `landmarks` of them are fitted and the others placed
    landmarks : rows to fit then
    threads : for the search of neighbours and the optimisation
    """

    budget: float | None = None
    landmarks_above: int = 100_000
    landmarks: int = 50_000
    threads: int = 2

    def __post_init__(self) -> None:
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise invalid("budget", "a number of seconds above 0", self.budget)
        check_positive_int(self.landmarks_above, "landmarks_above", low=3)
        check_positive_int(self.landmarks, "landmarks", low=3)
        check_positive_int(self.threads, "threads", high=1024)

    def fitted_rows(self, rows: int, method: Method) -> tuple[int, str]:
        """Rows to fit, and why in words."""
        if method == "pca":
            return rows, "all rows, since a projection costs little"
        most = rows if rows <= self.landmarks_above else self.landmarks
        why = "all rows" if most == rows else f"{most:,} landmarks, since there are more than {self.landmarks_above:,}"
        if self.budget is not None:
            left = max(0.0, self.budget - rows / _PLACED_A_SECOND)
            payable = min(rows, max(_LEAST, int(left / _SECONDS_A_FITTED_ROW[method])))
            if payable < most:
                return payable, f"{payable:,} landmarks, to stay within {self.budget:g} s"
        return min(most, rows), why
