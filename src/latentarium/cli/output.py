"""What commands print: one JSON object on stdout for machines, tables and progress on stderr for people."""

import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from latentarium.errors import invalid
from latentarium.files import replacing
from latentarium.measures import Difference
from latentarium.measures.score import Score, format_p

COMMAND: ContextVar[Sequence[str]] = ContextVar("command", default=())
"""What the user typed behind `latentarium`."""
PICTURES: Mapping[str, str] = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG"}
PIPE_WIDTH = 200


def command_line() -> str:
    """The command that runs, as a shell takes it."""
    return shlex.join(["latentarium", *COMMAND.get()])


def emit(value: Mapping[str, Any], *, as_json: bool, words: str = "") -> None:
    """One JSON object on stdout, or `words` for a person."""
    if as_json:
        sys.stdout.write(json.dumps(_finite(value), allow_nan=False) + "\n")
    elif words:
        console().print(words, highlight=False, soft_wrap=True)


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for: infinite values and NaN."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def console(*, stderr: bool = False) -> Any:
    """A rich console; people's output goes to stdout, progress and remarks to stderr."""
    from rich.console import Console

    found = Console(stderr=stderr)
    # a pipe or a file has no width that a table would have to fit
    return found if found.is_terminal else Console(stderr=stderr, width=PIPE_WIDTH)


def bold(text: object) -> str:
    """Text to be shown in bold, whatever brackets it holds."""
    return f"[bold]{plain(str(text))}[/]"


def plain(text: str) -> str:
    """Text beside markup, whatever brackets it holds."""
    from rich.markup import escape

    return escape(text)


def say(words: str) -> None:
    """A remark on stderr."""
    console(stderr=True).print(words, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def counting(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work that reports (done, total); it appears with the first report."""
    with naming(words) as tell:
        yield lambda done, total: tell("", done, total)


@contextmanager
def naming(words: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for work that reports (what, done, total); it appears with the first report.

    Where stderr is no terminal nothing is drawn.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _unheard
        return
    bar = _bar(screen)
    task = bar.add_task(words, total=None)

    def tell(what: str, done: int, total: int) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total, description=f"{words}: {what}" if what else words)

    try:
        yield tell
    finally:
        bar.stop()


def _unheard(what: str, done: int, total: int) -> None:
    del what, done, total


def _bar(screen: Any) -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    )


def score_table(scores: Mapping[str, Score], title: str) -> None:
    """Scores with their intervals, for a person."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, justify in (("measure", "left"), ("value", "right"), ("95 % interval", "right"), ("rows", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("unit")
    table.add_column("better")
    shuffled = any(score.permutations for score in scores.values())
    if shuffled:
        table.add_column("p against shuffled rows", justify="right")
    for score in scores.values():
        low, high = score.interval
        cells = [f"{score.value:.4g}", f"{low:.4g} to {high:.4g}", f"{score.n:,}", score.unit, score.direction]
        p = format_p(score.p_value) if score.permutations else ""
        table.add_row(score.name, *cells, *([p] if shuffled else []))
    console().print(table)


def difference_table(names: tuple[str, str], differences: Sequence[Difference], title: str) -> None:
    """Two spaces side by side; the significantly better value is bold."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("measure")
    for name in (*names, "p"):
        table.add_column(name, justify="right")
    table.add_column("better side")
    for found in differences:
        values = [f"{score.value:.4g}" for score in (found.first, found.second)]
        shown = [bold(v) if found.better == side else v for v, side in zip(values, ("first", "second"), strict=True)]
        table.add_row(found.name, *shown, format_p(found.p), found.first.direction)
    console().print(table)


def scores_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """The scores as the machine contract has them."""
    return {name: score.to_json() for name, score in scores.items()}


def check_ending(path: Path | None, allowed: Sequence[str]) -> None:
    """Refuse a file to write whose name does not end in one of `allowed`, before any work is done for it.

    An empty ending is that of a folder, which must be new or empty.
    """
    if path is None:
        return
    if path.suffix.lower() not in allowed:
        rule = f"a file ending in {' or '.join(filter(None, allowed))}"
        raise invalid("--out", f"a folder, or {rule}" if "" in allowed else rule, path.name)
    if not path.suffix and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise invalid("--out", "a new folder or an empty one", str(path), "choose another name")


def spare(outputs: Iterable[Path | None], *inputs: str | Path | None) -> None:
    """Refuse files to write that would replace what a command reads, a file or one in a folder, before any work."""
    read = [Path(os.path.expanduser(given)).resolve() for given in inputs if given]
    for out in outputs:
        target = None if out is None else out.resolve()
        if out is not None and target is not None and target.exists() and {target, *target.parents} & {*read}:
            raise invalid("--out", "another file than those that are read", str(out), "choose another name")


def write_picture(image: Any, path: Path, *, text: str = "") -> None:
    """Save a PIL image atomically, in the format its name says, with an ASCII `text` inside."""
    from latentarium.pictures import text_options

    check_ending(path, tuple(PICTURES))
    kind = PICTURES[path.suffix.lower()]
    with replacing(path) as temporary:
        (_on_white(image) if kind == "JPEG" else image).save(temporary, format=kind, **text_options(kind, text))


def _on_white(image: Any) -> Any:
    """A format without transparency shows the gutters of a sheet white."""
    from PIL import Image

    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")
