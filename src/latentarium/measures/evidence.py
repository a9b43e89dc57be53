"""What measures look at: one pass of a space over the rows, each part computed once and only when asked for."""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows, check_finite
from latentarium.data.factors import FactorSource
from latentarium.distributions import DiagonalMixture, Distribution, Normal, describe, gaussian_kl
from latentarium.errors import invalid
from latentarium.measures.score import check_row_count
from latentarium.rng import check_seed, generator
from latentarium.space import Codes, LatentSpace, Posterior

Array = NDArray[np.float64]
T = TypeVar("T")
GENERATED = 5000
_POSTERIOR_NOISE, _GENERATED = 21, 22
LOG_2PI = float(np.log(2 * np.pi))
_FREE_OF_BESIDE = ("capabilities", "codes", "posterior", "reconstruction", "generated", "latents", "kl")


Factors = ArrayLike | Mapping[str, ArrayLike]


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """What travels beside the measured rows.

    Parameters
    ----------
    labels : (n,) class numbers 0 .. classes - 1, or None
    classes : the classes, in the order of their numbers
    factors : (n, k) true factors of variation in float64, or None
    factor_names : k names
    """

    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    factors: Array | None = None
    factor_names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        labels: ArrayLike | None = None,
        factors: Factors | None = None,
    ) -> "Beside":
        """Number the classes and check the factors.

        Raises
        ------
        InvalidInput
            When factors are not a table of finite numbers.
        """
        numbers, classes = None, ()
        if labels is not None:
            found, inverse = np.unique(np.asarray(labels), return_inverse=True)
            numbers, classes = inverse.reshape(-1).astype(np.int64), tuple(map(str, found))
        if factors is None:
            return cls(labels=numbers, classes=classes)
        columns = cast(Mapping[str, ArrayLike], factors) if isinstance(factors, Mapping) else None
        table = np.asarray(np.column_stack(list(columns.values())) if columns else factors, np.float64)
        if table.ndim != 2 or not table.shape[1]:
            raise invalid("factors", "a table (n, k) of at least one factor", table.shape)
        check_finite(table, "factors")
        names = tuple(columns) if columns else tuple(f"f{i}" for i in range(table.shape[1]))
        return cls(labels=numbers, classes=classes, factors=table, factor_names=names)

    @property
    def factor_columns(self) -> dict[str, Array]:
        """The factors by name; empty where there are none."""
        if self.factors is None:
            return {}
        return dict(zip(self.factor_names, self.factors.T, strict=True))

    def check(self, count: int) -> None:
        """Raise `InvalidInput` where a column has not `count` rows."""
        for name, column in (("labels", self.labels), ("factors", self.factors)):
            if column is not None and len(column) != count:
                raise invalid(name, f"{count} values, one for each row of x", len(column))


