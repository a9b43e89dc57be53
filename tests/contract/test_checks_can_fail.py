"""For each check of the contract, a space broken in just that way, which the check finds."""

import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.checks import CheckFailed, CheckReport, check_space, space_checks
from latentarium.distributions import Distribution, Normal
from latentarium.errors import LatentariumError
from latentarium.space import LatentSpace

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
MATRIX = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, -0.5]], np.float32)


def encode(x: FloatArray) -> FloatArray:
    return x[:, :2].copy()


def decode(z: FloatArray) -> FloatArray:
    return np.tanh(z @ MATRIX)


def jvp(z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    value = decode(z)
    return value, (1 - value**2) * (v @ MATRIX)


class Unit:
    """Vectors within [-1, 1]."""

    kind: ClassVar[str] = "vectors"
    data_shape = (3,)
    low: float | None
    high: float | None

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        return raw.astype(np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[Any]:
        return array

    def to_json(self) -> dict[str, Any]:
        return {}


GOOD = LatentSpace(
    name="good",
    shape=(2,),
    data_shape=(3,),
    encode_fn=encode,
    decode_fn=decode,
    posterior_fn=lambda x: (encode(x), np.full((len(x), 2), 0.5, np.float32)),
    decode_jvp_fn=jvp,
    log_likelihood_fn=lambda x, z: -0.5 * ((x - decode(z)) ** 2).sum(1),
    prior=Normal(mean=np.array([0.0, 1.0]), std=np.array([1.0, 2.0])),
    modality=Unit(-10.0, 10.0),
)


def noisy() -> Callable[[FloatArray], FloatArray]:
    calls = itertools.count()
    return lambda x: encode(x) + 1e-3 * next(calls)


def altering(x: FloatArray) -> FloatArray:
    x += 1
    return encode(x)


@dataclasses.dataclass(frozen=True)
class BrokenPrior:
    """A standard normal whose density, draws or change of units can be set wrong."""

    dim: int = 2
    density_scale: float = 1.0
    seeded: bool = True
    moves: bool = True

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        return Normal.standard(self.dim).sample(n, seed=seed if self.seeded else 0)

    def log_prob(self, z: NDArray[Any]) -> NDArray[np.float64]:
        return Normal(mean=np.zeros(self.dim), std=np.full(self.dim, self.density_scale)).log_prob(z)

    def transformed(self, mean: NDArray[np.float64], std: NDArray[np.float64]) -> Distribution:
        return Normal.standard(self.dim).transformed(mean, std) if self.moves else self


class Renamed(LatentSpace):
    """A space that keeps the old units when it is standardised."""

    def standardised(self, mean: object, std: object) -> LatentSpace:
        return self


class Careless(LatentSpace):
    """A space that lets any array through."""

    def encode(self, x: Any) -> FloatArray:
        return np.zeros((len(x), *self.shape), np.float32)


class Closed(LatentSpace):
    """A space that denies what it has."""

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities - {"posterior"}


class NoEmptyBatch(LatentSpace):
    """A space that gives one row for none."""

    def decode(self, z: Any) -> FloatArray:
        return super().decode(z if len(z) else np.zeros((1, *self.shape)))


def changed(**fields: Any) -> LatentSpace:
    return dataclasses.replace(GOOD, **fields)


def recast(kind: type[LatentSpace]) -> LatentSpace:
    return kind(**{field.name: getattr(GOOD, field.name) for field in dataclasses.fields(GOOD)})


BROKEN: list[tuple[str, str, LatentSpace]] = [
    ("determinism", "other values", changed(encode_fn=noisy())),
    ("batch_invariance", "beside it", changed(encode_fn=lambda x: encode(x - x.mean(0)))),
    ("inputs_untouched", "alters", changed(encode_fn=altering)),
    ("empty_batch", "empty batch", recast(NoEmptyBatch)),
    ("shapes_and_dtype", "returned shape", changed(decode_fn=lambda z: decode(z)[:, :2])),
    ("shapes_and_dtype", "floating point", changed(encode_fn=lambda x: encode(x).astype(np.int64))),
    ("finite_outputs", "NaN", changed(decode_fn=lambda z: np.where(z[:, :1] > 0, decode(z), np.nan))),
    ("value_range", "outside", changed(modality=Unit(0.0, 10.0), encode_fn=None, posterior_fn=None)),
    ("seeded_sampling", "same draws", changed(prior=BrokenPrior(seeded=False))),
    ("prior_units", "than its draws", changed(prior=BrokenPrior(density_scale=3.0))),
    ("prior_units", "other units", changed(prior=BrokenPrior(moves=False))),
    ("posterior_mean", "differs from encode", changed(posterior_fn=lambda x: (2 * encode(x), np.ones((len(x), 2))))),
    ("posterior_mean", "positive", changed(posterior_fn=lambda x: (encode(x), np.zeros((len(x), 2))))),
    ("derivative", "central differences", changed(decode_jvp_fn=lambda z, v: (decode(z), 2 * jvp(z, v)[1]))),
    ("derivative", "another value", changed(decode_jvp_fn=lambda z, v: (decode(z) + 1, jvp(z, v)[1]))),
    ("standardised", "standardised codes", recast(Renamed)),
    ("bad_input", "accepts", recast(Careless)),
    ("capabilities", "yet it works", recast(Closed)),
]


def test_the_unbroken_space_passes() -> None:
    report = check_space(GOOD, X, reload=lambda space: space)
    assert report.passed, str(report)
    assert {result.outcome for result in report.results} == {"passed"}


@pytest.mark.parametrize(("name", "finding", "space"), BROKEN, ids=[f"{name}-{text}" for name, text, _ in BROKEN])
def test_check_finds_the_broken_space(name: str, finding: str, space: LatentSpace) -> None:
    found = {result.name: result.detail for result in check_space(space, X).failed}
    assert finding in found[name]


def test_check_finds_a_lossy_reload() -> None:
    report = check_space(GOOD, X, reload=lambda space: dataclasses.replace(space, decode_fn=lambda z: 0.9 * decode(z)))
    assert [result.name for result in report.failed] == ["reload"]
    gone = check_space(GOOD, X, reload=lambda space: dataclasses.replace(space, posterior_fn=None))
    assert "can ['decode', 'derivative'" in gone.failed[0].detail


def test_every_check_has_a_broken_space() -> None:
    assert {name for name, _, _ in BROKEN} | {"reload"} == {name for name, _ in space_checks()}


def test_an_exception_is_a_finding_and_not_a_crash() -> None:
    def explode(x: FloatArray) -> FloatArray:
        raise ZeroDivisionError("no luck")

    report = check_space(changed(encode_fn=explode), X)
    assert {r.name: r.detail for r in report.failed}["determinism"] == "ZeroDivisionError: no luck"


def failing_report() -> CheckReport:
    return check_space(changed(name="<b>", encode_fn=noisy()), X)


def test_report_raises_one_line() -> None:
    with pytest.raises(CheckFailed, match=r"'<b>' fails \d+ of 15 checks: determinism: encode") as caught:
        failing_report().raise_if_failed()
    assert isinstance(caught.value, LatentariumError)
    assert "\n" not in str(caught.value)
    check_space(GOOD, X).raise_if_failed()


def test_report_as_json_text_and_html() -> None:
    report = failing_report()
    stored = json.loads(json.dumps(report.to_json()))
    assert stored["passed"] is False
    assert stored["checks"]["determinism"]["outcome"] == "failed"
    assert "skipped reload: not storable" in str(report)
    assert "&lt;b&gt;" in report._repr_html_()
