"""What a reader hands over before rows are cut into parts: pictures, a table or other rows, with what travels along."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.columns import ColumnValues, read_column
from latentarium.data.long_tables import LongTable
from latentarium.data.modalities import LARGEST, SMALLEST, Column, ImageModality, TableModality
from latentarium.data.rows import Rows
from latentarium.data.sentences import SentenceModality
from latentarium.data.splits import all_test, make_group_splits, make_splits
from latentarium.data.texts import TextModality
from latentarium.errors import InvalidInput, invalid
from latentarium.space import Modality

TEXT, LABEL_NAMES = "text", ("label", "intent", "category", "topic")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Rows without parts: `images` uint8 (n, c, h, w), `texts`, a `table` of columns to learn from (a pyarrow.Table, or
    a `LongTable`, which only a fitted modality can read), or `raw` rows of a `modality` that needs no fitting.

    `ids` None means the row number; `validation`, `test` are the data's own parts (`validation_rows` to draw where
    it has none); rows of one of the `groups` (n,) stay in one part, and those marked `only_training` (n,) are left out
    where that is another one; `named` says whether the user named the table's columns.
    """

    name: str
    images: NDArray[np.uint8] | None = None
    table: Any = None
    texts: tuple[str, ...] | None = None
    raw: NDArray[Any] | None = None
    modality: Modality | None = None
    ids: NDArray[np.str_] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    test: NDArray[Any] | None = None
    validation: NDArray[Any] | None = None
    validation_rows: float | int = 0.1
    groups: NDArray[np.int64] | None = None
    only_training: NDArray[np.bool_] | None = None
    named: bool = True
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        if self.table is not None:
            return self.table.num_rows
        rows = next((found for found in (self.raw, self.texts, self.images) if found is not None), ())
        return len(rows)


def number_ids(count: int, prefix: str = "") -> NDArray[np.str_]:
    """Zero-padded row numbers: at least six digits, so that ids sort as rows do.

    Examples
    --------
    >>> number_ids(2, "train/").tolist()
    ['train/000000', 'train/000001']
    """
    width = max(6, len(str(count)))
    names = (f"{prefix}{i:0{width}d}" for i in range(count))
    return np.fromiter(names, dtype=f"<U{len(prefix) + width}", count=count)


def finish(draft: Draft, *, seed: int, source: str, label: str | None = None) -> Rows:
    """Cut `draft` into parts and fit its modality."""
    draft, splits = _parts(draft, seed)
    notes = draft.notes
    if draft.raw is not None and draft.modality is not None:
        modality: Modality = draft.modality
        raw: NDArray[Any] = draft.raw
    elif draft.images is not None:
        modality = image_modality(draft.images, draft.name)
        raw = draft.images
    else:
        read, more = _varying([read_column(name, draft.table.column(name)) for name in draft.table.column_names],
                              splits["train"], draft.named)  # fmt: skip
        notes += more
        modality = TableModality.fit(read, splits["train"])
        raw = np.stack([column.values for column in read], axis=1)
    return _rows(dataclasses.replace(draft, notes=notes), modality, raw, source=source, splits=splits, label=label)


def _parts(draft: Draft, seed: int) -> tuple[Draft, Mapping[str, NDArray[np.int64]]]:
    """The rows that have a part, and their parts: those that only training takes follow their groups into it."""
    if draft.groups is None or draft.only_training is None:
        return draft, _splits(draft, seed)
    found = _splits(dataclasses.replace(draft, groups=draft.groups[~draft.only_training]), seed)
    plain = np.flatnonzero(~draft.only_training)
    training = np.isin(draft.groups, draft.groups[plain[found["train"]]])
    kept = training | ~draft.only_training
    numbers = np.cumsum(kept) - 1
    splits = {part: numbers[plain[rows]] for part, rows in found.items()}
    splits["train"] = numbers[training]
    more = len(splits["train"]) - len(found["train"])
    note = f"{more:,} rows more, which overlap these, are learned from; validation and test part have none such"
    return dataclasses.replace(_chosen(draft, kept), notes=(*draft.notes, note)), splits


def _chosen(draft: Draft, kept: NDArray[np.bool_]) -> Draft:
    """Some of the `raw` rows of a draft."""
    return dataclasses.replace(
        draft,
        raw=None if draft.raw is None else draft.raw[kept],
        ids=None if draft.ids is None else draft.ids[kept],
        columns={name: values[kept] for name, values in draft.columns.items()},
        groups=None if draft.groups is None else draft.groups[kept],
        only_training=None,
    )


