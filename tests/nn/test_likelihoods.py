"""Every likelihood against closed forms, its draws against its mean, and its behaviour at extreme parameters."""

import decimal
import itertools
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from latentarium.data.modalities import Column, ImageModality, TableModality
from latentarium.errors import InvalidInput
from latentarium.nn.likelihoods import (
    Autoregressive,
    Bernoulli,
    Categorical,
    DiscretisedLogistic,
    Gaussian,
    Likelihood,
    Mixed,
    build_likelihood,
)

SHAPE = (1, 4, 5)
IMAGES: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "logistic": DiscretisedLogistic,
    "categorical": lambda: Categorical(5),
    "autoregressive": lambda: Autoregressive(1),
}
TABLE = TableModality(
    columns=(
        Column(name="age", kind="numeric", mean=40, std=10, has_missing=True),
        Column(name="height", kind="numeric"),
        Column(name="colour", kind="categorical", categories=("blue", "green", "red"), has_missing=True),
    )
)
RAW = np.array([[50, 1.5, 2], [np.nan, -0.5, 0], [35, 0.2, np.nan], [np.nan, 0.0, np.nan]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def grey(*shape: int, seed: int = 1) -> Tensor:
    return torch.randint(0, 256, shape, generator=seeded(seed)).float() / 255


@pytest.mark.parametrize("binary", [True, False])
def test_bernoulli_is_the_cross_entropy_also_of_grey_values(binary: bool) -> None:
    params, x = normal(6, *SHAPE), grey(6, *SHAPE)
    x = x.round() if binary else x
    p = torch.sigmoid(params).double().numpy()
    expected = (x.numpy() * np.log(p) + (1 - x.numpy()) * np.log1p(-p)).reshape(6, -1).sum(1)
    np.testing.assert_allclose(Bernoulli().log_prob(params, x), expected, rtol=1e-5)


def test_gaussian_uses_the_calibrated_variance_in_evaluation() -> None:
    model = Gaussian()
    params, x = normal(64, *SHAPE), grey(64, *SHAPE)
    model.calibrate([(params, x)])
    assert float(model.variance) == pytest.approx(float(((params - x) ** 2).mean()), rel=1e-5)
    model.eval()
    scale = float(model.variance) ** 0.5
    expected = stats.norm(params.double().numpy(), scale).logpdf(x.numpy()).reshape(64, -1).sum(1)
    np.testing.assert_allclose(model.log_prob(params, x), expected, rtol=1e-4)


def test_gaussian_in_training_has_the_best_shared_variance() -> None:
    params, x = normal(64, *SHAPE), grey(64, *SHAPE)
    model = Gaussian().train()
    optimal = float(model.log_prob(params, x).mean())
    model.calibrate([(params, x)])
    model.eval()
    assert optimal == pytest.approx(float(model.log_prob(params, x).mean()), rel=1e-5)
    for factor in (0.8, 1.25):
        worse = Gaussian().eval()
        worse.variance.copy_(model.variance * factor)
        assert float(worse.log_prob(params, x).mean()) < optimal


@given(centre=st.floats(-6, 6), raw=st.floats(-12, 8))
@settings(max_examples=60, deadline=None)
def test_discretised_logistic_sums_to_one_over_the_levels(centre: float, raw: float) -> None:
    params = torch.tensor([centre, raw]).reshape(1, 2, 1, 1).expand(256, 2, 1, 1)
    levels = (torch.arange(256) / 255).reshape(256, 1, 1, 1)
    total = float(DiscretisedLogistic().log_prob(params, levels).double().exp().sum())
    assert total == pytest.approx(1, abs=1e-4)


def logistic_mass(level: int, centre: float, scale: float) -> float:
    """Log mass of one of 256 levels in sixty digits, as doubles cancel in the tails."""
    with decimal.localcontext(decimal.Context(prec=60)):
        location, spread = Decimal(centre), Decimal(scale)

        def below(edge: int) -> Decimal:
            return 1 / (1 + (-(Decimal(edge) / 510 - location) / spread).exp())

        upper = Decimal(1) if level == 255 else below(2 * level + 1)
        lower = Decimal(0) if level == 0 else below(2 * level - 1)
        return float((upper - lower).ln())


def test_discretised_logistic_is_the_logistic_mass_of_a_level() -> None:
    params, x = normal(200, 2, 1, 1), grey(200, 1, 1, 1)
    x[:5], x[5:10] = 0, 1
    centre, raw = params.double().flatten(1).T
    scales = torch.exp(-7 + torch.nn.functional.softplus(raw + 5))
    levels = (x.flatten() * 255).round().int().tolist()
    expected = map(logistic_mass, levels, torch.sigmoid(centre).tolist(), scales.tolist())
    np.testing.assert_allclose(DiscretisedLogistic().log_prob(params, x), list(expected), rtol=2e-5, atol=1e-5)


@given(levels=st.integers(2, 256), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_categorical_sums_to_one_over_its_levels(levels: int, seed: int) -> None:
    params = 3 * normal(1, levels, 1, 1, seed=seed).expand(levels, levels, 1, 1)
    grid = torch.linspace(0, 1, levels).reshape(levels, 1, 1, 1)
    model = Categorical(levels)
    assert float(model.log_prob(params, grid).double().exp().sum()) == pytest.approx(1, abs=1e-5)
    weights = torch.softmax(params[0, :, 0, 0], 0)
    assert float(model.mean(params)[0, 0]) == pytest.approx(float((weights * grid.ravel()).sum()), abs=1e-5)


def test_categorical_keeps_the_channels_of_a_picture_apart() -> None:
    logits = normal(2, 3, 4, 4, 4)
    x = torch.randint(0, 3, (2, 4, 4, 4), generator=seeded()).float() / 2
    params = logits.reshape(2, 12, 4, 4)
    index = (x * 2).long()
    expected = torch.log_softmax(logits, 1).gather(1, index[:, None]).flatten(1).sum(1)
    torch.testing.assert_close(Categorical(3).log_prob(params, x), expected)


def by_hand(params: np.ndarray, sigma: np.ndarray) -> list[float]:
    """log p of RAW, column by column: what is missing counts only through its indicator."""
    found: list[float] = []
    for row, out in zip(RAW, params, strict=True):
        total = 0.0
        scaled = [(row[0] - 40) / 10, row[1]]
        for k, value in enumerate(scaled):
            total += 0.0 if np.isnan(value) else stats.norm(out[k], sigma[k]).logpdf(value)
        for k, column in ((2, 0), (3, 2)):
            p = 1 / (1 + np.exp(-out[k]))
            total += np.log(p if np.isnan(row[column]) else 1 - p)
        logits = out[4:7] - np.log(np.exp(out[4:7]).sum())
        total += 0.0 if np.isnan(row[2]) else logits[int(row[2])]
        found.append(float(total))
    return found


def test_mixed_table_likelihood_by_hand() -> None:
    model = build_likelihood("mixed", TABLE)
    assert isinstance(model, Mixed)
    with torch.no_grad():
        model.log_sigma.copy_(torch.tensor([-0.5, 0.3]))
    params = normal(4, 7)
    got = model.log_prob(params, torch.from_numpy(TABLE.to_array(RAW))).detach()
    np.testing.assert_allclose(got, by_hand(params.double().numpy(), np.exp([-0.5, 0.3])), rtol=1e-5)


def test_mixed_mean_is_in_array_units() -> None:
    params = normal(4, 7)
    mean = Mixed(TABLE).mean(params)
    torch.testing.assert_close(mean[:, :2], params[:, :2])
    torch.testing.assert_close(mean[:, 2:4], torch.sigmoid(params[:, 2:4]))
    torch.testing.assert_close(mean[:, 4:].sum(1), torch.ones(4))


@pytest.mark.parametrize(
    "kinds", [("numeric",), ("categorical",), ("categorical", "categorical"), ("numeric", "categorical")]
)
@pytest.mark.parametrize("missing", [True, False])
def test_mixed_takes_any_set_of_columns(kinds: tuple[str, ...], missing: bool) -> None:
    columns = tuple(
        Column(name=f"c{i}", kind=kind, categories=("a", "b") if kind == "categorical" else (), has_missing=missing)  # type: ignore[arg-type]
        for i, kind in enumerate(kinds)
    )
    table = TableModality(columns=columns)
    x = torch.from_numpy(table.to_array(np.ones((3, len(kinds)))))
    model = Mixed(table)
    params = torch.zeros(3, *table.data_shape)
    assert model.log_prob(params, x).shape == (3,)
    assert model.sample(params, seeded()).shape == model.mean(params).shape == x.shape


def interior(name: str, model: Likelihood) -> Tensor:
    """Parameters whose draws stay within [0, 1], so that clipping does not shift their mean."""
    if name == "gaussian":
        model.calibrate([(torch.zeros(4, *SHAPE), torch.full((4, *SHAPE), 0.05))])
        return 0.3 + 0.4 * grey(1, *SHAPE)
    if name == "logistic":
        return torch.cat([0.5 * normal(1, *SHAPE), torch.full((1, *SHAPE), -4.0)], dim=1)
    if name == "autoregressive":
        params = 0.5 * normal(1, model.outputs, 4, 5)
        params[:, 6:9], params[:, 9:] = -2.5, 0.4 * params[:, 9:]
        return params
    return normal(1, model.outputs, 4, 5)


@pytest.mark.parametrize("name", IMAGES)
def test_draws_have_the_stated_mean(name: str) -> None:
    model = IMAGES[name]().eval()
    params = interior(name, model)
    draws = model.sample(params.expand(4000, *params.shape[1:]), seeded())
    assert draws.shape == (4000, *SHAPE)
    assert float(draws.min()) >= 0
    assert float(draws.max()) <= 1
    error = 5 * float(draws.std(0).max()) / 4000**0.5
    torch.testing.assert_close(draws.mean(0), model.mean(params)[0], atol=error, rtol=0)
    assert torch.equal(model.sample(params, seeded(3)), model.sample(params, seeded(3)))


def test_draws_of_a_table_have_the_stated_mean() -> None:
    model, params = Mixed(TABLE), normal(1, 7)
    draws = model.sample(params.expand(8000, 7), seeded()).detach()
    torch.testing.assert_close(draws.mean(0), model.mean(params)[0], atol=5 / 8000**0.5, rtol=0)


@pytest.mark.parametrize(("name", "value"), list(itertools.product(IMAGES, (-50.0, 50.0))))
def test_extreme_parameters_stay_finite(name: str, value: float) -> None:
    model = IMAGES[name]().train()
    x = grey(3, *SHAPE)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = 0, 1
    for sign in (1.0, -1.0):
        params = torch.full((3, model.outputs, 4, 5), value)
        params[:, : model.outputs // 2] *= sign
        params.requires_grad_()
        log_prob = model.log_prob(params, x)
        log_prob.sum().backward()
        assert params.grad is not None
        assert torch.isfinite(log_prob).all()
        assert torch.isfinite(params.grad).all()
        assert torch.isfinite(model.mean(params)).all()


def test_extreme_table_parameters_stay_finite() -> None:
    model = Mixed(TABLE)
    with torch.no_grad():
        model.log_sigma.copy_(torch.tensor([-50.0, 50.0]))
    for value in (-50.0, 50.0):
        params = torch.full((4, 7), value, requires_grad=True)
        model.log_prob(params, torch.from_numpy(TABLE.to_array(RAW))).sum().backward()
        assert params.grad is not None
        assert torch.isfinite(params.grad).all()


@pytest.mark.parametrize("name", IMAGES)
def test_bias_gives_the_mean(name: str) -> None:
    model = IMAGES[name]()
    mean = 0.1 + 0.8 * grey(*SHAPE)
    bias = model.bias_for(mean)
    if name == "categorical":
        assert bias is None
    else:
        assert bias is not None
        torch.testing.assert_close(model.mean(bias[None])[0], mean)


def test_names_and_refusals() -> None:
    picture = ImageModality(channels=3, height=8, width=8)
    for name in IMAGES:
        assert build_likelihood(name, picture, levels=4).name == name
    with pytest.raises(InvalidInput, match=r"likelihood must be one of .*, got 'poisson'"):
        build_likelihood("poisson", picture)
    with pytest.raises(InvalidInput, match="'mixed' for a table"):
        build_likelihood("gaussian", TABLE)
    with pytest.raises(InvalidInput, match="levels must be an integer from 2 to 256, got 1"):
        build_likelihood("categorical", picture, levels=1)
