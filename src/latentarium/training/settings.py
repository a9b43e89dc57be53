"""What a fit can be told, as one frozen dataclass; the defaults are the recipe."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from latentarium.arrays import check_positive_int
from latentarium.errors import InvalidInput, invalid
from latentarium.models.autoencoder import Architecture
from latentarium.objectives import Objective, parse_objective
from latentarium.rng import check_seed

MODELS = ("vae", "ae")
PRECISIONS = ("auto", "fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a model is trained.

    Exactly one of `steps`, `epochs` and `time` limits a fit; with none given it is 30 epochs. Optimiser: AdamW
    (Loshchilov & Hutter 2019) with linear warm-up and cosine decay to 1 %, gradients clipped at a global norm,
    an exponential moving average of the weights. The KL term is ramped up and its free nats (Kingma et al. 2016)
    decay to zero, so that the last part of a fit optimises the plain bound.

    Parameters
    ----------
    model : "vae" or "ae"
    architecture : the networks; `make` takes their settings by flat names as well
    steps, epochs, time : optimiser steps, passes over the training rows, or seconds
    objective : "elbo", "beta:4", "beta-tc:6"; an AE takes "rae:0.01"
    learning_rate, batch_size, weight_decay, clip : optimisation; a batch is that of all processes together
    ema : decay of the weight average at full strength
    warmup, kl_warmup, free_until : shares of the steps for the rate, for beta 0 -> 1, for free nats -> 0
    free_nats : free nats of each latent dimension at the start
    validations : how often the validation bound is computed in a fit at most; fewer in short fits
    validation_rows : rows it is computed on
    checkpoint_steps : steps between checkpoints; 0 for a tenth of the fit, at most 500
    seed : of every random choice
    device : "cpu", "cuda" or "auto"
    precision : "bf16" autocast, "fp32", or "auto": bf16 but for convolutions on a CPU
    compile : torch.compile the model; pays off on long fits of convolutional nets only
    threads : processor threads; 0 for torch's own choice
    """

    model: str = "vae"
    architecture: Architecture = field(default_factory=Architecture)
    objective: Objective | None = None
    steps: int | None = None
    epochs: float | None = None
    time: float | None = None
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 100.0
    ema: float = 0.999
    warmup: float = 0.05
    kl_warmup: float = 0.1
    free_nats: float = 0.05
    free_until: float = 0.4
    validations: int = 20
    validation_rows: int = 2000
    checkpoint_steps: int = 0
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        _one_of("model", self.model, MODELS)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("device", self.device, DEVICES)
        for name in ("batch_size", "validations", "validation_rows"):
            check_positive_int(getattr(self, name), name)
        for name in ("checkpoint_steps", "threads"):
            check_positive_int(getattr(self, name), name, low=0)
        if self.steps is not None:
            check_positive_int(self.steps, "steps")
        for name in ("learning_rate", "clip"):
            _in_range(name, getattr(self, name), above=0.0)
        for name in ("weight_decay", "free_nats"):
            _in_range(name, getattr(self, name), low=0.0)
        for name in ("ema", "warmup", "kl_warmup", "free_until"):
            _in_range(name, getattr(self, name), low=0.0, high=1.0)
        self._check_limit()
        self._check_objective()

    def _check_limit(self) -> None:
        given = [n for n in ("steps", "epochs", "time") if getattr(self, n) is not None]
        if len(given) > 1:
            raise invalid("the length of a fit", "given once, as steps, epochs or time", " and ".join(given))
        for name in ("epochs", "time"):
            if getattr(self, name) is not None:
                _in_range(name, getattr(self, name), above=0.0)

    def _check_objective(self) -> None:
        variational = self.model == "vae"
        if self.objective is not None and self.objective.variational != variational:
            kinds = "elbo, beta or beta-tc for a VAE" if variational else "rae for an AE"
            raise invalid("objective", kinds, self.objective.kind)
        object.__setattr__(self, "architecture", replace(self.architecture, variational=variational))

    @property
    def goal(self) -> Objective:
        """The objective, or the model's default."""
        if self.objective is not None:
            return self.objective
        return Objective() if self.model == "vae" else Objective(kind="rae", weight=1e-2)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; `from_json` gives back an equal object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "FitSettings":
        """Settings from `to_json`'s form or from flat names as in a TOML file; unknown names are refused."""
        return cls.make(**stored)

    @classmethod
    def make(cls, **options: Any) -> "FitSettings":
        """Settings from flat keyword names: those of this class and of `Architecture` ("latent", "net", ...).

        Raises
        ------
        InvalidInput
            For a name that is neither, listing the near ones.
        """
        inner_names = {f.name for f in fields(Architecture)} - {"variational"}
        names = {f.name for f in fields(cls)}
        for name in options:
            if name not in names | inner_names:
                raise _unknown(name, names | inner_names)
        inner = {k: v for k, v in options.items() if k in inner_names}
        outer = {k: v for k, v in options.items() if k in names}
        outer["architecture"] = _architecture(outer.get("architecture"), inner)
        outer["objective"] = _objective(outer.get("objective"))
        return cls(**outer)


def read_config(path: Path) -> dict[str, Any]:
    """Flat settings from a TOML file, tables flattened: `[architecture] latent = 32` equals `latent = 32`."""
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise invalid("config", "a TOML file or a bundle", str(path), error.strerror or "it cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"config {path} is not valid TOML: {error}") from None
    flat: dict[str, Any] = {}
    for name, value in parsed.items():
        flat.update(value if isinstance(value, dict) and name != "objective" else {name: value})
    return flat


def _architecture(stored: Any, inner: Mapping[str, Any]) -> Architecture:
    base = stored if isinstance(stored, Architecture) else Architecture.from_json(stored or {})
    return replace(base, **inner)


def _objective(value: Any) -> Objective | None:
    if value is None or isinstance(value, Objective):
        return value
    if isinstance(value, str):
        return parse_objective(value)
    if isinstance(value, Mapping):
        names = {f"objective.{f.name}" for f in fields(Objective)}
        for name in value:
            if f"objective.{name}" not in names:
                raise _unknown(f"objective.{name}", names)
        return Objective(**value)
    raise invalid("objective", "a kind and a number such as beta:4", value)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise invalid(name, f"one of {', '.join(allowed)}", value)


def _in_range(
    name: str, value: object, *, low: float | None = None, above: float | None = None, high: float | None = None
) -> None:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    fits = (low is None or number >= low) and (above is None or number > above) and (high is None or number <= high)
    if not (fits and abs(number) < float("inf")):
        lower = f"above {above:g}" if above is not None else f"at least {low:g}"
        raise invalid(name, lower + (f" and at most {high:g}" if high is not None else ""), value)


def _unknown(name: str, known: set[str]) -> InvalidInput:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return InvalidInput(f"{name!r} is not a setting of a fit; {hint}")
