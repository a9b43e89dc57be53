"""Two bundles on the same rows."""

from collections.abc import Callable, Mapping
from typing import Any

from latentarium.applications.evaluation import Evaluation, evaluation_rows
from latentarium.applications.specsheet import PIXELS, measured
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput
from latentarium.measures import Measurements

Progress = Callable[[str, int, int], None]


def sheets(
    bundles: tuple[Bundle, Bundle], *, seed: int = 0, progress: Progress | None = None
) -> tuple[tuple[Measurements, Measurements], str]:
    """The measurements of both, and the sentence on which rows they are from.

    A sheet that a bundle already holds is used where it is of the same rows and seed.

    Raises
    ------
    InvalidInput
        When the bundles were not made from the same rows.
    """
    prints = [bundle.manifest["data"]["fingerprint"] for bundle in bundles]
    if prints[0] != prints[1]:
        raise InvalidInput(
            "the two bundles must be made from the same rows to be compared, got "
            + " and ".join(f"{bundle.manifest['data']['name']} ({bundle.path.name})" for bundle in bundles)
        )
    evaluation = evaluation_rows(bundles[0])
    first, second = (_sheet(bundle, evaluation, seed, progress) for bundle in bundles)
    return (first, second), evaluation.which


def _whole(stored: Mapping[str, Any]) -> bool:
    """Whether a stored sheet has every measure, in the features that a comparison takes."""
    return bool(stored.get("complete")) and stored.get("features", PIXELS) == PIXELS


def _sheet(bundle: Bundle, evaluation: Evaluation, seed: int, progress: Progress | None) -> Measurements:
    if bundle.has("measures.json"):
        stored = bundle.json("measures.json")
        if stored.get("rows") == evaluation.which and stored.get("seed") == seed and _whole(stored):
            return Measurements.from_json(stored)
    return measured(bundle, evaluation, seed=seed, progress=progress)