def _splits(draft: Draft, seed: int) -> Mapping[str, NDArray[np.int64]]:
    if draft.groups is not None:
        return make_group_splits(draft.groups, seed=seed)
    return make_splits(
        len(draft),
        seed=seed,
        validation=draft.validation_rows,
        given_test=draft.test,
        given_validation=draft.validation,
    )


def finish_like(draft: Draft, modality: Modality, *, source: str, label: str | None = None) -> Rows:
    """Read `draft` with a modality fitted before; every row lies in the test part."""
    if isinstance(modality, SentenceModality | TextModality):
        return finish_texts(draft, lambda _: modality, seed=None, source=source, label=label)
    if draft.only_training is not None:
        draft = _chosen(draft, ~draft.only_training)
    raw = _raw_like(draft, modality)
    if not len(raw):
        raise invalid(f"the number of rows of {draft.name}", "at least 1", 0)
    return _rows(draft, modality, raw, source=source, splits=all_test(len(raw)), label=label)


def _raw_like(draft: Draft, modality: Modality) -> NDArray[Any]:
    """The rows of `draft` in the raw form of `modality`."""
    if isinstance(modality, TableModality) and draft.table is not None:
        return draft.table.parsed(modality) if isinstance(draft.table, LongTable) else modality.parse(draft.table)
    if isinstance(modality, ImageModality) and draft.images is not None:
        raw = draft.images
        if raw.shape[1:] != modality.data_shape:
            expected, found = (_picture(shape) for shape in (modality.data_shape, raw.shape[1:]))
            raise invalid(draft.name, f"{expected}, as the space was learned from", found, "bring them to that form")
        return raw
    if draft.raw is not None and draft.modality == modality:
        return draft.raw
    raise invalid(f"{draft.name}", f"data of kind {modality.kind!r}, as the space was fitted on", _what(draft))


def _picture(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}.get(channels, f"{channels}-channel")
    return f"{kind} pictures of {width}x{height}"


def _what(draft: Draft) -> str:
    if draft.modality is not None:
        return f"data of kind {draft.modality.kind!r}"
    if draft.texts is not None:
        return "lines of text"
    return f"pictures of shape {draft.images.shape[1:]}" if draft.images is not None else "a table"


def finish_as(draft: Draft, shape: tuple[int, ...], *, seed: int, source: str, label: str | None = None) -> Rows:
    """Cut `draft` into parts for a model from elsewhere, which takes rows of `shape`: pictures in [0, 1], or the
    numbers of a table as they are.
    """
    splits = _splits(draft, seed)
    names = draft.table.column_names if draft.table is not None else ()
    modality = modality_of_shape(shape, names)
    if isinstance(modality, TableModality) and len(modality.names) != shape[0]:
        raise invalid(draft.name, f"rows of {shape[0]} numbers, as the model takes", f"{len(names)} columns")
    raw = _raw_like(draft, modality)
    return _rows(draft, modality, raw, source=source, splits=splits, label=label)


def finish_lines(
    draft: Draft, *, pairs: int, steps: int | None, seed: int, source: str, label: str | None = None
) -> Rows:
    """Cut texts into parts, as characters or byte pairs that are found in the training lines; see `TextModality`."""
    draft = with_texts(draft)
    texts = list(draft.texts or ())
    seen = [texts[number] for number in _splits(draft, seed)["train"]]
    modality = TextModality.fit(seen, pairs=pairs, steps=steps)
    return finish_texts(draft, lambda _: modality, seed=seed, source=source, label=label)


def finish_texts(
    draft: Draft,
    modality_of: Callable[[Sequence[str]], SentenceModality | TextModality],
    *,
    seed: int | None,
    source: str,
    label: str | None = None,
) -> Rows:
    """Cut texts into parts, as symbols of the modality that `modality_of` gives; without a seed all are test rows.

    The texts come along in a column "text".
    """
    draft = with_texts(draft)
    texts = draft.texts or ()
    modality = modality_of(texts)
    splits = all_test(len(texts)) if seed is None else _splits(draft, seed)
    raw, remarks = modality.read(texts) if isinstance(modality, TextModality) else (modality.parse(texts), ())
    columns = {**draft.columns, TEXT: np.asarray(texts)}
    draft = dataclasses.replace(draft, columns=columns, notes=(*draft.notes, *remarks))
    return _rows(draft, modality, raw, source=source, splits=splits, label=label)


