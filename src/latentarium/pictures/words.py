"""Tables of words as SVG: lines of text, and what became of them."""

import difflib
from collections.abc import Sequence
from html import escape
from itertools import zip_longest

from latentarium.errors import invalid
from latentarium.pictures.svg import SECOND, document, text

CHARACTERS = 46
"""Of a line within a column."""
_LINE, _GAP, _LETTER, _TOP = 17.0, 9.0, 6.9, 22.0

Word = tuple[str, bool]


def text_table(rows: Sequence[Sequence[str]], *, headers: Sequence[str] = (), title: str = "Lines of text") -> str:
    """Rows of texts under their headers; in the last of several columns words that the first lacks are in colour.

    Parameters
    ----------
    rows : texts of each row, one a column; long ones are wrapped
    headers : a word for each column; () for none
    """
    widths = {len(row) for row in rows} | ({len(headers)} if headers else set())
    if len(widths) != 1:
        raise invalid("rows", "of one text a column each", sorted(widths))
    columns = widths.pop()
    left = [10 + column * (CHARACTERS * _LETTER + 20) for column in range(columns)]
    body = [text(x, _TOP - 6, words, faint=True) for x, words in zip(left, headers, strict=False)]
    y = _TOP if headers else 0.0
    for row in rows:
        cells = [_wrapped(_marked(row[0], cell, mark=0 < n == columns - 1)) for n, cell in enumerate(row)]
        for lines in zip_longest(*cells, fillvalue=()):
            y += _LINE
            body += [_line(x, y, words) for x, words in zip(left, lines, strict=True) if words]
        y += _GAP
    return document(left[-1] + CHARACTERS * _LETTER + 10, y + 4, title, "".join(body))


def _marked(first: str, last: str, *, mark: bool) -> list[Word]:
    """The words of `last`, each with whether it is new against `first`."""
    words = last.split()
    if not mark:
        return [(word, False) for word in words]
    known = difflib.SequenceMatcher(None, first.split(), words, autojunk=False).get_matching_blocks()
    kept = {block.b + offset for block in known for offset in range(block.size)}
    return [(word, place not in kept) for place, word in enumerate(words)]


def _wrapped(words: Sequence[Word]) -> list[list[Word]]:
    """Words in lines; one that is longer than a line has it for itself."""
    lines: list[list[Word]] = [[]]
    used = 0
    for word in words:
        if used and used + len(word[0]) > CHARACTERS:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += len(word[0]) + 1
    return lines


def _line(x: float, y: float, words: Sequence[Word]) -> str:
    spans = (f'<tspan fill="{SECOND}">{escape(word)}</tspan>' if new else escape(word) for word, new in words)
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="currentColor">{" ".join(spans)}</text>'
