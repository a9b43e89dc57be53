"""`Entry`: how a family of measures offers one to the suite."""

from collections.abc import Callable
from dataclasses import dataclass

from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score


@dataclass(frozen=True)
class Entry:
    """A measure as the suite runs it.

    Parameters
    ----------
    name : of the public function and of the score
    needs : capabilities of the space, and "labels", "factors" or "reference" where the rows must come with them
    run : the score from evidence at hand
    refuse : why it cannot be taken all the same, or an empty string
    relates : whether the score relates codes to labels or factors and is better for a closer relation, so that rows
        of these in another order show what chance scores
    """

    name: str
    needs: frozenset[str]
    run: Callable[[Evidence], Score]
    refuse: Callable[[Evidence], str] = lambda _: ""
    relates: bool = False
