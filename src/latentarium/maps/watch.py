"""The clock of a map: who hears of its progress, at what rate it goes, and when its time is over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from latentarium.maps.neighbours import Told

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Watch:
    """Time since `began`, in seconds of `time.perf_counter`; `budget` seconds may be spent, None for any."""

    progress: Progress | None
    budget: float | None
    began: float

    @classmethod
    def start(cls, progress: Progress | None, budget: float | None) -> "Watch":
        """A watch that begins now."""
        return cls(progress, budget, time.perf_counter())

    def until(self, share: float) -> "Watch":
        """The same watch, over after that share of the budget."""
        return self if self.budget is None else replace(self, budget=self.budget * share)

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.began

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.budget is not None and self.spent >= self.budget

    def told(self, what: str) -> Told:
        """A listener for (done, total) of one piece of work, which passes them on with their rate per second."""
        began = time.perf_counter()

        def tell(done: int, total: int) -> None:
            if self.progress is not None:
                rate = done / max(time.perf_counter() - began, 1e-9)
                self.progress(f"{what}, {rate:,.0f}/s", done, total)

        return tell
