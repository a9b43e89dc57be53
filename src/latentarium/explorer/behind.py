"""What a score rests on that the page can point at: rows, classes or dimensions, those that matter most first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentarium.explorer.wire_sheet import Behind, Part
from latentarium.measures.score import Score

MOST_PARTS = 64
_ERRORS = (
    "mse", "psnr", "ssim", "negative_elbo", "distortion", "bits_per_dimension", "importance_weighted_bound", "note_f1",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Where the parts of a score stand.

    Parameters
    ----------
    values : name of the column with what each part scores
    words : what those values are
    places : name of the column with the number of each part's class or dimension; its place in the table where None
    first : "largest" or "smallest", whichever to look at first
    """

    values: str
    words: str
    places: str | None = None
    first: str = "largest"


_CLASSES: Mapping[str, _Table] = {
    "class_coverage": _Table(values="ratio", words="share of the samples over share of the rows", first="smallest"),
    "class_kl": _Table(values="ratio", words="share of the samples over share of the rows", first="smallest"),
    "probe_accuracy": _Table(values="recall", words="share that the probe recognises", first="smallest"),
    "single_latent_f1": _Table(values="f1", words="F1 of the best single latent", places="class", first="smallest"),
}
_DIMENSIONS: Mapping[str, _Table] = {
    "kl_per_dimension": _Table(values="kl", words="information in nats"),
    "active_units": _Table(values="variance", words="variance of the codes"),
    "collapse_fraction": _Table(values="bits", words="information in bits", places="dimension", first="smallest"),
    "bits_at_fixed_psnr": _Table(values="bits", words="bits a row", places="dimension"),
    "aggregated_posterior_gap": _Table(values="marginal_kl", words="distance from the prior in nats"),
    "mean_pairwise_information": _Table(values="mean", words="what the others tell of it, in nats"),
    "edit_locality": _Table(values="gini", words="how concentrated its change is"),
    "named_latents": _Table(values="score", words="how well its name fits", places="latent"),
}
_COMPONENTS: Mapping[str, _Table] = {
    name: _Table(values="share", words="share of the variance")
    for name in ("effective_rank", "participation_ratio", "principal_dimensions")
}


def behind(score: Score) -> Behind | None:
    """What `score` rests on, None where the page has nothing to point at.

    Examples
    --------
    >>> score = Score(name="kl_per_dimension", value=1.0, interval=(1.0, 1.0), n=9, direction="neither",
    ...               parts={"kl": [0.5, 1.5]})
    >>> [(part.name, part.value) for part in behind(score).parts]
    [('z1', 1.5), ('z0', 0.5)]
    """
    if score.name in _ERRORS:
        return Behind(kind="errors", words="squared error", basis=None, parts=[])
    if score.name == "rate":
        return Behind(kind="codes", words="distance from the mean of the codes", basis=None, parts=[])
    if score.name in _CLASSES:
        names = [str(name) for name in score.settings.get("classes", ())]
        return _told(score, _CLASSES[score.name], names, kind="classes")
    if score.name in _DIMENSIONS:
        return _told(score, _DIMENSIONS[score.name], None, kind="dimensions", basis="z")
    if score.name in _COMPONENTS:
        return _told(score, _COMPONENTS[score.name], None, kind="dimensions", basis="pca")
    return None


def _told(
    score: Score, table: _Table, names: Sequence[str] | None, *, kind: Any, basis: str | None = None
) -> Behind | None:
    """Parts in the order in which to look at them; those without a value are left out."""
    values = score.parts.get(table.values, ())
    places = score.parts.get(table.places, ()) if table.places else range(len(values))
    sign = -1 if table.first == "largest" else 1
    pairs = [(sign * v, int(p)) for v, p in zip(values, places, strict=False) if math.isfinite(v)]
    known = [(place, sign * value) for value, place in sorted(pairs) if names is None or place < len(names)]
    titled = [
        Part(name=names[place] if names is not None else _title(place, basis), index=place, value=value)
        for place, value in known[:MOST_PARTS]
    ]
    return Behind(kind=kind, words=table.words, basis=basis, parts=titled) if titled else None


def _title(place: int, basis: str | None) -> str:
    return f"PC {place + 1}" if basis == "pca" else f"z{place}"
