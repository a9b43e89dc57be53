"""The checks themselves: functions of a `Case` that raise `CheckFailed`, or return why they do not apply."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from latentarium.arrays import FloatArray
from latentarium.checks.case import Case, CheckFailed, expect_close, expect_density_of, row_norms
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.rng import generator
from latentarium.space import LatentSpace

Check = Callable[[Case], str | None]

# a decoder may clip to its range, and a difference across the kink is off by that much
DERIVATIVE_TOLERANCE = 0.1


def check_determinism(case: Case) -> str | None:
    """Calling twice gives the same bits."""
    for name, function, arguments in case.calls():
        if not np.array_equal(function(*arguments), function(*arguments), equal_nan=True):
            raise CheckFailed(f"{name} gives other values when called again with the same rows")
    return None


def check_batch_invariance(case: Case) -> str | None:
    """A row's result does not depend on the rows that come with it."""
    for name, function, arguments in case.calls():
        together = function(*arguments)
        for row in (0, len(together) // 2, len(together) - 1):
            alone = function(*(a[row : row + 1] for a in arguments))[0]
            expect_close(alone, together[row], f"{name} of row {row} depends on the rows beside it", together)
    return None


def check_inputs_untouched(case: Case) -> str | None:
    """The caller's arrays keep their values, also where they are passed on without a copy."""
    size = case.space.batch_size
    for name, function, arguments in case.calls():
        full = [np.resize(a, (size, *a.shape[1:])) for a in arguments]
        before = [a.copy() for a in full]
        function(*full)
        if any(not np.array_equal(a, b) for a, b in zip(full, before, strict=True)):
            raise CheckFailed(f"{name} alters the array it is given")
    return None


def check_empty_batch(case: Case) -> str | None:
    """No rows in, no rows out, with the right shape."""
    for name, function, arguments in case.calls():
        whole, empty = function(*arguments), function(*(a[:0] for a in arguments))
        if empty.shape != (0, *whole.shape[1:]):
            raise CheckFailed(f"{name} of an empty batch has shape {empty.shape}, expected {(0, *whole.shape[1:])}")
    return None


def check_shapes_and_dtype(case: Case) -> str | None:
    """Results have the stated shapes; the space's own functions compute in floating point."""
    space, count = case.space, len(case.x)
    expected = {
        "encode": (count, *space.shape),
        "posterior": (count, 2, *space.shape),
        "decode": (count, *space.data_shape),
        "decode_jvp": (count, 2, *space.data_shape),
        "log_likelihood": (count,),
    }
    for name, function, arguments in case.calls():
        result = function(*arguments)
        if result.shape != expected[name] or result.dtype.kind != "f":
            raise CheckFailed(f"{name} gives {result.dtype} {result.shape}, expected floats of shape {expected[name]}")
    for name, function, arguments in _raw_calls(case):
        kind = np.asarray(function(*arguments)).dtype
        if kind.kind != "f":
            raise CheckFailed(f"{name} computes {kind}, expected floating point")
    return None


def check_finite_outputs(case: Case) -> str | None:
    """No NaN or infinity for ordinary rows."""
    for name, function, arguments in case.calls():
        bad = int((~np.isfinite(function(*arguments))).sum())
        if bad:
            raise CheckFailed(f"{name} gives {bad} NaN or infinite values")
    return None


def check_value_range(case: Case) -> str | None:
    """Decoded values stay in the range that the modality states."""
    modality = case.space.modality
    if modality is None or (modality.low is None and modality.high is None):
        return "no modality states a range"
    if "decode" not in case.space.capabilities:
        return "no decoder"
    values = case.space.decode(case.latents())
    low, high = float(values.min()), float(values.max())
    slack = 1e-4
    if (modality.low is not None and low < modality.low - slack) or (
        modality.high is not None and high > modality.high + slack
    ):
        raise CheckFailed(f"decode gives values from {low:g} to {high:g}, outside [{modality.low}, {modality.high}]")
    return None


def check_seeded_sampling(case: Case) -> str | None:
    """Equal seeds give equal draws, other seeds other draws, and `n` draws are `n` draws."""
    if "prior" not in case.space.capabilities:
        return "no prior"
    draw = case.space.sample if "decode" in case.space.capabilities else case.space.sample_latents
    first, again, other = draw(8, seed=case.seed), draw(8, seed=case.seed), draw(8, seed=case.seed + 1)
    if not np.array_equal(first, again):
        raise CheckFailed("equal seeds give different draws")
    if np.array_equal(first, other):
        raise CheckFailed("different seeds give the same draws")
    if len(first) != 8 or not np.isfinite(first).all():
        raise CheckFailed(f"8 draws have shape {first.shape} or are not finite")
    return None


def check_prior_units(case: Case) -> str | None:
    """The prior's density belongs to its draws, and follows a change of units.

    For any smooth density E[grad log p(z) . (z - m)] = -d (integration by parts), whatever the centre m; a density
    in other units than the draws breaks it. Under w = (z - mean) / std, log p(w) = log p(z) + sum log std.
    """
    prior, dim = case.space.prior, case.space.dim
    if prior is None:
        return "no prior"
    draws = np.asarray(prior.sample(2000, seed=case.seed), np.float64)
    if draws.shape != (2000, dim):
        raise CheckFailed(f"the prior's draws have shape {draws.shape}, expected (2000, {dim})")
    try:
        density = prior.log_prob(draws)
    except InvalidInput:
        return "the prior has draws but no density"
    if density.shape != (2000,) or not np.isfinite(density).all():
        raise CheckFailed("the prior's log_prob of its own draws is not one finite number a row")
    expect_density_of(prior.log_prob, draws)
    random = generator(case.seed, 3)
    mean, std = random.standard_normal(dim), np.exp(random.uniform(-0.7, 0.7, dim))
    moved = prior.transformed(mean, std).log_prob((draws - mean) / std)
    expect_close(moved, density + np.log(std).sum(), "the transformed prior is in other units", density)
    return None


def check_posterior_mean(case: Case) -> str | None:
    """`encode` is the posterior mean, and its spread is positive."""
    if not {"encode", "posterior"} <= case.space.capabilities:
        return "no encoder with a posterior"
    posterior = case.space.posterior(case.x)
    codes = case.space.encode(case.x)
    expect_close(posterior.mean, codes, "the posterior mean differs from encode", codes)
    if not (posterior.std > 0).all():
        raise CheckFailed(f"posterior std must be positive, the lowest is {posterior.std.min():g}")
    return None


def check_derivative(case: Case) -> str | None:
    """`decode_jvp` gives decode(z), and agrees with central differences of it on most rows (kinks excepted)."""
    space = case.space
    if "derivative" not in space.capabilities:
        return "no decode_jvp_fn"
    z = case.latents()
    v = case.directions(z)
    value, derivative = space.decode_jvp(z, v)
    if "decode" not in space.capabilities:
        raise CheckFailed("a derivative without a decoder")
    expect_close(value, space.decode(z), "decode_jvp gives another value than decode", value)
    step = np.float32(1e-2)
    slope = (space.decode(z + step * v) - space.decode(z - step * v)) / (2 * step)
    size = np.maximum(row_norms(slope), 1e-3 * max(float(row_norms(value).max()), 1e-12))
    error = float(np.median(row_norms(derivative - slope) / size))
    if not error <= DERIVATIVE_TOLERANCE:
        raise CheckFailed(f"decode_jvp is off central differences by {error:.2g} of their length")
    return None


def check_standardised(case: Case) -> str | None:
    """The standardised space gives standardised codes and the same data."""
    space = case.space
    if space.geometry.radius is not None:
        return "a spherical space has no scale to choose for each axis"
    if not space.capabilities & {"encode", "decode"}:
        return "no encoder and no decoder"
    z = case.latents()
    mean, std = z.mean(0), np.where(z.std(0) > 1e-3 * (float(z.std()) or 1.0), z.std(0), 1).astype(np.float32)
    moved = space.standardised(mean, std)
    scaled = ((z - mean) / std).astype(np.float32)
    if "encode" in space.capabilities:
        codes = (space.encode(case.x) - mean) / std
        expect_close(moved.encode(case.x), codes, "standardised codes are not (z - mean) / std", codes)
    if "posterior" in space.capabilities:
        wide = space.posterior(case.x).std / std
        expect_close(moved.posterior(case.x).std, wide, "the standardised posterior is in other units", wide)
    if "decode" in space.capabilities:
        data = space.decode(z)
        expect_close(moved.decode(scaled), data, "the standardised space decodes to other data", data, loose=100)
    return None


def check_bad_input(case: Case) -> str | None:
    """Wrong shapes and NaN are refused as `InvalidInput`."""
    for name, function, arguments in case.calls():
        wrong_shape = [np.zeros((2, *a.shape[1:], 1), np.float32) for a in arguments]
        not_finite = [np.full_like(a, np.nan) for a in arguments]
        for what, bad in (("a wrong shape", wrong_shape), ("NaN", not_finite)):
            try:
                function(*bad)
            except InvalidInput:
                continue
            raise CheckFailed(f"{name} accepts {what}")
    return None


def check_capabilities(case: Case) -> str | None:
    """What is listed works, and what is missing says so."""
    space = case.space
    points = np.zeros((1, *space.shape), np.float32)
    data = case.x[:1] if len(case.x) else np.zeros((1, *space.data_shape), np.float32)
    attempts: Mapping[str, Callable[[], object]] = {
        "encode": lambda: space.encode(data),
        "decode": lambda: space.decode(points),
        "posterior": lambda: space.posterior(data),
        "likelihood": lambda: space.log_likelihood(data, points),
        "prior": lambda: space.sample_latents(1, seed=case.seed),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
            worked = True
        except MissingCapability:
            worked = False
        if worked != (name in space.capabilities):
            said, seen = ("missing", "works") if worked else ("there", "is missing")
            raise CheckFailed(f"{name} is said to be {said}, yet it {seen}")
    return None


def check_reload(case: Case) -> str | None:
    """Storing and loading changes neither what the space can do nor what it computes.

    Without a way of its own a space goes through the graphs that a bundle would hold, which know neither derivative nor
    likelihood.
    """
    reload = case.reload or _through_graphs
    if case.reload is None and case.space.graphs_fn is None:
        return "not storable: only its codes can be put into a bundle"
    again = reload(case.space)
    may_go = frozenset(["derivative", "likelihood"]) if case.reload is None else frozenset[str]()
    if case.space.capabilities - again.capabilities - may_go or again.shape != case.space.shape:
        raise CheckFailed(
            f"the loaded space can {sorted(again.capabilities)}, the stored one {sorted(case.space.capabilities)}"
        )
    other = Case(space=again, x=case.x, seed=case.seed)
    loaded_calls = {name: function for name, function, _ in other.calls()}
    for name, stored, arguments in case.calls():
        loaded = loaded_calls.get(name)
        if loaded is None:
            continue
        result = stored(*arguments)
        expect_close(loaded(*arguments), result, f"{name} differs after loading", result, loose=10)
    if "prior" in again.capabilities:
        draws = case.space.sample_latents(8, seed=case.seed)
        expect_close(again.sample_latents(8, seed=case.seed), draws, "the prior differs after loading", draws)
    return None


def _through_graphs(space: LatentSpace) -> LatentSpace:
    """The space of the ONNX graphs of `space`."""
    from latentarium.adapters.graphs import through_graphs

    return through_graphs(space, space.graphs_fn() if space.graphs_fn else {})


_CHECKS: Mapping[str, Check] = {
    "determinism": check_determinism,
    "batch_invariance": check_batch_invariance,
    "inputs_untouched": check_inputs_untouched,
    "empty_batch": check_empty_batch,
    "shapes_and_dtype": check_shapes_and_dtype,
    "finite_outputs": check_finite_outputs,
    "value_range": check_value_range,
    "seeded_sampling": check_seeded_sampling,
    "prior_units": check_prior_units,
    "posterior_mean": check_posterior_mean,
    "derivative": check_derivative,
    "standardised": check_standardised,
    "bad_input": check_bad_input,
    "capabilities": check_capabilities,
    "reload": check_reload,
}


def space_checks() -> Iterator[tuple[str, Check]]:
    """Name and function of each check, for parametrised tests."""
    yield from _CHECKS.items()


def _raw_calls(case: Case) -> Iterator[tuple[str, Callable[..., Any], tuple[FloatArray, ...]]]:
    """The space's own functions on one full batch, as the space calls them."""
    space = case.space
    if space.encode_fn is not None:
        yield "encode_fn", space.encode_fn, (np.resize(case.x, (space.batch_size, *space.data_shape)),)
    if space.decode_fn is not None:
        yield "decode_fn", space.decode_fn, (case.latents(space.batch_size),)
