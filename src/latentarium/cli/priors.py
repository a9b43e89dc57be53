"""`prior`."""

from pathlib import Path

from latentarium.bundle import open_bundle
from latentarium.cli.output import bold, emit, plain


def run_prior(path: Path, *, prior: str, data: str | None, seed: int, as_json: bool) -> None:
    """Replace the prior and say what the old and the new one are worth."""
    from latentarium.applications.priors import replace_prior

    change = replace_prior(open_bundle(path), prior, data=data, seed=seed)
    result = {
        "bundle": str(path),
        "before": {"prior": change.before, "nats": change.nats[0]},
        "after": {"prior": change.after, "nats": change.nats[1]},
        "gain": change.gain,
        "rows": change.rows,
    }
    words = f"{bold(path)} now draws from {plain(change.after)}: {_shown(change.nats[1])} nats a held-out row "
    words += f"({change.rows:,} test rows); before, from {plain(change.before)}: {_shown(change.nats[0])}"
    emit(result, as_json=as_json, words=words)


def _shown(nats: float | None) -> str:
    return "no density" if nats is None else f"{nats:.2f}"
