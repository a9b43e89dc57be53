"""Observation models p(x|z): what a decoder's outputs mean, in nats summed over the dimensions of a row.

Each likelihood says how many outputs it needs for each value (`outputs`), scores data (`log_prob`), and turns
outputs into data units (`mean`) or draws (`sample`).
"""

from typing import Any

from latentarium.data.modalities import TableModality
from latentarium.data.music.modalities import STEPS_PER_BAR, DrumModality, MelodyModality
from latentarium.data.symbols import TokenModality
from latentarium.data.texts import END, TextModality
from latentarium.errors import invalid
from latentarium.nn.likelihoods.autoregressive import Autoregressive
from latentarium.nn.likelihoods.base import Likelihood
from latentarium.nn.likelihoods.melodies import Melody
from latentarium.nn.likelihoods.pixels import Bernoulli, Categorical, DiscretisedLogistic, Gaussian
from latentarium.nn.likelihoods.recurrent import Recurrent
from latentarium.nn.likelihoods.tables import Mixed

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Categorical",
    "DiscretisedLogistic",
    "Gaussian",
    "Likelihood",
    "Melody",
    "Mixed",
    "Recurrent",
    "build_likelihood",
]

UNBROKEN_BARS = 2
"""The longest melody that a recurrent likelihood reads without a break."""
TEXT_DROPPED = 0.0
"""Share of symbols that training hides of lines of text, whose codes are learned before their decoder."""
IMAGE_LIKELIHOODS = ("bernoulli", "gaussian", "logistic", "categorical", "autoregressive")


def build_likelihood(name: str, modality: Any, *, levels: int = 16, width: int = 0) -> Likelihood:
    """The likelihood called `name` for data of `modality`; `width` is that of the nets, which some read on with."""
    if isinstance(modality, TokenModality):
        return _of_symbols(name, modality, width)
    if isinstance(modality, DrumModality) and name != Bernoulli.name:
        raise invalid("likelihood", "'bernoulli' for drums", name)
    if isinstance(modality, TableModality):
        if name != "mixed":
            raise invalid("likelihood", "'mixed' for a table", name)
        return Mixed(modality)
    if name == "categorical":
        return Categorical(levels)
    if name == Autoregressive.name:
        return Autoregressive(modality.data_shape[0])
    plain = {kind.name: kind for kind in (Bernoulli, Gaussian, DiscretisedLogistic)}
    if name not in plain:
        raise invalid("likelihood", f"one of {', '.join(IMAGE_LIKELIHOODS)} for images", name)
    return plain[name]()


def _of_symbols(name: str, modality: TokenModality, width: int) -> Likelihood:
    melody = isinstance(modality, MelodyModality)
    if name == Melody.name and melody:
        return Melody()
    if name != Recurrent.name:
        known = "'melody' or 'recurrent' for melodies" if melody else "'recurrent' for rows of symbols"
        raise invalid("likelihood", known, name)
    # a piece of more than two bars is written bar by bar
    restart = STEPS_PER_BAR if melody and modality.bars > UNBROKEN_BARS else 0
    if isinstance(modality, TextModality):
        return Recurrent(modality.symbols, width=width, end=END, dropped=TEXT_DROPPED)
    return Recurrent(modality.symbols, width=width, restart=restart)
