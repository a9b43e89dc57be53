import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.errors import InvalidInput
from latentarium.measures import mse, mse_between, psnr_between, ssim_between
from latentarium.measures.reconstruction import row_ssim, ssim_window

Array = NDArray[np.float64]


def pair(shape: tuple[int, ...] = (6, 2, 16, 13)) -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    x = random.random(shape)
    return x, np.clip(x + 0.2 * random.standard_normal(shape), 0, 1)


def ssim_by_hand(a: Array, b: Array) -> float:
    """One channel, window by window, straight from the definition."""
    grid = np.arange(-5, 6)
    weights = np.exp(-(grid[:, None] ** 2 + grid[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            top = (2 * mp * mq + 0.01**2) * (2 * cov + 0.03**2)
            values.append(top / ((mp**2 + mq**2 + 0.01**2) * (vp + vq + 0.03**2)))
    return float(np.mean(values))


def test_mse_and_psnr_against_the_formula() -> None:
    x, y = pair()
    error = ((x - y) ** 2).mean()
    assert mse_between(x, y).value == pytest.approx(error)
    score = psnr_between(x, y)
    assert score.value == pytest.approx(-10 * np.log10(error))
    assert score.interval[0] < score.value < score.interval[1]


def test_psnr_is_free_of_units() -> None:
    x, y = pair()
    assert psnr_between(2 * x - 1, 2 * y - 1, peak=2.0).value == pytest.approx(psnr_between(x, y).value)
    assert psnr_between(x, x).value == pytest.approx(120)


def test_ssim_against_the_definition() -> None:
    x, y = pair()
    expected = [np.mean([ssim_by_hand(a, b) for a, b in zip(p, q, strict=True)]) for p, q in zip(x, y, strict=True)]
    assert row_ssim(x, y) == pytest.approx(np.array(expected), abs=1e-10)


def test_ssim_of_itself_is_one_and_of_its_negative_is_low() -> None:
    x, _ = pair()
    assert ssim_between(x, x).value == pytest.approx(1.0)
    assert ssim_between(x, 1 - x).value < 0


def test_ssim_window_shrinks_to_small_images() -> None:
    assert [ssim_window((1, 1, side, 20)) for side in (28, 11, 8, 1)] == [11, 11, 7, 1]
    x, y = pair((4, 1, 5, 4))
    assert -1 <= ssim_between(x, y).value < 1


def test_rows_may_come_in_any_order() -> None:
    x, y = pair()
    order = np.random.default_rng(1).permutation(len(x))
    for measure in (mse_between, psnr_between, ssim_between):
        assert measure(x[order], y[order]).value == pytest.approx(measure(x, y).value)


def test_space_and_arrays_agree_and_misfits_are_refused(linear) -> None:
    x, space = linear.rows(20), linear.space()
    assert mse(space, x) == mse_between(x, space.reconstruct(x))
    with pytest.raises(InvalidInput, match="as x"):
        mse_between(x, x[:, :2])
    with pytest.raises(InvalidInput, match="for SSIM"):
        ssim_between(x, x)
