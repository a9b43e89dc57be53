"""Exhibits: the small pictures beside the scores of a sheet, each showing what a number stands for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures
from latentarium.applications.evaluation import Evaluation
from latentarium.applications.paths import blend
from latentarium.bundle import Bundle
from latentarium.data.modalities import ImageModality
from latentarium.measures import Measurements

Picture = tuple[str, bytes | str]
SHOWN, SEARCHED, PATH_STEPS = 10, 2000, 12
RECONSTRUCTION, SMOOTHNESS, COMPACTNESS = "Reconstruction and information", "Smoothness", "Compactness"
COVERAGE = "Coverage and collapse"


def exhibits(bundle: Bundle, evaluation: Evaluation, found: Measurements) -> dict[str, list[Picture]]:
    """Pictures by the title of the family of measures they belong to; families without any are left out."""
    shown = {
        RECONSTRUCTION: _worst(bundle, evaluation),
        SMOOTHNESS: [*_path(bundle, evaluation), *_speed(found)],
        COMPACTNESS: _spectrum(found),
        COVERAGE: [*_class_shares(found), *_nearest_rows(bundle, evaluation)],
    }
    return {title: drawn for title, drawn in shown.items() if drawn}


def _is_image(bundle: Bundle) -> bool:
    return isinstance(bundle.modality, ImageModality)


def _arrays(bundle: Bundle, raw: NDArray[np.generic], count: int) -> NDArray[np.float32]:
    return bundle.modality.to_array(np.asarray(raw[:count]))


def _worst(bundle: Bundle, evaluation: Evaluation) -> list[Picture]:
    """The rows with the largest squared error."""
    if not _is_image(bundle) or not {"encode", "decode"} <= bundle.space.capabilities:
        return []
    x = _arrays(bundle, evaluation.raw, SEARCHED)
    again = bundle.space.reconstruct(x)
    errors = ((again - x) ** 2).reshape(len(x), -1).mean(1)
    worst = np.argsort(-errors, kind="stable")[:SHOWN]
    sheet = pictures.png_bytes(pictures.pairs_sheet(x[worst], again[worst], columns=SHOWN))
    words = f"The {len(worst)} worst of {len(x):,} reconstructions: rows above, what came back below."
    return [(words, sheet)]


def _path(bundle: Bundle, evaluation: Evaluation) -> list[Picture]:
    if not _is_image(bundle) or len(evaluation.raw) < 2 or "decode" not in bundle.space.capabilities:
        return []
    ends = bundle.codes[evaluation.numbers[[0, -1]]].reshape(2, *bundle.space.shape)
    frames = blend(bundle.space, ends, steps=PATH_STEPS)
    return [("From one test row to another in equal steps.", pictures.png_bytes(pictures.sheet(frames, columns=6)))]


def _speed(found: Measurements) -> list[Picture]:
    score = found.scores.get("speed_variation")
    if score is None or "speed" not in score.parts:
        return []
    curve = np.asarray(score.parts["speed"])
    relative = curve / max(float(curve.mean()), 1e-12)
    plot = pictures.profile_plot(relative, title="Speed along a path", x="way along the path", y="speed", level=1.0)
    words = "How fast the data change along a path, 1 being its mean speed: flat is smooth, a peak is a jump."
    return [(words, plot)]


def _spectrum(found: Measurements) -> list[Picture]:
    score = found.scores.get("kl_per_dimension")
    if score is None or len(score.parts["kl"]) < 2:
        return []
    bars = pictures.spectrum_plot(score.parts["kl"], low=score.parts["low"], high=score.parts["high"])
    return [("How much each latent dimension says about a row; grey ones say nothing.", bars)]


def _class_shares(found: Measurements) -> list[Picture]:
    score = found.scores.get("class_coverage")
    if score is None:
        return []
    names: Sequence[str] = score.settings["classes"]
    if len(names) > 40:
        return []
    bars = pictures.feature_bars(
        score.parts["real"],
        score.parts["generated"],
        names,
        keys=("rows", "samples"),
        title="Share of each class among rows and samples",
    )
    return [("Share of each class among rows and among samples: a ring far left of its dot is a lost class.", bars)]


def _nearest_rows(bundle: Bundle, evaluation: Evaluation) -> list[Picture]:
    """Samples and the training rows they are nearest to."""
    if not _is_image(bundle) or evaluation.reference is None or not {"prior", "decode"} <= bundle.space.capabilities:
        return []
    from scipy.spatial.distance import cdist

    seen = _arrays(bundle, evaluation.reference, 5 * SEARCHED)
    drawn = bundle.space.sample(SHOWN, seed=0)
    nearest = cdist(drawn.reshape(SHOWN, -1), seen.reshape(len(seen), -1)).argmin(1)
    sheet = pictures.png_bytes(pictures.pairs_sheet(drawn, seen[nearest], columns=SHOWN))
    return [(f"Samples above, the nearest of {len(seen):,} training rows below.", sheet)]
