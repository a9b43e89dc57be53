"""What commands print: one JSON object on stdout for machines, tables and progress on stderr for people."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latentarium.measures.score import Score


def emit(value: Mapping[str, Any], *, as_json: bool, words: str = "") -> None:
    """One JSON object on stdout, or `words` for a person."""
    if as_json:
        sys.stdout.write(json.dumps(value) + "\n")
    elif words:
        console().print(words, highlight=False)


def console(*, stderr: bool = False) -> Any:
    """A rich console; people's output goes to stdout, progress and remarks to stderr."""
    from rich.console import Console

    return Console(stderr=stderr)


def say(words: str) -> None:
    """A remark on stderr."""
    console(stderr=True).print(words, highlight=False, soft_wrap=True)


@contextmanager
def counting(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work that reports (done, total); it appears with the first report."""
    with naming(words) as tell:
        yield lambda done, total: tell("", done, total)


@contextmanager
def naming(words: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for work that reports (what, done, total); it appears with the first report."""
    bar = _bar()
    task = bar.add_task(words, total=None)

    def tell(what: str, done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total, description=f"{words}: {what}" if what else words)

    try:
        yield tell
    finally:
        bar.stop()


def _bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console(stderr=True), transient=True)


def score_table(scores: Mapping[str, Score], title: str) -> None:
    """Scores with their intervals, for a person."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, justify in (("measure", "left"), ("value", "right"), ("95 % interval", "right"), ("n", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("unit")
    table.add_column("better")
    for score in scores.values():
        low, high = score.interval
        span = f"{low:.4g} to {high:.4g}"
        table.add_row(score.name, f"{score.value:.4g}", span, f"{score.n:,}", score.unit, score.direction)
    console().print(table)


def scores_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """The scores as the machine contract has them."""
    return {name: score.to_json() for name, score in scores.items()}


def write_picture(image: Any, path: Path) -> None:
    """Save a PIL image atomically, in the format its name says."""
    from latentarium.errors import invalid
    from latentarium.files import replacing

    formats = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG"}
    kind = formats.get(path.suffix.lower())
    if kind is None:
        raise invalid("--out", f"a file ending in {', '.join(formats)}", path.name)
    with replacing(path) as temporary:
        (image.convert("RGB") if kind == "JPEG" else image).save(temporary, format=kind)
