"""`check_space` and the report it gives."""

import html
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from latentarium.checks.case import Case, CheckFailed, Reload
from latentarium.checks.contract import Check, space_checks
from latentarium.space import LatentSpace

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How one check ended; `detail` is the reason where it failed or was skipped."""

    name: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The results of `check_space`, one for each check."""

    space: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """True when no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The results that failed."""
        return tuple(result for result in self.results if result.outcome == "failed")

    def raise_if_failed(self) -> None:
        """Raise `CheckFailed` with one line for each failed check."""
        if self.failed:
            lines = "; ".join(f"{result.name}: {result.detail}" for result in self.failed)
            raise CheckFailed(f"{self.space!r} fails {len(self.failed)} of {len(self.results)} checks: {lines}")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready object: {"space", "passed", "checks": {name: {"outcome", "detail"}}}."""
        checks = {result.name: {"outcome": result.outcome, "detail": result.detail} for result in self.results}
        return {"space": self.space, "passed": self.passed, "checks": checks}

    def __str__(self) -> str:
        return "\n".join(f"{r.outcome:8}{r.name}{': ' + r.detail if r.detail else ''}" for r in self.results)

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{r.outcome}</td><td>{r.name}</td><td style='text-align:left'>{html.escape(r.detail)}</td></tr>"
            for r in self.results
        )
        return f"<table><caption><b>{html.escape(self.space)}</b>: contract</caption>{cells}</table>"


def check_space(space: LatentSpace, x: ArrayLike, *, seed: int = 0, reload: Reload | None = None) -> CheckReport:
    """Run the whole contract on `space` with the rows `x` (n, *data_shape), n >= 4, in array units.

    Parameters
    ----------
    reload : stores the space and loads it again; without it a space whose functions can be written as ONNX goes through
        its graphs, and the storage check is skipped for any other

    Raises
    ------
    InvalidInput
        When `x` does not fit the space. A broken space raises nothing here: see `CheckReport.raise_if_failed`.

    Examples
    --------
    >>> import numpy as np
    >>> space = LatentSpace(name="half", shape=(2,), data_shape=(2,), encode_fn=lambda x: x / 2)
    >>> check_space(space, np.eye(4)[:, :2]).passed
    True
    """
    case = Case.of(space, x, seed=seed, reload=reload)
    return CheckReport(space=space.name, results=tuple(_run(name, check, case) for name, check in space_checks()))


def _run(name: str, check: Check, case: Case) -> CheckResult:
    try:
        reason = check(case)
    except CheckFailed as failure:
        return CheckResult(name=name, outcome="failed", detail=str(failure))
    except Exception as error:  # noqa: BLE001 - a foreign space may raise anything, and that is a finding
        line = str(error).strip().splitlines()[0] if str(error).strip() else "without a message"
        return CheckResult(name=name, outcome="failed", detail=f"{type(error).__name__}: {line}")
    return CheckResult(name=name, outcome="skipped" if reason else "passed", detail=reason or "")
