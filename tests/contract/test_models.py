"""Every model of ours keeps the contract, also after it was stored and loaded, and is quick on a CPU."""

import functools
import time

import pytest
from tests.contract.models import MODELS

from latentarium.adapters.graphs import space_from_graphs
from latentarium.checks import check_space
from latentarium.distributions import from_arrays, to_arrays
from latentarium.models.export import export_decoder, export_encoder
from latentarium.models.stored import space_from_weights
from latentarium.space import LatentSpace
from latentarium.training.fit import Fitted
from latentarium.training.save import space_of


@functools.cache
def built(name: str) -> tuple[Fitted, LatentSpace, float]:
    began = time.perf_counter()
    fitted = MODELS[name]()
    return fitted, space_of(fitted), time.perf_counter() - began


def reloaded(fitted: Fitted, space: LatentSpace) -> LatentSpace:
    """The space as a bundle would give it back: from arrays and JSON alone."""
    weights = {name: value.numpy() for name, value in fitted.model.state_dict().items()}
    prior = None if space.prior is None else from_arrays(*to_arrays(space.prior))
    architecture = fitted.settings.architecture.to_json()
    modality = fitted.rows.modality
    shared = {"name": space.name, "prior": prior, "conditions": fitted.conditions}
    return space_from_weights(architecture, weights, modality, provenance={}, **shared)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "custom modules"])
def test_model_keeps_the_contract(name: str) -> None:
    fitted, space, seconds = built(name)
    report = check_space(space, fitted.rows.array("test")[:20], reload=lambda _: reloaded(fitted, space))
    report.raise_if_failed()
    skipped = {result.name for result in report.results if result.outcome == "skipped"}
    unbounded = {"value_range"} if "table" in name else set()
    assert skipped == unbounded | (set() if fitted.model.variational else {"posterior_mean"})
    assert seconds < 5


def test_custom_modules_keep_the_contract_and_come_back_as_graphs() -> None:
    fitted, space, seconds = built("custom modules")
    x = fitted.rows.array("test")[:20]
    check_space(space, x).raise_if_failed()
    assert seconds < 5
    graphs = {"encoder": export_encoder(fitted.model, x), "decoder": export_decoder(fitted.model, space.encode(x))}
    again = space_from_graphs(
        {part: graph.data for part, graph in graphs.items()},
        shape=space.shape,
        data_shape=space.data_shape,
        variational=True,
        modality=fitted.rows.modality,
        prior=space.prior,
    )
    check_space(again, x).raise_if_failed()
    assert abs(again.encode(x) - space.encode(x)).max() < 1e-4
    assert abs(again.posterior(x).std - space.posterior(x).std).max() < 1e-4
    assert abs(again.reconstruct(x) - space.reconstruct(x)).max() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_where_rows_have_places_a_prior_is_fitted_to_these_else_it_is_the_standard_one(name: str) -> None:
    fitted, space, _ = built(name)
    normal = fitted.model.variational or (fitted.settings.model == "gan" and not fitted.settings.anchored)
    assert type(space.prior).__name__ == ("Normal" if normal else "Mixture")
    assert ("posterior" in space.capabilities) is fitted.model.variational
    assert {"encode", "decode", "derivative", "likelihood", "prior"} <= space.capabilities
