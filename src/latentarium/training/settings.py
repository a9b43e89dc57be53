"""What a fit can be told, as one frozen dataclass; the defaults are the recipe."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from latentarium.arrays import check_positive_int
from latentarium.data.music.modalities import MelodyModality
from latentarium.data.texts import TextModality
from latentarium.errors import InvalidInput, invalid
from latentarium.models.autoencoder import Architecture
from latentarium.objectives import Objective, beta, parse_objective
from latentarium.rng import check_seed
from latentarium.space import Modality
from latentarium.training.priors import parse_prior

MODELS = ("vae", "ae", "gan")
PRECISIONS = ("auto", "fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda")
PENALTIES = ("both", "real", "generated", "none")
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"gan": {"batch_size": 64, "learning_rate": 2e-4}}
"""What `FitSettings.make` takes for a model where its own defaults would not do."""
MELODY_OBJECTIVE = beta(0.2)
TEXT_PRETRAIN, TEXT_FREE_RATE = 0.1, 5.0
_NOT_OF_A_GAN = (
    "objective", "weight_decay", "clip", "warmup", "kl_warmup", "kl_start", "free_nats", "free_until", "free_rate",
    "pretrain", "compile",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """How a GAN is trained (Huang et al. 2024); the schedules are cosines over the adversarial part of the fit.

    Parameters
    ----------
    pairing : whether each generated row is scored against a real one
    penalties : whose gradients are penalised: "both", "real", "generated" or "none"
    gamma : weight of the penalties at the start, a tenth at the end; 0 for the recipe's at this picture size
    augment : probability of each of shift, cutout and brightness at the end; 0 at the start
    anchor : weight of the squared error of real rows that go through the encoder, as it was at the start, and the
        generator; for a game that begins as a VAE, whose codes stay where they are (Larsen et al. 2016)
    half_life : of the generator's average, in shares of the pictures shown; 0 at the start
    inversion : share of the steps, the last ones, that train the encoder on the finished generator
    """

    pairing: bool = True
    penalties: str = "both"
    gamma: float = 0.0
    augment: float = 0.3
    anchor: float = 0.0
    half_life: float = 0.1
    inversion: float = 0.2

    def __post_init__(self) -> None:
        if not isinstance(self.pairing, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - from a file it may be
            raise invalid("pairing", "true or false", self.pairing)
        _one_of("penalties", self.penalties, PENALTIES)
        for name in ("gamma", "anchor"):
            _in_range(name, getattr(self, name), low=0.0)
        for name in ("augment", "half_life"):
            _in_range(name, getattr(self, name), low=0.0, high=1.0)
        _in_range("inversion", self.inversion, low=0.01, high=0.9)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a model is trained.

    Exactly one of `steps`, `epochs` and `time` limits a fit; with none given it is 30 epochs. Optimiser: AdamW
    (Loshchilov & Hutter 2019) with linear warm-up and cosine decay to 1 %, and an exponential moving average of the
    weights. The KL term is ramped up and its free nats (Kingma et al. 2016) decay to zero, so that the last part of a
    fit optimises the plain bound.

    Parameters
    ----------
    model : "vae", "ae" or "gan"
    architecture : the networks; `make` takes their settings by flat names as well
    steps, epochs, time : optimiser steps, passes over the training rows, or seconds
    condition : columns of the rows, such as a class, that the decoder is told
    condition_dropout : share of the rows that it is told nothing of (Ho & Salimans 2022), so that it can do without
    objective : "elbo", "beta:4", "beta-tc:6", "factor:6.4", "dip-1:10", "dip-2:10", or "ada-gvae:1" for rows
        with a column "pair" (see `training/pairs.py`); an AE takes "rae:0.01". None for "elbo", for melodies
        "beta:0.2", as a code that bits are dear to would give up notes
    learning_rate, batch_size : optimisation; a batch is that of all processes together
    clip : largest global norm of a gradient; None to leave gradients alone, since AdamW moves no weight by more than
        about its rate however large they are
    weight_decay : of matrices; None for 0.01, or 0.1 with a "qlae" quantiser
    adversarial : what only a GAN has; `make` takes its settings by flat names as well
    ema : decay of the weight average at full strength; in a GAN that of the encoder
    transpose : semitones up or down that each melody is moved by at most, drawn anew at each step; 0 for none
    warmup, kl_warmup, free_until : shares of the steps for the rate, for the KL factor to 1, for free nats -> 0
    kl_start : factor of the KL term at first. Below 1 it warms up; far above 1 it lets only the most telling factor
        through and then one after the other, which sorts them by dimension (Burgess et al. 2018 on a growing capacity)
    free_nats : free nats of each latent dimension at the start
    free_rate : nats of the whole code that cost nothing, up to the end of a fit; None for 0, for lines of text 5
    pretrain : share of the steps that come first, in which the KL term has the factor `kl_start`. Then the encoder is
        kept, the decoder begins anew, and all other shares are of the steps that are left (Li et al. 2019): a decoder
        that could do without the code meets one that is worth reading. None for 0, for lines of text 0.1
    validations : how often the validation bound is computed in a fit at most; fewer in short fits
    validation_rows : rows it is computed on; None for 2,000, in short fits fewer, down to 256
    checkpoint_steps : steps between checkpoints; 0 for a tenth of the fit, at most 500
    prior : what samples are drawn from: "auto", "normal", "mixture:10", "vamp:500" (a VAE) or "flow:8", fitted when
        training is done; "auto" is N(0, I), for an AE and an anchored GAN a mixture. The bound always has N(0, I)
    seed : of every random choice
    device : "cpu", "cuda" or "auto"
    precision : "bf16" autocast, "fp32", or "auto": bf16 but for convolutions on a CPU
    compile : torch.compile the model; pays off on long fits of convolutional nets only
    threads : processor threads; 0 for torch's own choice
    """

    model: str = "vae"
    architecture: Architecture = field(default_factory=Architecture)
    condition: tuple[str, ...] = ()
    condition_dropout: float = 0.1
    objective: Objective | None = None
    adversarial: Adversarial = field(default_factory=Adversarial)
    steps: int | None = None
    epochs: float | None = None
    time: float | None = None
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float | None = None
    clip: float | None = None
    ema: float = 0.999
    transpose: int = 5
    warmup: float = 0.05
    kl_warmup: float = 0.1
    kl_start: float = 0.0
    free_nats: float = 0.05
    free_until: float = 0.4
    free_rate: float | None = None
    pretrain: float | None = None
    validations: int = 20
    validation_rows: int | None = None
    checkpoint_steps: int = 0
    prior: str = "auto"
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
        parse_prior(self.prior, model=self.model, anchored=self.anchored)
        for name in ("batch_size", "validations"):
            check_positive_int(getattr(self, name), name)
        if self.validation_rows is not None:
            check_positive_int(self.validation_rows, "validation_rows")
        for name in ("checkpoint_steps", "threads"):
            check_positive_int(getattr(self, name), name, low=0)
        if self.steps is not None:
            check_positive_int(self.steps, "steps")
        check_positive_int(self.transpose, "transpose", low=0, high=24)
        _in_range("learning_rate", self.learning_rate, above=0.0)
        if self.clip is not None:
            _in_range("clip", self.clip, above=0.0)
        _in_range("weight_decay", self.decay, low=0.0)
        for name in ("free_nats", "kl_start"):
            _in_range(name, getattr(self, name), low=0.0)
        _in_range("free_rate", self.free_rate or 0.0, low=0.0)
        _in_range("pretrain", self.pretrain or 0.0, low=0.0, high=0.9)
        for name in ("ema", "warmup", "kl_warmup", "free_until", "condition_dropout"):
            _in_range(name, getattr(self, name), low=0.0, high=1.0)
        self._check_limit()
        if self.model == "gan":
            self._check_gan()
        else:
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
            kinds = "elbo, beta, beta-tc, factor, dip-1, dip-2 or ada-gvae for a VAE"
            kinds = kinds if variational else "rae for an AE"
            raise invalid("objective", kinds, self.objective.kind)
        if self.architecture.quantiser and self.model != "ae":
            raise invalid("quantiser", "left out, or used with model='ae'", self.architecture.quantiser)
        if self.architecture.net == "gan":
            raise invalid("net", f"dense, conv or auto where model is {self.model}", "gan")
        if self.adversarial != Adversarial() or self.architecture.patch:
            names = ", ".join(["patch", *(f.name for f in fields(Adversarial))])
            raise InvalidInput(f"{names} are settings of a GAN; leave them out or give model gan, got {self.model}")
        object.__setattr__(self, "architecture", replace(self.architecture, variational=variational))

    def _check_gan(self) -> None:
        for name in _NOT_OF_A_GAN:
            default = next(f.default for f in fields(self) if f.name == name)
            if getattr(self, name) != default:
                raise invalid(name, "left out for a GAN", getattr(self, name))
        for name, allowed in {
            "net": ("auto", "gan", "dense", "conv"),
            "likelihood": ("auto", "gaussian", "bernoulli"),
            "levels": (16,),
            "quantiser": ("",),
        }.items():
            if getattr(self.architecture, name) not in allowed:
                raise invalid(name, "left out for a GAN", getattr(self.architecture, name))
        if self.precision == "bf16":
            raise invalid("precision", "fp32 or auto for a GAN, whose penalties need it", "bf16")
        net = "gan" if self.architecture.net == "auto" else self.architecture.net
        if net == "gan" and self.architecture.likelihood == "bernoulli":
            raise invalid(
                "likelihood", "left out for a GAN with nets of its own", "bernoulli", "or give net dense or conv"
            )
        object.__setattr__(self, "architecture", replace(self.architecture, variational=False, net=net))

    @property
    def anchored(self) -> bool:
        """Whether this is a GAN that is held to the places of real rows, so that these have codes."""
        return self.model == "gan" and self.adversarial.anchor > 0

    @property
    def latent_scalars(self) -> bool:
        """Whether each latent is quantised to learned values of its own (QLAE)."""
        return self.architecture.quantiser.startswith("qlae")

    @property
    def decay(self) -> float:
        """The weight decay, or the model's default."""
        if self.weight_decay is not None:
            return self.weight_decay
        return 0.1 if self.latent_scalars else 0.01

    @property
    def goal(self) -> Objective:
        """The objective, or the model's default."""
        if self.objective is not None:
            return self.objective
        quantised = bool(self.architecture.quantiser)
        return Objective() if self.model == "vae" else Objective(kind="rae", weight=0.0 if quantised else 1e-2)

    def suited(self, modality: Modality) -> "FitSettings":
        """The settings with what nobody chose chosen for data of `modality`."""
        if self.model == "vae" and self.objective is None and isinstance(modality, MelodyModality):
            return replace(self, objective=MELODY_OBJECTIVE)
        if self.model == "vae" and isinstance(modality, TextModality):
            pretrain = TEXT_PRETRAIN if self.pretrain is None else self.pretrain
            free_rate = TEXT_FREE_RATE if self.free_rate is None else self.free_rate
            return replace(self, pretrain=pretrain, free_rate=free_rate)
        return self

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; `from_json` gives back an equal object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "FitSettings":
        """Settings from `to_json`'s form or from flat names as in a TOML file; unknown names are refused."""
        return cls.make(**stored)

    @classmethod
    def make(cls, **options: Any) -> "FitSettings":
        """Settings from flat keyword names: those of this class, of `Architecture` ("latent", "net", ...) and of
        `Adversarial`; the model's own `DEFAULTS` stand in for what is not given.

        Raises
        ------
        InvalidInput
            For a name that is none of them, listing the near ones.
        """
        inner_names = {f.name for f in fields(Architecture)} - {"variational", "conditions"}
        game_names = {f.name for f in fields(Adversarial)}
        names = {f.name for f in fields(cls)}
        for name in options:
            if name not in names | inner_names | game_names:
                raise _unknown(name, names | inner_names | game_names)
        inner, game, outer = (
            {k: v for k, v in options.items() if k in known} for known in (inner_names, game_names, names)
        )
        outer = {**DEFAULTS.get(options.get("model", "vae"), {}), **outer}
        outer["adversarial"] = _adversarial(outer.get("adversarial"), game)
        outer["architecture"] = _architecture(outer.get("architecture"), inner)
        outer["objective"] = _objective(outer.get("objective"))
        outer["condition"] = _condition(outer.get("condition", ()))
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


def _adversarial(stored: Any, inner: Mapping[str, Any]) -> Adversarial:
    if isinstance(stored, Adversarial):
        return replace(stored, **inner)
    known = {f.name for f in fields(Adversarial)}
    for name in stored or {}:
        if name not in known:
            raise _unknown(f"adversarial.{name}", {f"adversarial.{k}" for k in known})
    return Adversarial(**{**(stored or {}), **inner})


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


def _condition(value: Any) -> tuple[str, ...]:
    names: tuple[Any, ...] = (value,) if isinstance(value, str) else tuple(value or ())
    if len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
        raise invalid("condition", "names of different columns", ", ".join(map(str, names)))
    return names


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
