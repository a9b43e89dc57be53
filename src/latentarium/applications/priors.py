"""Another prior for a bundle, and what it is worth on rows that no fit has seen."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.evaluation import source_rows
from latentarium.bundle import Bundle, prior_entry
from latentarium.data.rows import Rows
from latentarium.distributions import Distribution, Empirical, describe
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.measures.score import bootstrap_interval
from latentarium.training.priors import Encoded, encode_part, fit_prior, parse_prior, prior_rows

SHEET = ("measures.json", "report.html")


@dataclass(frozen=True, kw_only=True)
class PriorChange:
    """What `replace_prior` did.

    Parameters
    ----------
    bundle : with the new prior
    before, after : the two priors in words
    nats : mean -log p(z) of either, in nats a held-out row; None for a prior without density
    gain : 95 % interval of how much lower the second is, None where it cannot be said
    rows : number of these rows, the test rows that are kept in the bundle
    """

    bundle: Bundle
    before: str
    after: str
    nats: tuple[float | None, float | None]
    gain: tuple[float, float] | None
    rows: int


def replace_prior(bundle: Bundle, prior: str, *, data: str | None = None, seed: int = 0) -> PriorChange:
    """Fit a prior to the bundle's training rows and put it in the place of the one it has, in one exchange.

    Network, codes and maps stay. A sheet goes, since its samples came from the old prior. A VAE's mixture, flow or
    VampPrior needs the training rows for their posteriors; an AE's codes are in the bundle.

    Parameters
    ----------
    prior : "auto", "normal", "mixture:10", "vamp:500" (a VAE) or "flow:8"
    data : where the source is now, when it is not where the fit found it
    seed : of every random choice; that of the fit gives the prior which the fit would have given

    Examples
    --------
    >>> import tempfile
    >>> import latentarium as la
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = la.fit("digits", model="ae", latent=2, width=8, steps=2, out=f"{folder}/space", progress=False)
    ...     change = replace_prior(la.open_bundle(f"{folder}/space"), "normal")
    >>> change.before, change.after
    ('a mixture of 10 Gaussians', 'a Gaussian with diagonal covariance')
    """
    made = bundle.manifest["provenance"]
    model, game = made["settings"]["model"], made["settings"].get("adversarial") or {}
    if bundle.manifest["data"].get("decoded") and "encode" not in bundle.space.capabilities:
        rule = "left as it is for a decoder without data: there are only draws of it, no rows to fit another one to"
        raise invalid("prior", rule, prior)
    anchored = model == "gan" and game.get("anchor", 0) > 0
    choice = parse_prior(prior, model=model, anchored=anchored)
    dim, variational = bundle.space.dim, model != "ae"
    part = _Parts(bundle, data, seed, anchored)
    fitted = fit_prior(choice, part, dim=dim, variational=variational, seed=seed)
    kind, writers = prior_entry(fitted)
    points = Encoded.of(bundle.space, bundle.modality.to_array(np.asarray(bundle.kept))).draws(seed)
    before, after = (_nats(distribution, points) for distribution in (bundle.prior, fitted))
    gain = None if before is None or after is None else bootstrap_interval(before - after, seed=seed)
    settings = {**made["settings"], "prior": prior}
    stale = [name for name in bundle.manifest["files"] if name in SHEET or name.startswith("pictures/")]
    changed = bundle.with_files(writers, without=stale, prior=kind, provenance={**made, "settings": settings})
    return PriorChange(
        bundle=changed,
        before="none" if bundle.prior is None else describe(bundle.prior),
        after=describe(fitted),
        nats=(_mean(before), _mean(after)),
        gain=gain,
        rows=len(points),
    )


@dataclass(frozen=True)
class _Parts:
    """Encoded training and validation rows of a bundle: a VAE's from the source, other codes from the bundle."""

    bundle: Bundle
    data: str | None
    seed: int
    anchored: bool

    def __call__(self, part: str) -> Encoded:
        if "posterior" not in self.bundle.space.capabilities:
            numbers = np.flatnonzero(self.bundle.splits == part)
            codes = Encoded(self.bundle.codes[prior_rows(numbers, part, seed=self.seed)])
            return codes.filled() if self.anchored else codes
        return encode_part(self.bundle.space, self.rows, part, seed=self.seed)

    @cached_property
    def rows(self) -> Rows:
        """The source, opened once."""
        try:
            return source_rows(self.bundle, data=self.data)
        except LatentariumError as error:
            if self.data is not None:
                raise
            raise InvalidInput(
                f"this prior is fitted to the posteriors of the training rows, which are not at hand ({error}); "
                "say where they are with --data"
            ) from None


def _nats(prior: Distribution | None, points: NDArray[Any]) -> NDArray[np.float64] | None:
    return None if prior is None or isinstance(prior, Empirical) else -prior.log_prob(points)


def _mean(nats: NDArray[np.float64] | None) -> float | None:
    return None if nats is None else float(nats.mean())