def with_texts(draft: Draft) -> Draft:
    """A draft of texts: those it has, or the column "text" of its table, the others becoming labels."""
    if draft.texts is not None:
        return draft
    if draft.table is None:
        raise invalid(draft.name, "lines of text, or a table with a column 'text'", "pictures")
    names = list(draft.table.column_names)
    if TEXT not in names:
        raise invalid(draft.name, f"a table with a column {TEXT!r}", ", ".join(map(repr, names)), "rename the column")
    values = [str(value or "").strip() for value in draft.table.column(TEXT).to_pylist()]
    kept = np.flatnonzero([bool(value) for value in values])
    others = {
        name: np.asarray(draft.table.column(name).to_pylist()).astype(str)[kept] for name in names if name != TEXT
    }
    empty = len(values) - len(kept)
    return dataclasses.replace(
        draft,
        table=None,
        texts=tuple(values[number] for number in kept),
        ids=(number_ids(len(values)) if draft.ids is None else draft.ids)[kept],
        columns=labelled({**{name: column[kept] for name, column in draft.columns.items()}, **others}),
        notes=(*draft.notes, f"{empty} empty texts left out") if empty else draft.notes,
    )


def labelled(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns of texts, a category among them called the label."""
    found = next((name for name in LABEL_NAMES if name in columns), LABEL_NAMES[0])
    return {LABEL_NAMES[0] if name == found else name: values for name, values in columns.items()}


def modality_of_shape(shape: tuple[int, ...], names: Sequence[str] = ()) -> Modality:
    """What rows of `shape` are: pictures (channels, height, width), or numbers called `names` in their own units.

    Raises
    ------
    InvalidInput
        For rows that are neither.
    """
    match shape:
        case (channels, height, width):
            return ImageModality(channels=channels, height=height, width=width)
        case (width,):
            given = names or [f"x{number}" for number in range(width)]
            return TableModality(columns=tuple(Column(name=name, kind="numeric") for name in given))
        case _:
            rule = "of pictures, (channels, height, width), or of rows of numbers, (columns,)"
            raise invalid("the shape of a row", rule, shape, "say the axes behind it with --shape")


def image_modality(images: NDArray[np.uint8], name: str) -> ImageModality:
    """The modality of pictures (n, c, h, w), or a line on why their size cannot be used."""
    _, channels, height, width = images.shape
    if not (SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST):
        rule = f"pictures of {SMALLEST} to {LARGEST} pixels a side"
        raise invalid(name, rule, f"{height}x{width}", "pass a size such as 64 to crop and resize them")
    return ImageModality(channels=channels, height=height, width=width)


def _rows(
    draft: Draft,
    modality: Modality,
    raw: NDArray[Any],
    *,
    source: str,
    splits: Mapping[str, NDArray[np.int64]],
    label: str | None,
) -> Rows:
    columns = dict(draft.columns)
    if label is not None and draft.table is None:
        if label not in columns:
            known = ", ".join(map(repr, columns)) or "no labels at all"
            raise invalid("label", f"a label of {draft.name}", label, f"it has {known}")
        columns["label"] = columns[label]
    return Rows(
        name=draft.name,
        modality=modality,
        raw=raw,
        ids=number_ids(len(raw)) if draft.ids is None else draft.ids,
        columns=columns,
        splits=splits,
        source=source,
        notes=draft.notes,
    )


def _varying(
    columns: list[ColumnValues], train: NDArray[np.int64], named: bool
) -> tuple[list[ColumnValues], tuple[str, ...]]:
    """A matrix has no column names by which its owner could drop one, so constant ones are left out and said."""
    still = [] if named else [column.name for column in columns if column.is_constant(train)]
    if not still:
        return columns, ()
    if len(still) == len(columns):
        raise InvalidInput("the columns of a matrix must vary over the training rows, got only constant ones")
    shown = ", ".join(still[:8]) + (", .." if len(still) > 8 else "")
    kept = [column for column in columns if column.name not in still]
    return kept, (
        f"{len(still)} of {len(columns)} columns do not vary over the training rows and are left out: {shown}",
    )
