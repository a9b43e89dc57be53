"""Seeded batches cut straight from memory: the position in the data is a function of the step alone."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentarium.data.modalities import ImageModality
from latentarium.data.music.modalities import FIRST_NOTE, MelodyModality
from latentarium.data.symbols import TokenModality
from latentarium.rng import generator, torch_generator
from latentarium.space import Modality
from latentarium.training.row_conditions import RowConditions

ORDER_STREAM, NOISE_STREAM, DROPOUT_STREAM, TRANSPOSE_STREAM = 1, 2, 15, 17
NOISE_STEPS = 16
NOISE_VALUES = 2**20
"""Noise is drawn for many steps at once, since a draw costs little beside starting a generator."""


class Batches:
    """Training batches of one split: float32 tensors in array units.

    Images and rows of symbols stay uint8 until their batch is taken (a memory map is read in row order); other data
    are converted once. `world` processes take interleaved rows of one global batch.
    """

    def __init__(
        self,
        raw: NDArray[Any],
        indices: NDArray[np.int64],
        modality: Modality,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self.indices = indices
        self.partners: NDArray[np.int64] | None = None
        self.row_conditions: RowConditions | None = None
        self.batch_size = self.drawn = min(batch_size, len(indices))
        self.steps_per_epoch = max(1, len(indices) // self.drawn)
        self.seed = seed
        self.device = device
        self.shard = shard
        self.modality = modality
        self.transpose = 0
        self.unpack = _unpacker(modality)
        self.mapped = isinstance(raw, np.memmap)
        self.rows = modality.to_array(raw) if self.unpack is None else raw
        self.resident = None if self.mapped else _tensor(np.ascontiguousarray(self.rows)).to(device)
        self._epoch = -1
        self._order: NDArray[np.int64] = indices
        self._drawn_noise: tuple[tuple[int, int], Tensor] = ((-1, 0), torch.empty(0))

    def paired(self, partners: NDArray[np.int64]) -> "Batches":
        """Batches whose second half are the partners of their first; `partners` has the row number of each row's."""
        other, world = copy.copy(self), self.shard[1]
        other.partners = partners
        # as many first rows for every process, so that each has whole pairs
        other.drawn = max(1, self.drawn // (2 * world)) * world
        other.batch_size = 2 * other.drawn
        other.steps_per_epoch = max(1, len(self.indices) // other.drawn)
        return other

    def conditioned(self, conditions: RowConditions) -> "Batches":
        """The same batches with conditions beside them."""
        other = copy.copy(self)
        other.row_conditions = conditions if conditions.conditions else None
        return other

    def transposed(self, semitones: int) -> "Batches":
        """The same batches with melodies moved up or down by as many semitones at most, drawn anew at each step."""
        other = copy.copy(self)
        other.transpose = semitones if isinstance(self.modality, MelodyModality) else 0
        return other

    def take(self, step: int) -> Tensor:
        """The batch of `step`, the same whenever it is asked for."""
        kept = self._kept_at(self._chosen(step))
        return self._unpacked(self._moved(kept, step) if self.transpose else kept)

    def conditions(self, step: int) -> Tensor | None:
        """What is told of the rows of `take(step)` (b, k): for a share of them, drawn anew at each step, nothing."""
        if self.row_conditions is None:
            return None
        source = torch_generator(self.seed, DROPOUT_STREAM, step, device=self.device)
        kept = torch.rand(self.batch_size, 1, generator=source, device=self.device) >= self.row_conditions.dropout
        rank, world = self.shard
        return self.row_conditions.at(self._chosen(step)).to(self.device) * kept[rank::world]

    def conditions_at(self, chosen: NDArray[np.int64]) -> Tensor | None:
        """All that is known of rows by index."""
        return None if self.row_conditions is None else self.row_conditions.at(chosen).to(self.device)

    def _chosen(self, step: int) -> NDArray[np.int64]:
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._order = self.indices[generator(self.seed, ORDER_STREAM, epoch).permutation(len(self.indices))]
            self._epoch = epoch
        rank, world = self.shard
        chosen = self._order[position * self.drawn : (position + 1) * self.drawn][rank::world]
        if self.partners is not None:
            chosen = np.concatenate([chosen, self.partners[chosen]])
        return chosen

    def rows_at(self, chosen: NDArray[np.int64]) -> Tensor:
        """Rows by index, as the network sees them."""
        return self._unpacked(self._kept_at(chosen))

    def _unpacked(self, kept: Tensor) -> Tensor:
        return kept if self.unpack is None else self.unpack(kept)

    def _kept_at(self, chosen: NDArray[np.int64]) -> Tensor:
        """Rows by index, as they are kept."""
        if self.resident is not None:
            return self.resident.index_select(0, torch.from_numpy(chosen).to(self.device))
        order = np.argsort(chosen)
        read = np.asarray(self.rows[chosen[order]])
        return torch.from_numpy(read[np.argsort(order)]).to(self.device)

    def _moved(self, symbols: Tensor, step: int) -> Tensor:
        """Melodies (b, steps) transposed, none of them beyond the piano's keys."""
        source = torch_generator(self.seed, TRANSPOSE_STREAM, step, device=self.device)
        rank, world = self.shard
        shape = (self.batch_size, 1)
        drawn = torch.randint(-self.transpose, self.transpose + 1, shape, generator=source, device=self.device)
        wide = symbols.int()
        notes = wide >= FIRST_NOTE
        last = self.modality.data_shape[0] - 1
        lowest = FIRST_NOTE - torch.where(notes, wide, last).amin(1, keepdim=True)
        highest = last - torch.where(notes, wide, FIRST_NOTE).amax(1, keepdim=True)
        by = drawn[rank::world].to(wide.dtype).clamp(lowest, highest)
        return torch.where(notes, wide + by, wide)

    def noise(self, step: int, latent: int) -> Tensor:
        """The standard normal draw of `step` for this process's rows."""
        steps = max(1, min(NOISE_STEPS, NOISE_VALUES // (self.batch_size * latent)))
        block, position = divmod(step, steps)
        if (block, latent) != self._drawn_noise[0]:
            source = torch_generator(self.seed, NOISE_STREAM, block, device=self.device)
            draw = torch.randn(steps, self.batch_size, latent, generator=source, device=self.device)
            self._drawn_noise = ((block, latent), draw)
        rank, world = self.shard
        return self._drawn_noise[1][position, rank::world]


def _unpacker(modality: Modality) -> Callable[[Tensor], Tensor] | None:
    """What makes the network's float rows of those that are kept; None where they are kept as they are seen."""
    if isinstance(modality, ImageModality):
        return lambda kept: kept / 255
    if isinstance(modality, TokenModality):
        symbols = modality.symbols
        return lambda kept: F.one_hot(kept.long(), symbols).transpose(1, 2).float()
    return None


def _tensor(array: NDArray[Any]) -> Tensor:
    with warnings.catch_warnings():
        # torch warns of read-only arrays because a tensor could write into them; nothing here writes
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


class View:
    """Some rows as float batches that are made when they are asked for, so that many large pictures never lie in
    memory at once. Pieces have at most 500 rows and about 4 million values.
    """

    def __init__(self, batches: Batches, indices: NDArray[np.int64]) -> None:
        self.batches = batches
        self.indices = indices
        values = int(np.prod(batches.modality.data_shape))
        self.piece = int(np.clip(2**22 // values, 16, 500))

    def __len__(self) -> int:
        return len(self.indices)

    def first(self, count: int) -> "View":
        """The first `count` rows, or all where there are fewer."""
        return View(self.batches, self.indices[:count])

    def with_noise(self, noise: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """(rows, their rows of `noise`, their conditions), piece by piece."""
        for start in range(0, len(self), self.piece):
            part = slice(start, start + self.piece)
            chosen = self.indices[part]
            yield self.batches.rows_at(chosen), noise[part], self.batches.conditions_at(chosen)
