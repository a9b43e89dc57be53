"""Two bundles, or several, on the same rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentarium.applications.evaluation import Evaluation, evaluation_rows
from latentarium.applications.specsheet import PIXELS, measured
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput
from latentarium.measures import Measurements, Score, stability, udr_of_spaces

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
    _check_same_rows(bundles)
    evaluation = evaluation_rows(bundles[0])
    first, second = (_sheet(bundle, evaluation, seed, progress) for bundle in bundles)
    return (first, second), evaluation.which


def agreement(bundles: Sequence[Bundle], *, seed: int = 0) -> tuple[dict[str, Score], str]:
    """`udr` and `stability` of fits that differ by their seed, and the sentence on which rows they are from.

    Raises
    ------
    InvalidInput
        When the bundles were not made from the same rows, or one has no encoder.
    """
    _check_same_rows(bundles)
    evaluation = evaluation_rows(bundles[0])
    x = bundles[0].modality.to_array(np.asarray(evaluation.raw))
    spaces = [bundle.space for bundle in bundles]
    codes = [space.encode(x) for space in spaces]
    return {"udr": udr_of_spaces(spaces, x, seed=seed), "stability": stability(codes, seed=seed)}, evaluation.which


def _check_same_rows(bundles: Sequence[Bundle]) -> None:
    if len({bundle.manifest["data"]["fingerprint"] for bundle in bundles}) > 1:
        raise InvalidInput(
            "the bundles must be made from the same rows to be compared, got "
            + " and ".join(f"{bundle.manifest['data']['name']} ({bundle.path.name})" for bundle in bundles)
        )


def _whole(stored: Mapping[str, Any]) -> bool:
    """Whether a stored sheet has every measure, in the features that a comparison takes."""
    return bool(stored.get("complete")) and stored.get("features", PIXELS) == PIXELS


def _sheet(bundle: Bundle, evaluation: Evaluation, seed: int, progress: Progress | None) -> Measurements:
    if bundle.has("measures.json"):
        stored = bundle.json("measures.json")
        if stored.get("rows") == evaluation.which and stored.get("seed") == seed and _whole(stored):
            return Measurements.from_json(stored)
    return measured(bundle, evaluation, seed=seed, progress=progress)
