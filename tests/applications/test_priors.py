"""Another prior for a bundle: what is fitted, what it is worth, what stays and what goes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.applications import priors
from latentarium.applications.priors import replace_prior
from latentarium.bundle import Bundle, arrays_writer, json_writer, open_bundle
from latentarium.checks import check_space
from latentarium.distributions import Mixture, describe
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.measures import aggregated_posterior_gap, negative_elbo
from latentarium.nn import flows


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "STEPS", 100)


@pytest.fixture(scope="module")
def plain_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "space"
    images = la.open_source("digits").raw
    la.fit(images, model="ae", latent=3, width=32, steps=60, validations=1, out=path, progress=False)
    return path


@pytest.fixture
def plain(plain_path: Path, tmp_path: Path) -> Bundle:
    """An AE of an array in memory, which no source can bring back."""
    return open_bundle(shutil.copytree(plain_path, tmp_path / "plain"))


@pytest.mark.parametrize("prior", ["flow:2", "vamp:60", "mixture:4", "normal", "auto"])
def test_the_prior_of_a_vae_is_replaced_and_all_else_stays(bundle: Bundle, prior: str) -> None:
    before = {name: bundle.file(name).read_bytes() for name in bundle.manifest["files"]}
    change = replace_prior(bundle, prior)
    again = open_bundle(bundle.path)
    assert again.prior is not None
    assert change.before == "N(0, I)"
    assert change.after == describe(again.prior)
    assert set(again.verify()) == set(before)
    assert {name for name, data in before.items() if again.file(name).read_bytes() != data} <= {"prior.safetensors"}
    made, old = again.manifest["provenance"], bundle.manifest["provenance"]
    assert made == {**old, "settings": {**old["settings"], "prior": prior}}
    x = again.modality.to_array(again.kept)[:20]
    check_space(again.space, x, reload=lambda _: open_bundle(bundle.path).space).raise_if_failed()
    assert [path.name for path in bundle.path.parent.iterdir()] == [bundle.path.name]


def test_the_nats_are_those_of_draws_for_the_kept_rows(bundle: Bundle) -> None:
    change = replace_prior(bundle, "mixture:4", seed=3)
    x = bundle.modality.to_array(bundle.kept)
    posterior = bundle.space.posterior(x)
    noise = np.random.default_rng(0).standard_normal((200, *posterior.mean.shape))
    draws = (posterior.mean + posterior.std * noise).reshape(-1, bundle.space.dim)
    for prior, nats in zip((bundle.prior, change.bundle.prior), change.nats, strict=True):
        assert prior is not None
        assert nats == pytest.approx(-prior.log_prob(draws).mean(), abs=0.3)
    assert change.rows == len(x)
    assert change.gain is not None
    assert change.nats[0] is not None
    assert change.nats[1] is not None
    assert change.gain[0] < change.nats[0] - change.nats[1] < change.gain[1]


def test_the_bound_does_not_change_and_the_gap_shrinks(bundle: Bundle) -> None:
    x = bundle.modality.to_array(bundle.kept)
    old, new = bundle.space, replace_prior(bundle, "mixture:3").bundle.space
    assert negative_elbo(new, x).value == negative_elbo(old, x).value
    assert negative_elbo(new, x).settings["prior"] == "N(0, I)"
    assert aggregated_posterior_gap(new, x).settings["prior"] == "a mixture of 3 Gaussians"


def test_the_prior_is_the_one_that_a_fit_would_have_given(bundle: Bundle, tmp_path: Path) -> None:
    options = {"latent": 4, "width": 32, "steps": 40, "validations": 2, "precision": "fp32", "progress": False}
    for prior in ("vamp:30", "flow:2"):
        fitted = la.fit("digits", prior=prior, out=tmp_path / prior.replace(":", ""), **options)
        replaced = replace_prior(bundle, prior).bundle.space
        np.testing.assert_array_equal(replaced.sample_latents(9, seed=1), fitted.sample_latents(9, seed=1))


def test_an_ae_needs_no_source(plain: Bundle) -> None:
    for prior in ("flow:2", "normal", "mixture:2", "auto"):
        change = replace_prior(open_bundle(plain.path), prior)
        assert change.nats[1] is not None
    assert isinstance(change.bundle.prior, Mixture)
    assert isinstance(plain.prior, Mixture)
    np.testing.assert_array_equal(change.bundle.prior.means, plain.prior.means)
    with pytest.raises(InvalidInput, match="normal, mixture or flow for an AE"):
        replace_prior(plain, "vamp")


def test_a_vae_without_its_source_says_where_to_point(tmp_path: Path) -> None:
    images = la.open_source("digits").raw
    la.fit(images, latent=2, width=8, steps=3, validations=1, out=tmp_path / "space", progress=False)
    bundle = open_bundle(tmp_path / "space")
    with pytest.raises(InvalidInput, match=r"not at hand \(the bundle was made from an array in memory\); .* --data"):
        replace_prior(bundle, "flow")
    with pytest.raises(InvalidInput, match=r"another fingerprint.* --data"):
        replace_prior(bundle, "vamp:9", data="digits")
    assert replace_prior(bundle, "normal").after == "N(0, I)"
    assert bundle.path.is_dir()


def test_a_sheet_of_the_old_prior_goes(bundle: Bundle) -> None:
    page = bundle.path / "report.html"
    sheet = {"measures.json": json_writer({}), "report.html": json_writer({}), "pictures/samples.png": json_writer({})}
    measured = bundle.with_files({**sheet, "maps/pca.safetensors": arrays_writer({"a": np.zeros(2)})})
    assert page.exists()
    changed = replace_prior(measured, "mixture:2").bundle
    assert not page.exists()
    assert not (set(sheet) & set(changed.manifest["files"]))
    assert changed.has("maps/pca.safetensors")
    assert not any((bundle.path / name).exists() for name in sheet)


def test_a_failing_fit_leaves_the_old_prior(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DamagedFile("no")

    monkeypatch.setattr(priors, "prior_entry", fail)
    with pytest.raises(DamagedFile):
        replace_prior(bundle, "mixture:2")
    again = open_bundle(bundle.path)
    assert again.verify()
    assert again.prior is not None
    assert describe(again.prior) == "N(0, I)"


def test_a_prior_without_density_has_no_nats(bundle: Bundle) -> None:
    from latentarium.bundle import prior_entry
    from latentarium.distributions import Empirical

    kind, writers = prior_entry(Empirical(codes=bundle.codes))
    change = replace_prior(bundle.with_files(writers, prior=kind), "mixture:2")
    assert change.before == "resampled codes"
    assert change.nats[0] is None
    assert change.gain is None
    bare = replace_prior(change.bundle.with_files({}, without=["prior.safetensors"], prior=None), "mixture:2")
    assert (bare.before, bare.nats[0]) == ("none", change.nats[0])


def test_an_anchored_gan_draws_where_its_codes_lie(tmp_path: Path) -> None:
    """A mixture from the fit on, as wide as N(0, I) where the codes are narrower, and the same when asked for again."""
    game = {"model": "gan", "net": "dense", "patch": 4, "anchor": 0.1, "latent": 4, "width": 16, "steps": 20}
    la.fit("digits", **game, out=tmp_path / "game", progress=False)
    bundle = open_bundle(tmp_path / "game")
    assert isinstance(bundle.prior, Mixture)
    assert bundle.codes.var(0).min() < 0.9, "else there is nothing to fill"
    np.testing.assert_allclose(bundle.prior.sample(4000, seed=1).var(0), np.maximum(bundle.codes.var(0), 1), rtol=0.2)
    normal = replace_prior(bundle, "normal").bundle
    assert describe(normal.prior) == "N(0, I)"
    again = replace_prior(normal, "auto").bundle
    np.testing.assert_array_equal(again.prior.sample(5, seed=0), bundle.prior.sample(5, seed=0))
