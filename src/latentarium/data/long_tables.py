"""Tables larger than memory: gone through piece by piece, their parsed rows in a memory-mapped file."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches, rows_within
from latentarium.data.columns import check_names, is_id, matrix_table
from latentarium.data.modalities import TableModality
from latentarium.data.storage import Reading, collect
from latentarium.errors import InvalidInput

PIECE_VALUES, PIECE_ROWS = 2**20, 65_536
Pieces = Callable[[], Iterator[Any]]


@dataclass(frozen=True, kw_only=True)
class LongTable:
    """A table that is read again each time it is asked for.

    Parameters
    ----------
    pieces : begins to read; each piece is a `pyarrow.Table` of all columns
    num_rows, column_names : of the whole
    ids : text of every row from the one column that has another in each, None where there is no such column
    target : file that parsed rows are written to
    """

    pieces: Pieces
    num_rows: int
    column_names: tuple[str, ...]
    ids: NDArray[np.str_] | None
    target: Path

    @classmethod
    def scan(cls, pieces: Pieces, reading: Reading, *, made_from: str) -> "LongTable":
        """Go through the table once: its size, and which column, none of those `reading` needs, can be its ids.

        `made_from` tells this table from others, and from itself after a change.
        """
        rows, names, candidates = 0, (), _Candidates(reading.needed)
        for piece in pieces():
            rows, names = rows + piece.num_rows, tuple(piece.column_names)
            candidates.hear(piece)
        check_names(names, made_from)
        target = reading.cached("tables", made_from)
        return cls(pieces=pieces, num_rows=rows, column_names=names, ids=candidates.best(), target=target)

    def parsed(self, modality: TableModality) -> NDArray[np.float64]:
        """Raw rows of the modality, (n, columns), as a read-only memory map."""
        shape = (self.num_rows, len(modality.columns))
        return collect(self._blocks(modality), shape, limit=0, target=self.target, dtype=np.float64)

    def _blocks(self, modality: TableModality) -> Iterator[NDArray[np.float64]]:
        start = 0
        for piece in self.pieces():
            try:
                yield modality.parse(piece)
            except InvalidInput as error:
                raise InvalidInput(
                    f"{error}" + (f"; rows are counted from row {start + 1} on" if start else "")
                ) from None
            start += piece.num_rows


class _Candidates:
    """Columns that may yet turn out to be ids; those that cannot are let go with the first piece that shows it."""

    def __init__(self, needed: Collection[str]) -> None:
        self.needed = needed
        self.seen: dict[str, list[Any]] | None = None

    def hear(self, piece: Any) -> None:
        free = [name for name in piece.column_names if name not in self.needed]
        before = {name: [] for name in free} if self.seen is None else self.seen
        self.seen = {name: [*kept, piece[name]] for name, kept in before.items() if is_id(piece[name])}

    def best(self) -> NDArray[np.str_] | None:
        for kept in (self.seen or {}).values():
            found = np.concatenate([np.asarray(column.to_pylist(), np.str_) for column in kept])
            if len(np.unique(found)) == len(found):
                return found
        return None


def matrix_pieces(matrix: NDArray[Any]) -> Pieces:
    """A 2-D array, perhaps a memory map, as the pieces of a table."""
    return lambda: (matrix_table(matrix[part]) for part in batches(len(matrix), piece_rows(matrix.shape[1])))


def piece_rows(columns: int) -> int:
    """How many rows of a table are read at once."""
    return rows_within(PIECE_VALUES, (columns,), most=PIECE_ROWS)


def state_of(path: Path) -> str:
    """What tells a file from others, and from itself after a change."""
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
