"""Maps of a bundle's codes, made once and kept in it."""

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle, arrays_writer
from latentarium.errors import invalid
from latentarium.maps import Effort, Map, fit_map
from latentarium.maps.watch import Progress
from latentarium.rng import generator

MAP_ROWS = 10_000
MAP_STREAM = 7


def add_map(
    bundle: Bundle,
    *,
    method: str,
    rows: int = MAP_ROWS,
    seed: int = 0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> tuple[Bundle, Map]:
    """Fit a map to the bundle's codes (a seeded draw of at most `rows`) and store it as maps/METHOD.safetensors."""
    chosen = mapped_rows(bundle, rows, seed)
    fitted = fit_map(
        bundle.codes[chosen].reshape(len(chosen), -1),
        method=method,  # type: ignore[arg-type]
        seed=seed,
        ids=chosen,
        effort=effort,
        progress=progress,
    )
    facts, arrays = fitted.to_arrays()
    name = f"maps/{method}.safetensors"
    maps = {**bundle.manifest.get("maps", {}), method: facts}
    return bundle.with_files({name: arrays_writer(arrays)}, maps=maps), fitted


def read_map(bundle: Bundle, method: str) -> Map:
    """A stored map; its ids are row numbers of the bundle."""
    known = bundle.manifest.get("maps", {})
    if method not in known:
        way_out = f"run 'latentarium map {bundle.path}'"
        raise invalid("the map", f"one of {', '.join(known) or 'none yet'}", method, way_out)
    return Map.from_arrays(known[method], bundle.tensors(f"maps/{method}.safetensors"))


def mapped_rows(bundle: Bundle, rows: int, seed: int) -> NDArray[np.int64]:
    """Row numbers that go on a map: all, or a seeded draw."""
    count = len(bundle.codes)
    if count <= rows:
        return np.arange(count)
    return np.sort(generator(seed, MAP_STREAM).choice(count, rows, replace=False))


def map_labels(bundle: Bundle, numbers: NDArray[np.int64], name: str | None = None) -> NDArray[np.generic] | None:
    """Labels of those rows: `name`, or "label", or None where the bundle has none."""
    chosen = name or ("label" if "label" in bundle.label_names else None)
    return None if chosen is None else bundle.column(chosen)[numbers]
