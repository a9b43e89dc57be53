"""A finished fit becomes a bundle: weights, codes, rows, kept evaluation rows, graphs, history."""

import dataclasses
import functools
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentarium.arrays import batches
from latentarium.bundle import (
    Bundle,
    Writer,
    arrays_writer,
    bytes_writer,
    create_bundle,
    given_entry,
    prior_entry,
    table_writer,
)
from latentarium.conditions import conditions_to_json
from latentarium.data.rows import Rows
from latentarium.models.export import export_graphs
from latentarium.models.spaces import autoencoder_space
from latentarium.rng import draw
from latentarium.space import LatentSpace
from latentarium.training.fit import Fitted
from latentarium.training.priors import (
    Encoded,
    encode_part,
    fit_given,
    fit_prior,
    parse_prior,
    prior_rows,
    rows_at_once,
)

KEPT_ROWS = 2000
KEPT_BYTES = 32 * 2**20
KEPT_STREAM = 6
VERSIONED = ("torch", "numpy", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows came from, so that a bundle can find them again: the spec and how it was opened."""

    spec: str
    size: int | None = None
    label: str | None = None
    seed: int = 0
    pairs: int | None = None


def space_of(fitted: Fitted, codes: NDArray[np.float32] | None = None) -> LatentSpace:
    """The fitted model as a space with the prior of its settings; `codes` of all rows spare an AE to encode again."""
    settings, rows = fitted.settings, fitted.rows
    space = autoencoder_space(
        fitted.model,
        rows.modality,
        latent=settings.architecture.latent,
        name=f"{settings.model}-{rows.name}",
        provenance=_provenance(fitted),
        conditions=fitted.conditions,
    )

    @functools.cache
    def part(name: str) -> Encoded:
        if codes is None or fitted.model.variational:
            encoded = encode_part(space, rows, name, seed=settings.seed)
        else:
            encoded = Encoded(codes[prior_rows(rows.splits[name], name, seed=settings.seed)])
        return encoded.filled() if settings.anchored else encoded

    choice = parse_prior(settings.prior, model=settings.model, anchored=settings.anchored)
    standard = settings.model != "ae"
    prior = fit_prior(choice, part, dim=space.dim, variational=standard, seed=settings.seed)
    if not fitted.conditions or (settings.model == "gan" and not settings.anchored):
        return space.with_prior(prior)
    numbers = prior_rows(rows.splits["train"], "train", seed=settings.seed)
    columns = [(c, c.numbers(rows.columns[c.column][numbers])) for c in fitted.conditions]
    given = fit_given(part("train").draws(settings.seed), columns, seed=settings.seed)
    return dataclasses.replace(space, prior=prior, given_prior=given)


def save_fitted(
    fitted: Fitted, path: Path, *, source: Source, progress: Callable[[int, int], None] | None = None
) -> Bundle:
    """Write the bundle of `fitted` to `path` in one exchange and open it."""
    codes = encode_rows(space_of_model(fitted), fitted.rows, progress=progress)
    space = space_of(fitted, codes)
    kept = kept_rows(fitted.rows, seed=fitted.settings.seed)
    sample = fitted.rows.array(kept[:8])
    graphs, loop = export_graphs(fitted.model, sample, codes[kept[:8]])
    prior_kind, prior_writer = prior_entry(space.prior)
    weights = {k: v.detach().cpu().numpy() for k, v in fitted.model.state_dict().items()}
    writers: dict[str, Writer] = {
        "model.safetensors": arrays_writer(weights),
        **{f"{name}.onnx": bytes_writer(graph.data) for name, graph in graphs.items()},
        "rows.parquet": table_writer(row_columns(fitted.rows, kept)),
        "codes.parquet": table_writer({"id": fitted.rows.ids, "code": codes}),
        "evaluation.safetensors": arrays_writer({"raw": np.asarray(fitted.rows.raw[kept])}),
        "history.jsonl": bytes_writer("".join(json.dumps(line) + "\n" for line in fitted.history).encode()),
        **prior_writer,
        **given_entry(space.given_prior),
    }
    if loop is not None:
        writers["steps.json"] = bytes_writer(json.dumps(loop, indent=2).encode())
    manifest = {
        "name": space.name,
        "shape": list(space.shape),
        "modality": fitted.rows.modality.to_json(),
        "conditions": conditions_to_json(fitted.conditions),
        "architecture": fitted.settings.architecture.to_json(),
        "prior": prior_kind,
        "onnx_error": {name: graph.error for name, graph in graphs.items()},
        "data": data_entry(fitted.rows, source),
        "provenance": dict(space.provenance),
    }
    return create_bundle(path, manifest, writers)


def space_of_model(fitted: Fitted) -> LatentSpace:
    """The model as a space before any prior is fitted; enough to encode."""
    latent = fitted.settings.architecture.latent
    return autoencoder_space(fitted.model, fitted.rows.modality, latent=latent, name=fitted.rows.name)


def encode_rows(
    space: LatentSpace, rows: Rows, *, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Codes of all rows, a few million values at a time, so that memory does not grow with the data."""
    out = np.empty((len(rows), *space.shape), np.float32)
    piece = rows_at_once(space)
    for part in batches(len(rows), piece):
        out[part] = space.encode(rows.array(part))
        if progress is not None:
            progress(part.stop, len(rows))
    return out


def kept_rows(rows: Rows, *, seed: int) -> NDArray[np.int64]:
    """Test rows whose raw form travels with the bundle: a seeded draw of at most 2,000 rows and 32 MiB."""
    test = rows.splits["test"]
    each = max(1, int(np.asarray(rows.raw[:1]).nbytes))
    count = int(min(len(test), KEPT_ROWS, max(1, KEPT_BYTES // each)))
    return draw(test, count, seed=seed, stream=KEPT_STREAM)


def row_columns(rows: Rows, kept: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Ids, parts, whether a row is kept, and labels: what a bundle knows of its rows."""
    split = np.empty(len(rows), dtype="<U10")
    for name, indices in rows.splits.items():
        split[indices] = name
    flags = np.zeros(len(rows), bool)
    flags[kept] = True
    return {"id": rows.ids, "split": split, "kept": flags, **rows.columns}


def data_entry(rows: Rows, source: Source) -> dict[str, Any]:
    """Where the rows came from and how many there are, as the manifest says it."""
    return {
        "name": rows.name,
        "source": source.spec,
        "size": source.size,
        "label": source.label,
        "seed": source.seed,
        **({"pairs": source.pairs} if source.pairs is not None else {}),
        "rows": len(rows),
        "splits": {name: len(indices) for name, indices in rows.splits.items()},
        "fingerprint": rows.fingerprint,
    }


def _provenance(fitted: Fitted) -> Mapping[str, Any]:
    from importlib.metadata import version

    likelihood = fitted.model.likelihood
    return {
        "settings": fitted.settings.to_json(),
        "plan": fitted.plan.to_json(),
        "likelihood": {"name": likelihood.name, "discrete": likelihood.discrete},
        "parameters": sum(p.numel() for p in fitted.model.parameters()),
        "steps": fitted.steps_done,
        "seconds": round(fitted.seconds, 1),
        "alarms": fitted.alarms,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}},
        "device": str(next(fitted.model.parameters()).device),
        "torch_threads": torch.get_num_threads(),
    }
