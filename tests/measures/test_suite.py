import dataclasses
import json
import re
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium import measures
from latentarium.errors import InvalidInput
from latentarium.measures import FAMILIES, MEASURES, Measurements, measure
from latentarium.space import LatentSpace


class Grey:
    """Raw uint8 images (n, 1, 6, 6) as floats in [0, 1]."""

    kind: ClassVar[str] = "images"
    data_shape = (1, 6, 6)
    low, high = 0.0, 1.0

    def to_array(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        return (raw / 255).astype(np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.rint(array * 255).astype(np.uint8)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}


def picture_space() -> LatentSpace:
    return LatentSpace(
        name="mean",
        shape=(1,),
        data_shape=(1, 6, 6),
        encode_fn=lambda x: x.reshape(len(x), -1).mean(1, keepdims=True),
        decode_fn=lambda z: np.broadcast_to(z.reshape(-1, 1, 1, 1), (len(z), 1, 6, 6)),
        modality=Grey(),
    )


NOT_OF_THE_SPACE = frozenset({"labels", "factors", "reference"})
ENTRIES = {entry.name: entry for family in FAMILIES for entry in family.entries}


def test_there_are_many_measures_and_each_is_public() -> None:
    assert len(MEASURES) == len(set(MEASURES)) >= 30
    assert all(callable(getattr(measures, name)) for name in MEASURES)


def test_everything_runs_or_is_skipped_with_a_reason(linear) -> None:
    found = measure(linear.space(), linear.rows(120))
    assert set(found.scores) | set(found.skipped) == set(MEASURES)
    skipped = {name for name in found.skipped if not ENTRIES[name].needs & NOT_OF_THE_SPACE}
    pictures = {"psnr", "ssim", "sharpness_ratio"}
    labelled = {"direction_cosines", "named_latents"}
    letters = {"codebook_use", "codebook_perplexity"}
    assert skipped == {"bits_per_dimension", "mean_pairwise_information", "note_f1"} | pictures | labelled | letters
    assert found.skipped["psnr"] == "the data are not images"
    assert set(found.seconds) == set(found.scores)
    assert all(name == score.name and score.misleads and score.meaning for name, score in found.scores.items())
    assert all(score.p_value is None and score.permutations == 0 for score in found.scores.values())
    assert all(score.range[0] <= score.value <= score.range[1] for score in found.scores.values())


def test_labels_factors_and_reference_open_the_rest(linear) -> None:
    x = linear.rows(400)
    codes = linear.posterior(x)[0]
    factors = np.column_stack([codes[:, 0] > 0, codes[:, 1] > 0]).astype(int)
    labels = factors[:, 0] + 2 * factors[:, 1]
    found = measure(linear.space(), x, labels=labels, factors=factors, reference=linear.rows(200, seed=1))
    letters = {"codebook_use", "codebook_perplexity"}
    assert set(found.skipped) == {"bits_per_dimension", "note_f1", "psnr", "ssim", "sharpness_ratio"} | letters
    assert found.scores["coverage"].settings["real_against_real"] > 0.8
    for name, score in found.scores.items():
        assert re.search(r"resamples|halves|quarters|trees|Poisson", score.resampling), name
        assert "interval" not in score.settings


def test_capabilities_decide(linear) -> None:
    codes_only = dataclasses.replace(linear.space(), posterior_fn=None, log_likelihood_fn=None, prior=None)
    found = measure(codes_only, linear.rows(30))
    assert all(ENTRIES[name].needs <= {"encode", "decode"} for name in found.scores)
    assert {"mse", "straightness", "effective_rank"} <= set(found.scores)
    assert found.skipped["negative_elbo"] == "the space has no likelihood and no posterior"
    assert found.skipped["class_coverage"] == "the space has no prior; the rows have no labels"


def test_raw_images_are_converted() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (40, 1, 6, 6), dtype=np.uint8)
    names = ["mse", "psnr", "ssim"]
    found = measure(picture_space(), raw, only=names)
    assert list(found.scores) == names
    assert found.scores == measure(picture_space(), raw / np.float32(255), only=names).scores


def test_json_frame_and_html(linear) -> None:
    found = measure(linear.space(), linear.rows(60), only=["rate", "mse"])
    assert list(found.scores) == ["rate", "mse"]
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert Measurements.from_json(stored) == found
    assert {"value", "interval", "n", "direction"} <= set(stored["scores"]["rate"])
    assert found.frame().loc["mse", "value"] == found.scores["mse"].value
    assert found._repr_html_().count("<tr>") == 3


def test_progress_and_seed(linear) -> None:
    seen: list[tuple[str, int, int]] = []
    first = measure(linear.space(), linear.rows(60), seed=3, progress=lambda *step: seen.append(step))
    assert [name for name, _, _ in seen] == list(MEASURES)
    assert measure(linear.space(), linear.rows(60), seed=3).scores == first.scores


def test_a_measure_that_is_not_finite_is_skipped_not_shown(linear) -> None:
    broken = dataclasses.replace(linear.space(), log_likelihood_fn=lambda x, z: np.full(len(x), np.inf))
    found = measure(broken, linear.rows(20))
    assert "must be finite" in found.skipped["distortion"]
    assert "rate" in found.scores


def test_bad_input_is_refused_at_once(linear) -> None:
    with pytest.raises(InvalidInput, match="only must be names of measures"):
        measure(linear.space(), linear.rows(10), only=["elbow"])
    with pytest.raises(InvalidInput, match="labels"):
        measure(linear.space(), linear.rows(10), labels=[1, 2])
    with pytest.raises(InvalidInput, match=r"x\.shape"):
        measure(linear.space(), np.zeros((4, 5)))
    with pytest.raises(InvalidInput, match="within"):
        measure(picture_space(), np.full((4, 1, 6, 6), 3.0))
