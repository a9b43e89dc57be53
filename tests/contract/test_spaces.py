"""Every kind of latent space keeps the contract."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from tests.contract.spaces import SPACES, digits

from latentarium.adapters import from_sklearn
from latentarium.arrays import FloatArray
from latentarium.checks import Case, check_space, space_checks
from latentarium.errors import InvalidInput
from latentarium.space import LatentSpace


@functools.cache
def built(name: str) -> tuple[LatentSpace, FloatArray]:
    return SPACES[name]()


@pytest.mark.parametrize(("check_name", "check"), list(space_checks()), ids=[name for name, _ in space_checks()])
@pytest.mark.parametrize("name", SPACES)
def test_space_keeps_its_contract(name: str, check_name: str, check: Callable[[Case], str | None]) -> None:
    space, x = built(name)
    check(Case.of(space, x))


EXPECTED_SKIPS = {
    "pca": {"value_range", "posterior_mean"},
    "torch vae": {"value_range"},
    "onnx vae": {"derivative"},
    "nmf": {"value_range", "posterior_mean", "seeded_sampling", "prior_units", "reload"},
    "sparse pca": {"value_range", "posterior_mean", "seeded_sampling", "prior_units"},
    "parameters of an ica": {"value_range", "posterior_mean", "seeded_sampling", "prior_units"},
    "keras encoder": {"value_range", "derivative"},
    "keras autoencoder": {"value_range", "posterior_mean", "seeded_sampling", "prior_units"},
    "callables": {"value_range", "seeded_sampling", "prior_units", "derivative", "reload"},
    "codes": {"value_range", "posterior_mean", "derivative", "standardised", "prior_units", "reload"},
}


@pytest.mark.parametrize("name", EXPECTED_SKIPS)
def test_only_inapplicable_checks_are_skipped(name: str) -> None:
    space, x = built(name)
    report = check_space(space, x)
    skipped = {result.name for result in report.results if result.outcome == "skipped"}
    assert report.passed
    assert skipped == EXPECTED_SKIPS[name]


def test_reload_runs_where_it_is_given() -> None:
    from sklearn.decomposition import PCA

    model = PCA(3, random_state=0).fit(digits())
    again = check_space(from_sklearn(model), digits(10), reload=lambda _: from_sklearn(model))
    assert {r.name: r.outcome for r in again.results}["reload"] == "passed"


def test_rows_that_do_not_fit_are_refused() -> None:
    space, _ = built("pca")
    with pytest.raises(InvalidInput, match=r"x\.shape must be \(n, 64\)"):
        check_space(space, np.zeros((10, 63)))
    with pytest.raises(InvalidInput, match="at least 4 rows"):
        check_space(space, digits(3))
