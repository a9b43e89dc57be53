"""Troubles a sheet names in words: rules over scores, each with its evidence and what to do about it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentarium.measures.score import Score, format_value

LOWEST_RATE = 0.5 * math.log(2)
"""Nats: half a bit a row. Fits that use their code carry a nat and more."""
MOST_COLLAPSED = 2 / 3
"""Share of dimensions without information: spare ones do no harm, and healthy fits have up to a half of them."""
LEAST_RANK, ROWS_A_DIMENSION = 0.25, 4
"""Effective rank over the dimensions, which healthy fits keep above 0.5; too few rows would bound it by themselves."""
LEAST_REALISM = 0.75
"""Share of midpoints near real rows, over that of held-out rows: above 1 in every healthy fit."""
LARGEST_CYCLE = 0.75
"""Over what an encoder scores that gives the mean code for everything; healthy fits reach 0.1 to 0.5."""
LARGEST_MISMATCH = 0.1
"""MMD^2 of codes and prior, as of a Gaussian prior that is 1.4 times too wide. Healthy fits stay below 0.01; beta = 0.1
gives 0.05 on Fashion-MNIST, and 0.02 gives 0.24 with a third of the coverage."""
LEAST_CLASS_SHARE = 1 / 3
"""A class that samples show less than a third as often as the data do counts as lost."""
HARDLY_HIT, SURELY, LOST_REGIONS = 0.1, 3.0, 0.05
"""A region of `ndb` is lost where its share of samples is less than a tenth of its share of rows and the difference is
3 standard errors; regions with a twentieth of the rows or more are a trouble. Real rows and healthy fits lose 0 to
0.03 of Fashion-MNIST, half of the classes dropped 0.09 to 0.25, trousers alone 0.05 to 0.1. A class that is mixed with
others, as shirts with coats, leaves no region behind."""
LEAST_COVERAGE, LEAST_PRECISION = 0.5, 0.4
"""As shares of the same score between two draws of real rows. Healthy autoencoders on Fashion-MNIST keep 0.7 and
more of either; a single Gaussian keeps 0.04 of the coverage and 0.08 of the precision."""
MOST_COPIES = 0.1
"""Share of samples nearer to a training row than 99 % of real rows are; 0.01 by chance."""
LEAST_SHARPNESS = 0.1
"""Samples of a small VAE hold 0.15 of the detail of Fashion-MNIST, pictures blurred by a pixel 0.04."""
MOST_SPEED_VARIATION = 1.5
LEAST_MODULAR = 0.25
KNOWN_FACTORS = 0.5
Scores = Mapping[str, Score]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A trouble the scores show.

    Parameters
    ----------
    trouble : its name in the field
    words : what was seen, with the figures
    advice : what to do about it
    scores : names of the scores behind it
    """

    trouble: str
    words: str
    advice: str
    scores: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"trouble": self.trouble, "words": self.words, "advice": self.advice, "scores": list(self.scores)}

    def __str__(self) -> str:
        return f"{self.trouble}: {self.words} {self.advice}"


def findings(scores: Scores) -> list[Finding]:
    """The troubles that `scores` show, worst kinds first; none where nothing stands out.

    Every threshold is a constant of this module; a rule without its scores stays silent.
    """
    return [found for rule in _RULES if (found := rule(scores)) is not None]


def _posterior_collapse(scores: Scores) -> Finding | None:
    rate = scores.get("rate")
    if rate is None or rate.value >= LOWEST_RATE:
        return None
    return Finding(
        trouble="posterior collapse",
        words=f"a code carries {format_value(rate.value)} nats about its row, which is next to nothing.",
        advice="Lower beta, lengthen kl_warmup, raise free_nats, or train longer.",
        scores=("rate",),
    )


def _partly_collapsed(scores: Scores) -> Finding | None:
    score = scores.get("collapse_fraction")
    if score is None or score.interval[0] <= MOST_COLLAPSED or _posterior_collapse(scores) is not None:
        return None
    count = len(score.parts["bits"])
    return Finding(
        trouble="collapsed dimensions",
        words=f"{round(score.value * count)} of {count} latent dimensions carry nothing about a row.",
        advice="Fit fewer of them; where reconstructions lack detail, lower beta or raise free_nats instead.",
        scores=("collapse_fraction",),
    )


