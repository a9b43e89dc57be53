"""Lines of text as rows of symbols: characters, or byte pairs that they are merged to."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.data.symbols import TokenModality
from latentarium.errors import InvalidInput, MissingExtra, invalid

END, UNKNOWN = 0, 1
"""Symbols of every text: nothing more comes, and a character that is not in the alphabet."""
UNKNOWN_SIGN = "\N{REPLACEMENT CHARACTER}"
LONGEST, USUAL = 512, 64
"""Symbols of a row: at most, and at most where nobody said how many."""
FEWEST_SEEN = 3
"""How often a character has to be among the training lines to be in the alphabet."""
MOST_CHARACTERS, MOST_PAIRS = 4096, 16384
_WORDS = r" ?\w+| ?[^\w\s]+|\s"
"""Within which pairs are merged: a word, or a run of signs, with the blank before it."""


@dataclass(frozen=True, kw_only=True)
class TextModality(TokenModality):
    """Lines of text: raw symbols uint8 or uint16 (n, steps), array one-hot (n, symbols, steps).

    Symbol 0 ends a line and fills the rest of its row, 1 is a character that is not known, then come the characters of
    `alphabet`, then what each of `merges`, pairs of symbols, stands for (byte pair encoding, Sennrich et al. 2016).
    Longer lines are cut; blanks, tabs and line breaks in a row count as one blank.

    Parameters
    ----------
    steps : symbols of a row
    alphabet : the characters
    merges : pairs of symbols that become one, in the order in which they are merged; () for characters alone

    Examples
    --------
    >>> modality = TextModality(steps=6, alphabet=" abc")
    >>> raw = modality.parse(["a cab", "b?"])
    >>> raw.tolist()
    [[3, 2, 5, 3, 4, 0], [4, 1, 0, 0, 0, 0]]
    >>> modality.texts(modality.to_raw(modality.to_array(raw)))[0]
    'a cab'
    """

    steps: int
    alphabet: str = field(repr=False)
    merges: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    kind: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        check_positive_int(self.steps, "size", high=LONGEST)
        last = len(self.pieces)
        if len(set(self.alphabet)) < len(self.alphabet) or any(not 0 <= s < last for m in self.merges for s in m):
            raise InvalidInput("the alphabet of a text must hold each character once, and its merges symbols of it")

    @classmethod
    def fit(cls, texts: Sequence[str], *, pairs: int = 0, steps: int | None = None) -> "TextModality":
        """Alphabet, pairs and length of training lines.

        Parameters
        ----------
        pairs : symbols in all, characters and byte pairs; 0 for characters alone
        steps : symbols of a row; None for those of the longest line, at most 64

        Raises
        ------
        MissingExtra
            For pairs without the package tokenizers.
        """
        lines = [plain(text) for text in texts]
        check_positive_int(pairs, "pairs", low=0, high=MOST_PAIRS)
        alphabet = _alphabet(lines)
        if pairs and pairs < len(alphabet) + 2:
            raise invalid("pairs", f"0, or more than the {len(alphabet)} characters of these lines", pairs)
        merges = _merges(lines, alphabet, pairs) if pairs else ()
        found = cls(steps=steps or LONGEST, alphabet=alphabet, merges=merges)
        if steps is not None:
            return found
        return cls(steps=int(min(USUAL, found.counts(texts).max() + 1)), alphabet=alphabet, merges=merges)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What each symbol stands for in a line."""
        pieces = ["", UNKNOWN_SIGN, *self.alphabet]
        known = set(pieces)
        for pair in self.merges:
            if max(pair) >= len(pieces):
                raise invalid("the merges of a text", "of symbols that are there before", pair)
            piece = pieces[pair[0]] + pieces[pair[1]]
            # two ways to merge the same letters give one symbol
            pieces += [] if piece in known else [piece]
            known.add(piece)
        return tuple(pieces)

    @property
    def symbols(self) -> int:
        return len(self.pieces)

    @property
    def length(self) -> int:
        return self.steps

    def parse(self, texts: Sequence[str]) -> NDArray[Any]:
        """Texts as rows of symbols (n, steps), cut where they are longer."""
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[NDArray[Any], tuple[str, ...]]:
        """`parse`, and what reading loses, in sentences for the user."""
        out = np.full((len(texts), self.steps), END, self.raw_type)
        cut = 0
        for row, found in zip(out, self._split(texts), strict=True):
            kept = found[: self.steps]
            row[: len(kept)] = kept
            cut += len(found) > self.steps
        strange = int((out == UNKNOWN).any(1).sum())
        noun = "byte pairs" if self.merges else "characters"
        rare = f"have characters that are rare here, shown as {UNKNOWN_SIGN}"
        losses = {f"are longer than {self.steps} {noun} and cut there": cut, rare: strange}
        return out, tuple(f"{count:,} of {len(out):,} lines {words}" for words, count in losses.items() if count)

    def counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How many symbols each text has before it is cut."""
        return np.array([len(found) for found in self._split(texts)], dtype=np.int64)

    def texts(self, raw: NDArray[Any]) -> list[str]:
        """Rows in words again, each up to its end."""
        pieces = self.pieces
        lines = ([pieces[symbol] for symbol in row[: _end(row)]] for row in np.asarray(raw))
        return ["".join(line).strip() for line in lines]

    def to_json(self) -> dict[str, Any]:
        merges = [list(pair) for pair in self.merges]
        return {"kind": self.kind, "steps": self.steps, "alphabet": self.alphabet, "merges": merges}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "TextModality":
        """The inverse of `to_json`."""
        merges = tuple((int(a), int(b)) for a, b in stored["merges"])
        return cls(steps=stored["steps"], alphabet=stored["alphabet"], merges=merges)

    def _split(self, texts: Sequence[str]) -> list[list[int]]:
        """Symbols of each text, however many."""
        lines = [plain(text) for text in texts]
        numbers = self._numbers
        if not self.merges:
            return [[numbers.get(character, UNKNOWN) for character in line] for line in lines]
        return [found.ids for found in self._merger.encode_batch(lines)]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {character: symbol for symbol, character in enumerate(self.alphabet, 2)}

    @cached_property
    def _merger(self) -> Any:
        library = _library()
        vocabulary = {piece: symbol for symbol, piece in enumerate(self.pieces) if piece}
        merges = [(self.pieces[a], self.pieces[b]) for a, b in self.merges]
        model = library.models.BPE(vocab=vocabulary, merges=merges, unk_token=UNKNOWN_SIGN)
        return _with_words(library, model)


def plain(text: str) -> str:
    """One line: characters in composed form, none that steers a terminal, one blank wherever there are some.

    Examples
    --------
    >>> plain("two\\n  lines\\x07 ")
    'two lines'
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(character for character in composed if unicodedata.category(character) != "Cc").strip()