@dataclass(frozen=True)
class Evidence:
    """A space, the rows it is measured on, and what follows from them, cached.

    `prior` is the p(z) of the rate; None stands for N(0, I), which the reported ELBO uses even where another prior was
    fitted to the codes afterwards: `sampled_prior` is that one. `features` gives what generated and real rows are
    compared in; None stands for the principal components of the data. `source` renders rows like `x` from
    factors, for true interventions. `whole` is what a shuffled copy was made of, `shuffle` the copy's number.
    """

    space: LatentSpace
    x: FloatArray
    seed: int = 0
    prior: Distribution | None = None
    beside: Beside = field(default_factory=Beside)
    reference: FloatArray | None = None
    features: Callable[[Any], ArrayLike] | None = None
    source: FactorSource | None = None
    whole: "Evidence | None" = None
    shuffle: int = 0
    _found: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        space: LatentSpace,
        x: ArrayLike,
        *,
        seed: int = 0,
        prior: Distribution | None = None,
        beside: Beside | None = None,
        reference: ArrayLike | None = None,
    ) -> "Evidence":
        """Check and convert the rows: raw uint8 images go through the space's modality, arrays are taken as they are.

        `reference` are rows that the space was trained on, where the caller has them.
        """
        modality = space.modality
        low, high = (modality.low, modality.high) if modality else (None, None)
        rows = as_rows(array_units(space, x), space.data_shape, name="x", low=low, high=high)
        check_row_count(len(rows))
        known = beside or Beside()
        known.check(len(rows))
        seen = None
        if reference is not None:
            seen = as_rows(array_units(space, reference), space.data_shape, name="reference", low=low, high=high)
        return cls(space=space, x=rows, seed=check_seed(seed), prior=prior, beside=known, reference=seen)

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """Those of the space, and "labels", "factors" and "reference" where the rows come with them."""
        given = {"labels": self.beside.labels, "factors": self.beside.factors, "reference": self.reference}
        return self.space.capabilities | {name for name, value in given.items() if value is not None}

    def shuffled(self, order: NDArray[np.intp], number: int = 1) -> "Evidence":
        """The same codes beside whole rows of labels and factors in another order: what knows nothing of them."""
        beside = self.beside
        mixed = dataclasses.replace(
            beside,
            labels=None if beside.labels is None else beside.labels[order],
            factors=None if beside.factors is None else beside.factors[order],
        )
        found = dataclasses.replace(self, beside=mixed, whole=self, shuffle=number)
        # what the space makes of the rows does not depend on what stands beside them
        found.__dict__.update({name: self.__dict__[name] for name in _FREE_OF_BESIDE if name in self.__dict__})
        return found

    def once(self, make: Callable[..., T], *settings: Hashable) -> T:
        """`make(self, *settings)`, computed on the first call and kept for the measures that share it."""
        key = (make, *settings)
        if key not in self._found:
            self._found[key] = make(self, *settings)
        return cast(T, self._found[key])

    @cached_property
    def generated(self) -> FloatArray:
        """Decoded draws of the space's own prior, as many as there are rows and at most 5,000."""
        seed = int(generator(self.seed, _GENERATED).integers(2**62))
        return self.space.sample(min(len(self.x), GENERATED), seed=seed)

    @cached_property
    def posterior(self) -> Posterior:
        return self.space.posterior(self.x)

    @cached_property
    def codes(self) -> Codes:
        """The posterior means where there is a posterior (they are the codes), else encode(x)."""
        return self.posterior.mean if "posterior" in self.space.capabilities else self.space.encode(self.x)

    @cached_property
    def reconstruction(self) -> FloatArray:
        return self.space.decode(self.codes)

    @cached_property
    def latents(self) -> Codes:
        """One draw of q(z|x) for each row; row i's noise depends on the seed and i alone."""
        noise = generator(self.seed, _POSTERIOR_NOISE).standard_normal(self.codes.shape, np.float32)
        return np.asarray(self.posterior.mean + self.posterior.std * noise, np.float32)

    def aggregated(self, rows: NDArray[np.intp]) -> DiagonalMixture:
        """q(z) of these rows: the mean of their posteriors."""
        return DiagonalMixture.equal(flat(self.posterior.mean[rows]), flat(self.posterior.std[rows]))

    @cached_property
    def kl(self) -> Array | None:
        """KL(q(z_j|x) || p(z_j)) per row and dimension in nats, None where the prior is no diagonal Gaussian."""
        return self._kl_under(self.rate_prior)

    @cached_property
    def rate_prior(self) -> Distribution:
        """The prior of the rate and the bound: the one given, or N(0, I)."""
        return self.prior if self.prior is not None else Normal.standard(self.space.dim)

    @cached_property
    def sampled_prior(self) -> Distribution:
        """The prior that samples come from: the one given, the space's own, or N(0, I)."""
        own = self.space.prior
        return self.rate_prior if self.prior is not None or own is None else own

    @cached_property
    def rate(self) -> Array:
        """KL(q(z|x) || p(z)) per row in nats: exact, or log q - log p at the one draw."""
        return self.rate_under(self.rate_prior)

    def rate_under(self, prior: Distribution) -> Array:
        """`rate` with `prior` as p(z)."""
        kl = self._kl_under(prior)
        if kl is not None:
            return kl.sum(1)
        mean, std, z = (flat(a) for a in (self.posterior.mean, self.posterior.std, self.latents))
        log_q = -0.5 * (((z - mean) / std) ** 2 + LOG_2PI).sum(1) - np.log(std).sum(1)
        return log_q - prior.log_prob(z)

    def _kl_under(self, prior: Distribution) -> Array | None:
        if not isinstance(prior, Normal):
            return None
        mean, std = flat(self.posterior.mean), flat(self.posterior.std)
        return gaussian_kl((mean - prior.mean) / prior.std, std / prior.std)

    @cached_property
    def distortion(self) -> Array:
        """-log p(x|z) per row in nats at the one draw."""
        return -self.space.log_likelihood(self.x, self.latents)

    @cached_property
    def peak(self) -> float | None:
        """Width of the data's range, None where it has no bounds; 1 where no modality states one."""
        modality = self.space.modality
        if modality is None:
            return 1.0
        return None if modality.low is None or modality.high is None else modality.high - modality.low

    @property
    def is_image(self) -> bool:
        """Whether a datum is an image, (channels, height, width)."""
        return len(self.space.data_shape) == 3 and self.space.data_shape[0] <= 4

    def describe_prior(self) -> str:
        """The prior of the rate in words."""
        return describe(self.rate_prior)

    def describe_likelihood(self) -> dict[str, Any]:
        stated = self.space.provenance.get("likelihood")
        return dict(cast(Mapping[str, Any], stated)) if isinstance(stated, Mapping) else {}


def array_units(space: LatentSpace, x: ArrayLike) -> Any:
    """`x` in the units of the space: uint8 images are raw and are converted, anything else is left alone."""
    modality = space.modality
    raw = getattr(x, "dtype", None) == np.uint8
    if raw and modality is not None and modality.kind.startswith("image"):
        return modality.to_array(np.asarray(x))
    return x


def within(space: LatentSpace, data: FloatArray) -> FloatArray:
    """Decoded data cut to the stated range, as an encoder refuses what leaves it."""
    modality = space.modality
    if modality is None or (modality.low is None and modality.high is None):
        return data
    return np.clip(data, modality.low, modality.high)


def flat(values: NDArray[Any]) -> Array:
    """(n, *shape) -> (n, d) in float64."""
    return np.asarray(values, np.float64).reshape(len(values), -1)
