"""Spaces of many rows to show: the shipped ones, with codes scattered around those they have."""

from pathlib import Path

import numpy as np

from latentarium.bundle import Bundle, table_writer
from latentarium.explorer.cache import with_view
from latentarium.shipped import copy_shipped


def of_rows(name: str, path: Path, rows: int = 0) -> Bundle:
    """A shipped space with its view, grown to `rows` rows where that is more than it has."""
    bundle = copy_shipped(name, path)
    known = len(bundle.codes)
    if rows <= known:
        return with_view(bundle)
    random = np.random.default_rng(0)
    taken = random.integers(0, known, rows - known)
    flat = bundle.codes.reshape(known, -1)
    scattered = flat[taken] + random.normal(size=(len(taken), flat.shape[1])).astype(np.float32) * 0.3
    every = np.concatenate([np.arange(known), taken])
    ids = np.array([*bundle.ids.tolist(), *(f"more/{number:07d}" for number in range(len(taken)))])
    labels = {label: bundle.column(label)[every] for label in bundle.label_names}
    kept = np.arange(rows) < known
    parts = {
        "codes.parquet": table_writer({"id": ids, "code": np.concatenate([flat, scattered])}),
        "rows.parquet": table_writer({"id": ids, "split": bundle.splits[every], "kept": kept, **labels}),
    }
    return with_view(bundle.with_files(parts, data={**bundle.manifest["data"], "rows": rows}))