def _end(row: NDArray[Any]) -> int:
    """Where the first END of a row is, its length where there is none."""
    ends = np.flatnonzero(row == END)
    return int(ends[0]) if len(ends) else len(row)


def _alphabet(lines: Sequence[str]) -> str:
    """Characters that come often enough to be learned, the commonest where they are too many, in their own order."""
    counted = Counter("".join(lines))
    counted.pop(UNKNOWN_SIGN, None)
    often = [character for character, count in counted.most_common(MOST_CHARACTERS) if count >= FEWEST_SEEN]
    return "".join(sorted(often or counted))


def _merges(lines: Sequence[str], alphabet: str, pairs: int) -> tuple[tuple[int, int], ...]:
    """The merges that the commonest pairs of `lines` give, as pairs of symbols."""
    import json

    library = _library()
    trained = _with_words(library, library.models.BPE(unk_token=UNKNOWN_SIGN))
    trainer = library.trainers.BpeTrainer(
        vocab_size=pairs - 1,  # all but the symbol of the end
        special_tokens=[UNKNOWN_SIGN],
        initial_alphabet=list(alphabet),
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    trained.train_from_iterator(lines, trainer)
    numbers = {piece: symbol for symbol, piece in enumerate(["", UNKNOWN_SIGN, *alphabet])}
    merges: list[tuple[int, int]] = []
    for first, second in json.loads(trained.to_str())["model"]["merges"]:
        merges.append((numbers[first], numbers[second]))
        numbers.setdefault(first + second, len(numbers))
    return tuple(merges)


def _with_words(library: Any, model: Any) -> Any:
    """A tokeniser that merges within words alone."""
    found = library.Tokenizer(model)
    found.pre_tokenizer = library.pre_tokenizers.Split(library.Regex(_WORDS), "isolated")
    return found


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        words = "byte pairs need tokenizers; install it with: pip install 'latentarium[text]', or leave out --pairs"
        raise MissingExtra(words) from error
    return tokenizers
