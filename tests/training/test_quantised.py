"""Autoencoders with discrete codes: what they learn, report, store and export."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from tests.training.small import small

import latentarium as la
from latentarium.bundle import open_bundle
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.objectives import rae, regularised_terms
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.bound import new_state
from latentarium.training.fit import Fitted, train
from latentarium.training.save import Source, space_of
from latentarium.training.settings import FitSettings

FORMS = ["fsq:8-5-5-5", "vq:128", "qlae:10"]


def fitted(rows: Rows, quantiser: str, **options: Any) -> Fitted:
    return train(rows, small(**{"model": "ae", "quantiser": quantiser, "latent": 8, "steps": 300, **options}))


@pytest.mark.parametrize("quantiser", FORMS)
def test_digits_come_back_from_whole_numbers(digits: Rows, quantiser: str) -> None:
    space = space_of(fitted(digits, quantiser))
    x = digits.array("test")
    numbers = space.codes_to_integers(space.encode(x))
    assert numbers.dtype == np.int64
    assert space.alphabet is not None
    assert numbers.shape == (len(x), len(space.alphabet.sizes))
    codes = space.integers_to_codes(numbers)
    np.testing.assert_array_equal(codes, space.encode(x))
    error = float(((space.decode(codes) - x) ** 2).mean())
    assert error < 0.5 * float(((x.mean(0) - x) ** 2).mean())


@pytest.mark.parametrize(("quantiser", "least"), [("fsq:5-4-4", 0.9), ("vq:64", 0.9), ("qlae:10", 0.5)])
def test_most_codes_are_used_and_the_history_says_so(digits: Rows, quantiser: str, least: float) -> None:
    found = fitted(digits, quantiser, latent=12, validation_rows=500)
    assert found.history[-1]["code_use"] >= least


def test_other_models_report_no_code_use(digits: Rows) -> None:
    assert "code_use" not in train(digits, small(steps=10)).history[-1]


@pytest.mark.parametrize("quantiser", FORMS)
def test_a_bundle_gives_back_the_codes_and_its_graphs_agree(digits: Rows, tmp_path: Path, quantiser: str) -> None:
    settings = small(model="ae", quantiser=quantiser, latent=8, steps=30)
    rows = digits.select(slice(0, 300))
    place = Place(path=tmp_path / "space")
    bundle = open_bundle(fit_to_bundle(rows, settings, place, source=Source(spec="digits")).path)
    assert bundle.manifest["architecture"]["quantiser"] == quantiser
    x = rows.array()
    numbers = bundle.space.codes_to_integers(bundle.codes)
    np.testing.assert_array_equal(bundle.space.integers_to_codes(numbers), bundle.codes)
    np.testing.assert_allclose(bundle.space.encode(x), bundle.codes, atol=1e-5)
    down, up = (onnxruntime.InferenceSession(bundle.file(f"{name}.onnx")) for name in ("encoder", "decoder"))
    codes = down.run(None, {"x": x})[0]
    differing = np.abs(codes - bundle.codes).max(1) > 1e-4
    # rounding errors may put a row that lies between two codes on the other one
    assert differing.mean() < 0.01
    np.testing.assert_allclose(up.run(None, {"z": bundle.codes})[0], bundle.space.decode(bundle.codes), atol=1e-4)


def test_samples_are_decoded_from_codes(digits: Rows) -> None:
    space = space_of(fitted(digits, "fsq:5", steps=30))
    draws = space.sample_latents(50, seed=0)
    np.testing.assert_allclose(np.abs(draws * 2 - np.round(draws * 2)), 0, atol=1e-6)
    assert not np.array_equal(draws, space.sample_latents(50, seed=1))


def test_standardised_spaces_number_the_same_codes(digits: Rows) -> None:
    space = space_of(fitted(digits, "qlae:6", steps=30))
    z = space.encode(digits.array("test"))
    moved = space.standardised(z.mean(0), np.where(z.std(0) > 0, z.std(0), 1))
    w = moved.encode(digits.array("test"))
    np.testing.assert_array_equal(moved.codes_to_integers(w), space.codes_to_integers(z))
    np.testing.assert_allclose(moved.integers_to_codes(moved.codes_to_integers(w)), w, atol=1e-5)


def test_integers_need_a_quantiser_and_stay_in_their_range(digits: Rows) -> None:
    with pytest.raises(MissingCapability, match="no integer codes"):
        space_of(train(digits, small(model="ae", steps=5))).codes_to_integers(np.zeros((1, 4)))
    space = space_of(fitted(digits, "vq:16", steps=5))
    with pytest.raises(InvalidInput, match="integers must be from 0, below 16"):
        space.integers_to_codes(np.array([[3, 16]]))
    with pytest.raises(InvalidInput, match=r"integers\.shape"):
        space.integers_to_codes(np.array([[3, 1, 2]]))


def test_decay_of_latent_quantisation_reaches_every_matrix_but_the_values(digits: Rows) -> None:
    def decays(**options: Any) -> dict[float, int]:
        found = train(digits, small(model="ae", steps=1, **options))
        groups = new_state(found.model, found.settings).optimizer.param_groups
        matrices = Counter({0.0: 0})
        for group in groups:
            matrices[group["weight_decay"]] += sum(p.ndim > 1 for p in group["params"])
        return dict(matrices)

    assert decays(quantiser="qlae:10") == {0.1: 10, 0.0: 1}
    assert decays() == {0.01: 8, 0.0: 2}
    assert FitSettings.make(model="ae", quantiser="qlae:10", weight_decay=0.3).decay == 0.3


def test_quantisation_is_weighed_against_a_sum_over_values() -> None:
    log_px, z = torch.tensor([-10.0, -20.0]), torch.zeros(2, 3)
    found = regularised_terms(rae(0.0), log_px, z, quantisation=torch.tensor([0.5, 1.5]), values=64)
    assert float(found["quantisation"]) == 64.0
    assert float(found["loss"]) == 15.0 + 64.0


def test_quantisers_are_for_our_own_autoencoders() -> None:
    with pytest.raises(InvalidInput, match="quantiser must be left out, or used with model='ae'"):
        FitSettings.make(quantiser="fsq:5")
    module = torch.nn.Flatten()
    with pytest.raises(InvalidInput, match="quantiser must be left out where modules are given"):
        la.fit("digits", model="ae", quantiser="fsq:5", encoder=module, decoder=module, progress=False)
    with pytest.raises(InvalidInput, match="a multiple of 4, got 6"):
        FitSettings.make(model="ae", quantiser="vq:512", latent=6)


def test_a_quantised_autoencoder_has_no_pull_on_its_codes_unless_asked() -> None:
    assert FitSettings.make(model="ae", quantiser="fsq:5").goal == rae(0.0)
    assert FitSettings.make(model="ae", quantiser="fsq:5", objective="rae:0.1").goal == rae(0.1)
