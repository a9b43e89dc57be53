"""The progress bar of a fit: rate, time left and the validation bound, on stderr."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from latentarium.training.loop import Callback, Event

REFRESH_STEPS_PER_SECOND = 8


@contextmanager
def progress_bar(
    *, enabled: bool = True, also: Callback | None = None, before: Sequence[str] = ()
) -> Iterator[Callback]:
    """A callback that draws a bar while a fit runs and passes every event on to `also`.

    `before` are lines printed when the fit starts. Where stderr is no terminal, a line for each validation stands
    in for the bar.
    """
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    bar = _bar(console) if enabled and console.is_terminal else None
    task: list[Any] = []

    def hear(event: Event) -> None:
        if enabled and event.kind == "start":
            for words in before:
                console.print(words, highlight=False, markup=False, soft_wrap=True)
        if bar is not None:
            _draw(bar, task, event)
        elif enabled:
            _log(console, event)
        if enabled and event.kind == "alarm":
            console.print("[yellow]warning:[/] " + escape(event.record["words"]), highlight=False, soft_wrap=True)
        if also is not None:
            also(event)

    try:
        yield hear
    finally:
        if bar is not None:
            bar.stop()


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[bound]}"),
        console=console,
        refresh_per_second=REFRESH_STEPS_PER_SECOND,
    )


def _draw(bar: Any, task: list[Any], event: Event) -> None:
    if not task:
        bar.start()
        task.append(bar.add_task("fit", total=event.steps, completed=event.step, rate="", bound=""))
    if event.kind == "step":
        bar.update(task[0], completed=event.step)
        speed = bar.tasks[0].speed if event.step % 20 == 0 else None
        if speed:
            bar.update(task[0], rate=f"{speed:.{0 if speed >= 10 else 1}f} steps/s")
    elif event.kind == "validation":
        bar.update(task[0], bound=f"validation {_bound(event)}")
        if event.step == event.steps:
            bar.stop()


def _log(console: Any, event: Event) -> None:
    if event.kind == "validation":
        words = f"step {event.step:,} of {event.steps:,}, {event.record['seconds']:.0f} s, validation {_bound(event)}"
        console.print(words, highlight=False, soft_wrap=True)


def _bound(event: Event) -> str:
    if "coverage" in event.record:
        return f"coverage {event.record['coverage']:.0%} of {event.record['expected']:.0%}"
    rate = event.record["rate"]
    name, key = ("-ELBO", "negative_elbo") if rate else ("distortion", "distortion")
    return f"{name} {event.record[key]:.2f} nats"
