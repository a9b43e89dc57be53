"""What the decoder is told of each row: the columns that a fit's `condition` names."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentarium.arrays import FloatArray
from latentarium.conditions import Condition, conditions_to_json, read_condition
from latentarium.data.rows import Rows
from latentarium.errors import invalid


@dataclass(frozen=True, kw_only=True, eq=False)
class RowConditions:
    """`numbers` (n, columns) say which value of each condition a row has, -1 where it is not known."""

    conditions: tuple[Condition, ...]
    numbers: NDArray[np.int16]
    dropout: float

    @classmethod
    def of(cls, rows: Rows, names: tuple[str, ...], *, dropout: float) -> "RowConditions":
        """What the columns called `names` say of `rows`; their classes are those of the training rows.

        Raises
        ------
        InvalidInput
            For a column that is not there or that no decoder can be told.
        """
        known = ", ".join(sorted(rows.columns)) or "none, these rows have no labels"
        for name in names:
            if name not in rows.columns:
                raise invalid("condition", f"a label or attribute of the rows ({known})", name)
        columns = [np.asarray(rows.columns[name]) for name in names]
        pairs = list(zip(names, columns, strict=True))
        conditions = tuple(read_condition(name, values, rows.splits["train"]) for name, values in pairs)
        numbers = [condition.numbers(values) for condition, values in zip(conditions, columns, strict=True)]
        whole = np.stack(numbers, axis=1) if numbers else np.zeros((len(rows), 0), np.int16)
        return cls(conditions=conditions, numbers=whole, dropout=dropout)

    @property
    def width(self) -> int:
        """Length of the condition vector."""
        return sum(condition.width for condition in self.conditions)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of names, values and what each row has; "" without conditions."""
        if not self.conditions:
            return ""
        names = json.dumps(conditions_to_json(self.conditions)).encode()
        return hashlib.sha256(names + self.numbers.tobytes()).hexdigest()

    @cached_property
    def _tables(self) -> list[FloatArray]:
        return [condition.table for condition in self.conditions]

    def at(self, chosen: NDArray[np.int64]) -> Tensor:
        """Condition vectors of the rows with these numbers, float32 (b, width)."""
        parts = [table[self.numbers[chosen, i]] for i, table in enumerate(self._tables)]
        return torch.from_numpy(np.concatenate(parts, axis=1))
