"""Sentences as tokens: what a sentence encoder reads, with the tokeniser that it was trained with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, as_rows, batches, check_positive_int
from latentarium.errors import InvalidInput, MissingExtra, invalid

LONGEST = 8192
_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class SentenceModality:
    """Sentences: raw int32 (n, length), numbers of tokens with padding behind; array the same numbers as float32.

    `tokenizer` is the JSON of a tokeniser as the library tokenizers writes it: data, and no code. Longer sentences are
    cut.
    """

    tokenizer: str = field(repr=False)
    length: int
    padding: int = 0
    kind: ClassVar[str] = "sentences"

    def __post_init__(self) -> None:
        check_positive_int(self.length, "length", high=LONGEST)

    @property
    def data_shape(self) -> tuple[int]:
        return (self.length,)

    @property
    def low(self) -> float:
        return 0.0

    @property
    def high(self) -> float:
        return float(self._reader.get_vocab_size() - 1)

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        """Token numbers as floats."""
        if raw.dtype.kind not in "iu" or raw.shape[1:] != self.data_shape:
            raise invalid("raw sentences", f"whole numbers of shape (n, {self.length})", f"{raw.dtype} {raw.shape}")
        return raw.astype(np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[np.int32]:
        """The nearest token numbers."""
        return np.rint(as_rows(array, self.data_shape, name="sentences")).astype(np.int32)

    def parse(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Texts as rows of token numbers (n, length)."""
        out = np.empty((len(texts), self.length), np.int32)
        for part in batches(len(texts), _AT_ONCE):
            out[part] = [found.ids for found in self._reader.encode_batch(list(texts[part]))]
        return out

    def texts(self, raw: NDArray[Any]) -> list[str]:
        """Rows in words again, as far as the tokeniser keeps them."""
        return self._reader.decode_batch(raw.tolist(), skip_special_tokens=True)

    def to_json(self) -> dict[str, Any]:
        """All but the tokeniser, which a bundle keeps in a file of its own."""
        return {"kind": self.kind, "length": self.length, "padding": self.padding}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SentenceModality":
        """The inverse of `to_json`, with the tokeniser's JSON under "tokenizer"."""
        return cls(tokenizer=stored["tokenizer"], length=stored["length"], padding=stored["padding"])

    @cached_property
    def _reader(self) -> Any:
        return _opened(self.tokenizer, self.length, self.padding)


def token_counts(tokenizer: str, texts: Sequence[str]) -> NDArray[np.int64]:
    """How many tokens each text has, those at its beginning and end too."""
    reader = _opened(tokenizer, None, 0)
    found = (reader.encode_batch(list(texts[part])) for part in batches(len(texts), _AT_ONCE))
    return np.array([len(encoding.ids) for batch in found for encoding in batch], dtype=np.int64)


def _opened(tokenizer: str, length: int | None, padding: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra("sentences need tokenizers; install it with: pip install 'latentarium[text]'") from error
    try:
        json.loads(tokenizer)
        reader = Tokenizer.from_str(tokenizer)
    except Exception as error:  # noqa: BLE001 - tokenizers raises plain exceptions
        raise InvalidInput(f"the tokeniser must be readable, got {' '.join(str(error).split())[:120]}") from None
    if length is None:
        reader.no_padding()
        reader.no_truncation()
        return reader
    reader.enable_truncation(length)
    reader.enable_padding(length=length, pad_id=padding, pad_token=reader.id_to_token(padding) or "[PAD]")
    return reader