def _rank_collapse(scores: Scores) -> Finding | None:
    """What a posterior does not tell of: codes of any kind that lie on a thin sheet of their space."""
    score = scores.get("effective_rank")
    if score is None or _posterior_collapse(scores) is not None or _partly_collapsed(scores) is not None:
        return None
    dimensions = score.range[1]
    if score.n < ROWS_A_DIMENSION * dimensions or score.interval[1] >= LEAST_RANK * dimensions:
        return None
    return Finding(
        trouble="rank collapse",
        words=f"the codes spread over no more than {score.value:.1f} of their {dimensions:.0f} dimensions.",
        advice="Fewer dimensions would do; where they should carry more, train longer, lower weight decay, or whiten "
        "the codes.",
        scores=("effective_rank",),
    )


def _lost_classes(scores: Scores) -> Finding | None:
    score = scores.get("class_coverage")
    if score is None:
        return None
    names: Sequence[str] = score.settings.get("classes", ())
    pairs = zip(names, score.parts["generated"], score.parts["real"], strict=True)
    lost = [(name, a, b) for name, a, b in pairs if a < LEAST_CLASS_SHARE * b]
    if not lost:
        return None
    listed = ", ".join(f"{name} ({100 * a:.1f} % of samples, {100 * b:.1f} % of rows)" for name, a, b in lost[:5])
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    return Finding(
        trouble="mode collapse",
        words=f"samples hardly show {len(lost)} of {len(names)} classes: {listed}{more}.",
        advice="Fit a richer prior to the codes (`latentarium prior BUNDLE mixture:20`), or train longer on these "
        "classes.",
        scores=("class_coverage",),
    )


def _lost_regions(scores: Scores) -> Finding | None:
    """What no label tells of: silent where the lost are named by class, or where blur empties the regions of detail."""
    score = scores.get("ndb")
    if score is None or _lost_classes(scores) is not None or _blurred(scores) is not None:
        return None
    parts = zip(score.parts["real"], score.parts["generated"], score.parts["z"], strict=True)
    lost = [real for real, generated, z in parts if generated < HARDLY_HIT * real and z > SURELY]
    if sum(lost) < LOST_REGIONS:
        return None
    return Finding(
        trouble="mode collapse",
        words=f"samples hardly reach {len(lost)} of {len(score.parts['z'])} regions, which hold "
        f"{100 * sum(lost):.0f} % of the rows.",
        advice="Measure with labels to see which kinds are lost; fit a richer prior to the codes "
        "(`latentarium prior BUNDLE mixture:20`), or train longer.",
        scores=("ndb",),
    )


def _against_real(name: str, scores: Scores, least: float) -> tuple[float, float] | None:
    """(score, the same between real rows) where the whole interval is below `least` of it."""
    score = scores.get(name)
    real = None if score is None else score.settings.get("real_against_real")
    if score is None or real is None or score.interval[1] >= least * real:
        return None
    return score.value, float(real)


def _low_coverage(scores: Scores) -> Finding | None:
    found = _against_real("coverage", scores, LEAST_COVERAGE)
    if found is None:
        return None
    return Finding(
        trouble="low coverage",
        words=f"samples reach the neighbourhoods of {100 * found[0]:.0f} % of the rows, where other real rows reach "
        f"{100 * found[1]:.0f} %.",
        advice="Look at the samples: too few kinds, or unlike ones, call for a prior fitted to the codes "
        "(`latentarium prior BUNDLE mixture`).",
        scores=("coverage",),
    )


def _unlike_the_data(scores: Scores) -> Finding | None:
    found = _against_real("precision", scores, LEAST_PRECISION)
    if found is None:
        return None
    return Finding(
        trouble="samples unlike the data",
        words=f"{100 * found[0]:.0f} % of the samples lie among the real rows, where {100 * found[1]:.0f} % of other "
        "real rows do.",
        advice="The prior reaches where no code lies: fit a mixture to the codes, raise beta, or sample at a lower "
        "temperature.",
        scores=("precision",),
    )


