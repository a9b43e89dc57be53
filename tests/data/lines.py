"""Lines of text that a small model can learn: who does what where."""

from pathlib import Path

import numpy as np

WHO = ("the cat", "a dog", "my aunt", "their king", "no bird")
WHAT = ("sleeps", "sings", "reads", "waits")
WHERE = ("at home", "in the rain", "on a roof", "by the sea")


def sentences(count: int = 200, seed: int = 0) -> list[str]:
    """Seeded lines, some of them alike."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(words) for words in (WHO, WHAT, WHERE)) for _ in range(count)]


def write_lines(path: Path, count: int = 200) -> Path:
    """`sentences` as a file."""
    path.write_text("\n".join(sentences(count)) + "\n", encoding="utf-8")
    return path
