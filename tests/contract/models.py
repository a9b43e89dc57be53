"""Every model of ours, fitted for a moment: name -> function that gives a finished fit."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.data.lines import sentences
from tests.data.tunes import write_drums, write_tunes
from tests.training.small import people, pictures, small
from torch import nn

from latentarium.data import open_source, rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.training.fit import Fitted, Modules, train
from latentarium.training.pairs import with_pairs

Factory = Callable[[], Fitted]


def _fit(rows: Rows, **options: Any) -> Fitted:
    return train(rows, small(**{"steps": 30, **options}))


def _digits(**options: Any) -> Factory:
    return lambda: _fit(open_source("digits"), **options)


def _pictures(shape: tuple[int, int, int], **options: Any) -> Factory:
    return lambda: _fit(rows_from_arrays(pictures(40, shape)), width=8, batch_size=16, **options)


def _table(**options: Any) -> Factory:
    return lambda: _fit(rows_from_arrays(people(200)), **options)


def _categories() -> Fitted:
    random = np.random.default_rng(0)
    frame = people(100)[["colour"]].assign(shape=random.choice(["round", "square"], 100))
    return _fit(rows_from_arrays(frame), steps=10)


def _pairs() -> Fitted:
    table = np.stack(np.unravel_index(np.arange(120), (4, 5, 6)), axis=1)
    return _fit(with_pairs(rows_from_arrays(pictures(120)), table), objective="ada-gvae:1")


@functools.cache
def _tunes(bars: int) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        return open_source(write_tunes(Path(folder), 60, steps=max(64, 16 * bars)), size=bars)


def _melodies(*, bars: int = 2, **options: Any) -> Factory:
    return lambda: _fit(_tunes(bars), **{"steps": 10, **options})


def _text(*, pairs: int = 0, **options: Any) -> Factory:
    return lambda: _fit(rows_from_arrays(sentences(), pairs=pairs), **options)


def _drums() -> Fitted:
    with tempfile.TemporaryDirectory() as folder:
        return _fit(open_source(write_drums(Path(folder))))


class TwoHeads(nn.Module):
    """An encoder that gives a pair (mean, log variance) and has batch statistics and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.1), nn.SiLU())
        self.mean, self.spread = nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.body(x)
        return self.mean(hidden), self.spread(hidden)


def custom_modules() -> Modules:
    """Somebody else's networks for digits and a Bernoulli likelihood."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 64), nn.Unflatten(1, (1, 8, 8)))
        return Modules(encoder=TwoHeads(), decoder=decoder)


def _custom() -> Fitted:
    with torch.random.fork_rng(devices=[]):
        return train(open_source("digits"), small(net="custom", steps=30), modules=custom_modules())


MODELS: dict[str, Factory] = {
    "vae, dense, bernoulli": _digits(),
    "vae, dense, gaussian": _digits(likelihood="gaussian"),
    "vae, dense, categorical": _digits(likelihood="categorical", levels=17),
    "vae, conv, gaussian, 3x13x10": _pictures((3, 13, 10), net="conv"),
    "vae, conv, logistic, 4x9x16": _pictures((4, 9, 16), net="conv", likelihood="logistic"),
    "vae, conv, autoregressive, 3x10x9": _pictures((3, 10, 9), net="conv", likelihood="autoregressive"),
    "vae, ladder, 1x8x8": _digits(net="ladder", width=8),
    "vae, ladder, 3x13x22": _pictures((3, 13, 22), net="ladder", likelihood="autoregressive"),
    "ae, ladder": _digits(net="ladder", width=8, model="ae"),
    "vae, ladder, conditional": _digits(condition="label", net="ladder", width=8),
    "vae, beta-tc": _digits(objective="beta-tc:4"),
    "vae, factor": _digits(objective="factor:6.4"),
    "vae, dip-1": _digits(objective="dip-1:10"),
    "vae, dip-2": _digits(objective="dip-2:10"),
    "vae, ada-gvae": _pairs,
    "vae, fp32": _digits(precision="fp32"),
    "ae, dense, bernoulli": _digits(model="ae"),
    "ae, conv, gaussian, 1x20x33": _pictures((1, 20, 33), net="conv", model="ae", likelihood="gaussian"),
    "ae, fsq": _digits(model="ae", quantiser="fsq:8-5-5-5"),
    "ae, vq": _digits(model="ae", quantiser="vq:64-2"),
    "ae, qlae": _digits(model="ae", quantiser="qlae:10"),
    "ae, conv, fsq, 2x12x9": _pictures((2, 12, 9), net="conv", model="ae", quantiser="fsq:12", likelihood="gaussian"),
    "vae, table": _table(),
    "ae, table": _table(model="ae"),
    "vae, table of categories": _categories,
    "gan, dense": _digits(model="gan", net="dense", anchor=0.1, patch=4, steps=15),
    "gan, 1x8x8": _digits(model="gan", width=16),
    "gan, 3x13x10": _pictures((3, 13, 10), model="gan", patch=1),
    "vae, conditional": _digits(condition="label"),
    "ae, conditional": _digits(condition="label", model="ae"),
    "vae, conv, conditional": _digits(condition="label", net="conv", width=8),
    "gan, conditional": _digits(condition="label", model="gan", width=16),
    "vae, melody": _melodies(),
    "ae, melody, 4 bars": _melodies(bars=4, model="ae"),
    "vae, melody, 16 bars": _melodies(bars=16, latent=16, steps=5),
    "vae, melody, conditional": _melodies(condition="label"),
    "vae, recurrent": _melodies(net="recurrent", steps=20),
    "vae, recurrent, 4 bars": _melodies(bars=4, likelihood="recurrent", steps=20),
    "vae, drums": _drums,
    "vae, text": _text(),
    "vae, text, byte pairs": _text(pairs=60),
    "ae, text": _text(model="ae"),
    "custom modules": _custom,
}
