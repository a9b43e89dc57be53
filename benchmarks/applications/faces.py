"""More faces to learn from: training rows mirrored, and cut out of their pictures a little to the side."""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentarium.data.rows import Rows
from latentarium.rng import generator

COPIES = 15
STREAM = 71
Levels = NDArray[np.uint8]


def with_altered(rows: Rows, folder: Path, *, copies: int = COPIES, seed: int = 0) -> Rows:
    """`rows` with each training row once more mirrored and `copies` times altered; other parts are left alone.

    A few thousand faces are learned by heart in a dozen passes; places, sizes and light that vary a little are not.
    """
    train, count = rows.splits["train"], len(rows)
    rng = generator(seed, STREAM)
    side = rows.raw.shape[-1]
    altered = [
        _altered(Image.open(folder / str(rows.ids[number])).convert("RGB"), side, rng.normal(size=9))
        for number in np.repeat(train, copies)
    ]
    raw = np.concatenate([rows.raw, rows.raw[train][..., ::-1], np.stack(altered)])
    more = np.arange(count, len(raw))
    return dataclasses.replace(
        rows,
        raw=raw,
        ids=np.concatenate([rows.ids, np.array([f"altered/{number}" for number in more])]),
        columns={},
        splits={**rows.splits, "train": np.concatenate([train, more])},
    )


def _altered(picture: Image.Image, side: int, noise: NDArray[np.float64]) -> Levels:
    """The middle square, a little smaller and to the side, half of them mirrored, in light of another colour."""
    width, height = picture.size
    across = width * min(1.0, 1 + 0.04 * noise[0])
    down = min(across * float(np.clip(1 + 0.02 * noise[1], 0.95, 1.05)), height)
    left = float(np.clip((width - across) / 2 + 1.5 * noise[2], 0, width - across))
    top = float(np.clip((height - down) / 2 + 2 * noise[3], 0, height - down))
    box = (left, top, left + across, top + down)
    cut = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC, box=box), np.float32)
    lit = np.clip(np.rint(cut * (1 + 0.04 * noise[4:7]) + 4 * noise[7]), 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return lit[..., ::-1] if noise[8] > 0 else lit
