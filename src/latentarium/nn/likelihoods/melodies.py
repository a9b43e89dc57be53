"""The likelihood of melodies: at each step a note is struck, held, or there is silence."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.data.music.attributes import MAJOR, MINOR
from latentarium.data.music.modalities import LOWEST_PITCH
from latentarium.nn.likelihoods.base import Likelihood, rows_of
from latentarium.nn.melodies import CONTEXT, CURVES, FLAG, MIDDLE, OUTPUTS, SEMITONES, SYMBOLS

KEYS = SYMBOLS - 2
SLOPE = 4.0
"""Logits for each unit of the onset and rest curves: an onset is as likely as none where its curve is half way up."""
SHARPNESS = 8.0
"""Precision of the pitch about the contour, in its units, at the start."""

TONES = 12
FIT = 8.0
"""How decidedly a scale is chosen at the start."""
SPREAD = 5.0
"""How far its logarithm may move from there; without a limit a stray step is not finite."""


class Melody(Likelihood):
    """Independent symbols given z, each in two parts: what happens, and on which key.

    Silence, holding and striking have logits from the rest and onset curves. The key struck is a discretised Gaussian
    about the contour, times a factor for each key and step that the context gives through a vector of each key. A
    second pass then looks at the pitch classes of the first one, finds the scales that they fit, and makes what lies
    beyond them less likely: the contour says about where a note is, the scale which of the keys there. Symbols of
    different steps meet in z and in this sum alone, so that decoding needs no loop and no guess is built upon.
    """

    name = "melody"
    outputs = OUTPUTS
    grid: Tensor
    rotation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.keys = nn.Parameter(0.1 * torch.randn(KEYS, CONTEXT))
        self.register_buffer("grid", (torch.arange(KEYS) + 2 - MIDDLE) / SEMITONES)
        tones = torch.arange(TONES)
        self.register_buffer("rotation", (tones[None, :] - tones[:, None]) % TONES, persistent=False)
        profiles = torch.stack([torch.from_numpy(p).float() for p in (MAJOR, MINOR)])
        # the profiles of keys (Krumhansl & Kessler 1982) are where the learning of scales begins
        self.fit = nn.Parameter(FIT * (profiles - profiles.mean(1, keepdim=True)) / profiles.std(1, keepdim=True))
        self.bonus = nn.Parameter(torch.log(profiles / profiles.amax(1, keepdim=True)))

    def logits(self, params: Tensor) -> Tensor:
        """Log probability of each symbol (b, 90, steps)."""
        params = params.float()
        contour, onset, rest = params[:, :CURVES].unbind(1)
        sharpness = SHARPNESS * torch.exp(params[:, CURVES].clamp(-SPREAD, SPREAD))
        off = self.grid[:, None] - contour[:, None]
        keys = torch.einsum("kc,bcs->bks", self.keys, params[:, CURVES + 1 :]) - sharpness[:, None] * off.square()
        onset = SLOPE * (onset - FLAG / 2)
        keys = keys + self._scale_bonus(keys.softmax(1), torch.sigmoid(onset))[:, :, None]
        struck = onset[:, None] + keys.log_softmax(1)
        silent = SLOPE * (rest - FLAG / 2)[:, None]
        return torch.cat([silent, torch.zeros_like(silent), struck], dim=1).log_softmax(1)

    def _scale_bonus(self, chances: Tensor, struck: Tensor) -> Tensor:
        """What each key (b, keys) gains from the scales that the row fits, given the chances of keys (b, keys, steps)
        and of a note at each step (b, steps).
        """
        heard = torch.einsum("bks,bs->bk", chances, struck)
        heard = F.pad(heard, (LOWEST_PITCH % TONES, -(LOWEST_PITCH % TONES + KEYS) % TONES))
        tones = heard.unflatten(1, (-1, TONES)).sum(1)
        tones = tones / tones.sum(1, keepdim=True).clamp_min(1e-3)
        fit, bonus = (table[:, self.rotation].flatten(0, 1) for table in (self.fit, self.bonus))
        share = (tones @ fit.T).softmax(1)
        pitches = (torch.arange(KEYS, device=chances.device) + LOWEST_PITCH) % TONES
        return (share @ bonus)[:, pitches]

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        return rows_of(self.logits(params) * x)

    def mean(self, params: Tensor) -> Tensor:
        return self.logits(params).exp()

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        logits = self.logits(params)
        noise = torch.empty_like(logits).uniform_(1e-9, 1, generator=generator)
        picked = (logits - torch.log(-torch.log(noise))).argmax(1, keepdim=True)
        return torch.zeros_like(logits).scatter_(1, picked, 1.0)