def _prior_mismatch(scores: Scores) -> Finding | None:
    score = scores.get("aggregated_posterior_mmd")
    if score is None or score.interval[0] <= LARGEST_MISMATCH:
        return None
    return Finding(
        trouble="prior mismatch",
        words=f"samples are drawn from where the codes are not: their kernel distance to the prior is "
        f"{format_value(score.value)}, and 0 where the two are alike.",
        advice="Fit a prior to the codes (`latentarium prior BUNDLE mixture:20`), or raise beta.",
        scores=("aggregated_posterior_mmd",),
    )


def _unreal_midpoints(scores: Scores) -> Finding | None:
    found = _against_real("midpoint_realism", scores, LEAST_REALISM)
    if found is None:
        return None
    return Finding(
        trouble="gaps between codes",
        words=f"halfway between two codes {100 * found[0]:.0f} % of the decoded data are near real rows, where "
        f"{100 * found[1]:.0f} % of other real rows are.",
        advice="Blends pass through places where no data lie: raise beta, smooth the decoder, or walk along geodesics.",
        scores=("midpoint_realism",),
    )


def _lost_on_the_way_back(scores: Scores) -> Finding | None:
    score = scores.get("cycle_error")
    if score is None or score.chance is None or score.interval[0] <= LARGEST_CYCLE * score.chance:
        return None
    return Finding(
        trouble="codes that do not come back",
        words=f"the encoder puts what a code decodes to {score.value:.2f} spreads of the codes away from it, where the "
        f"mean code for everything would be {score.chance:.2f} away.",
        advice="Edits, paths and searches by decoded data go astray: train the encoder longer or on decoded samples.",
        scores=("cycle_error",),
    )


def _memorised(scores: Scores) -> Finding | None:
    score = scores.get("copies")
    if score is None or score.interval[0] <= MOST_COPIES:
        return None
    return Finding(
        trouble="memorisation",
        words=f"{100 * score.value:.0f} % of the samples are nearer to a training row than 99 % of real rows are.",
        advice="Train on more rows or for a shorter time, add noise or weight decay, and do not publish samples of "
        "private data.",
        scores=("copies",),
    )


def _blurred(scores: Scores) -> Finding | None:
    score = scores.get("sharpness_ratio")
    if score is None or score.interval[1] >= LEAST_SHARPNESS:
        return None
    return Finding(
        trouble="blur",
        words=f"samples hold {100 * score.value:.0f} % of the fine detail of real pictures.",
        advice="Coverage and density are flattered by blur: read them with care; more latents, a lower beta or an "
        "adversarial model give sharper pictures.",
        scores=("sharpness_ratio",),
    )


def _jumps(scores: Scores) -> Finding | None:
    score = scores.get("speed_variation")
    if score is None or score.interval[0] <= MOST_SPEED_VARIATION:
        return None
    return Finding(
        trouble="jumps",
        words=f"along a path the picture's speed varies by {format_value(score.value)} times its mean: blends stand "
        "still and then leap.",
        advice="Use geodesic paths, or a model with a smoother decoder (weight decay, higher beta).",
        scores=("speed_variation",),
    )


def _entangled(scores: Scores) -> Finding | None:
    modular, known = scores.get("infom"), scores.get("infoe")
    if modular is None or known is None or known.value < KNOWN_FACTORS or modular.interval[1] >= LEAST_MODULAR:
        return None
    return Finding(
        trouble="entangled factors",
        words=f"the codes know the factors (InfoE {known.value:.2f}) but mix them in each latent "
        f"(InfoM {modular.value:.2f}).",
        advice="Try the objective beta-tc, or edit along directions found with labels instead of single latents.",
        scores=("infom", "infoe"),
    )


_RULES: tuple[Callable[[Scores], Finding | None], ...] = (
    _posterior_collapse,
    _partly_collapsed,
    _rank_collapse,
    _lost_classes,
    _lost_regions,
    _low_coverage,
    _unlike_the_data,
    _prior_mismatch,
    _memorised,
    _blurred,
    _jumps,
    _unreal_midpoints,
    _lost_on_the_way_back,
    _entangled,
)
