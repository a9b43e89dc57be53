"""Any latent space that can be written as ONNX becomes a bundle: graphs, codes of its rows, prior, kept rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentarium.adapters.graphs import through_graphs
from latentarium.bundle import (
    TOKENIZER,
    Bundle,
    Writer,
    arrays_writer,
    bytes_writer,
    create_bundle,
    prior_entry,
    table_writer,
)
from latentarium.data.rows import Rows
from latentarium.data.sentences import SentenceModality
from latentarium.data.splits import make_splits
from latentarium.distributions import Distribution, Normal
from latentarium.errors import InvalidInput, LatentariumError
from latentarium.space import LatentSpace, Modality
from latentarium.training.priors import Encoded, fit_prior, parse_prior, prior_rows
from latentarium.training.save import VERSIONED, Source, data_entry, encode_rows, kept_rows, row_columns

Progress = Callable[[int, int], None]
DRAWN_ROWS = 2000
MIXTURE_DIMENSIONS = 256
"""Codes of more dimensions get a diagonal Gaussian as their prior: a full covariance would need too many rows."""
_TOLERANCE = 1e-3
_CHECKED = 8


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What a stored space is kept with.

    Parameters
    ----------
    modality : raw <-> array of its rows
    rows : data to encode; without them, or an encoder, draws of the prior are decoded in their place
    source : where the rows came from; a decoder alone is measured against them
    prior : as in a fit; "auto" keeps the space's own, else fits one to the training codes
    seed : of every random choice
    imported : what the manifest says of where the model came from
    """

    modality: Modality
    rows: Rows | None = None
    source: Source | None = None
    prior: str = "auto"
    seed: int = 0
    imported: Mapping[str, Any] | None = None


def store_space(space: LatentSpace, path: Path, keeping: Keeping, *, progress: Progress | None = None) -> Bundle:
    """Write `space` to `path` as a bundle, in one exchange, and open it.

    Codes are those of the stored graphs, which must agree with the space's own functions.

    Raises
    ------
    InvalidInput
        When the space cannot be stored, or has neither rows to encode nor a prior and a decoder to draw from.
    """
    graphs = _graphs(space)
    stored = through_graphs(space, graphs, modality=keeping.modality)
    rows, codes = _rows_and_codes(stored, keeping, progress)
    kept = kept_rows(rows, seed=keeping.seed)
    errors = _differences(space, stored, rows.array(kept[:_CHECKED]), codes[kept[:_CHECKED]])
    prior = _prior(stored, codes, rows, keeping)
    prior_kind, prior_writer = prior_entry(prior)
    writers: dict[str, Writer] = {
        **{f"{part}.onnx": bytes_writer(data) for part, data in graphs.items()},
        "rows.parquet": table_writer(row_columns(rows, kept)),
        "codes.parquet": table_writer({"id": rows.ids, "code": codes.reshape(len(codes), -1)}),
        "evaluation.safetensors": arrays_writer({"raw": np.asarray(rows.raw[kept])}),
        **prior_writer,
    }
    if isinstance(keeping.modality, SentenceModality):
        writers[TOKENIZER] = bytes_writer(keeping.modality.tokenizer.encode())
    drawn = keeping.rows is None or "encode" not in space.capabilities
    source = keeping.source or Source(spec="", seed=keeping.seed)
    manifest = {
        "name": space.name,
        "shape": list(space.shape),
        "modality": keeping.modality.to_json(),
        "conditions": [],
        "architecture": {
            "net": "foreign",
            "latent": space.dim,
            "variational": "posterior" in space.capabilities,
            "affine": bool(space.provenance.get("affine", False)),
        },
        "prior": prior_kind,
        "onnx_error": errors,
        "data": {**data_entry(rows, source), "foreign": True, "decoded": drawn},
        "provenance": _provenance(space, graphs, keeping),
    }
    return create_bundle(path, manifest, writers)


def _graphs(space: LatentSpace) -> Mapping[str, bytes]:
    if space.graphs_fn is None:
        raise InvalidInput(f"{space.name!r} cannot be stored: {_why_not(space)}")
    return space.graphs_fn()


def _why_not(space: LatentSpace) -> str:
    backend = space.provenance.get("backend")
    if backend not in (None, "torch"):
        return (
            f"Keras on {backend} writes no ONNX here; save encoder and decoder as .keras files, which open on any "
            "backend, and bring them with 'latentarium import', or set KERAS_BACKEND=torch before Keras is imported"
        )
    return (
        "nobody knows how to write its functions as ONNX; bring a .keras or .onnx file, or known parameters, with "
        "'latentarium import'"
    )


def _rows_and_codes(space: LatentSpace, keeping: Keeping, progress: Progress | None) -> tuple[Rows, Any]:
    """The rows with their codes; without data, or an encoder for them, decoded draws with theirs."""
    able = space.capabilities
    if keeping.rows is not None and "encode" in able:
        return keeping.rows, encode_rows(space, keeping.rows, progress=progress)
    if "decode" not in able:
        raise InvalidInput(f"{space.name!r} is an encoder alone, whose codes are those of data; give them with --data")
    prior = _stated(space, keeping)
    drawn = replace(space, prior=prior).sample_latents(DRAWN_ROWS, seed=keeping.seed)
    raw = keeping.modality.to_raw(space.decode(drawn))
    rows = Rows(
        name=f"draws of {space.name}",
        modality=keeping.modality,
        raw=raw,
        ids=np.array([f"draw/{number:06d}" for number in range(len(raw))]),
        columns={},
        splits=make_splits(len(raw), seed=keeping.seed),
        source="",
    )
    return rows, encode_rows(space, rows) if "encode" in able else drawn


def _stated(space: LatentSpace, keeping: Keeping) -> Distribution:
    """A prior that no data are needed for: the space's own, or N(0, I)."""
    if keeping.prior in ("auto", "normal") and (space.prior is None or keeping.prior == "normal"):
        return Normal.standard(space.dim)
    if keeping.prior == "auto" and space.prior is not None:
        return space.prior
    raise InvalidInput(f"prior must be auto or normal without rows that it could be fitted to, got {keeping.prior!r}")


def _prior(space: LatentSpace, codes: Any, rows: Rows, keeping: Keeping) -> Distribution | None:
    able = space.capabilities
    if keeping.rows is None or "encode" not in able:
        return _stated(space, keeping)
    if keeping.prior == "auto" and (space.prior is not None or "decode" not in able):
        return space.prior
    # a space that states no prior was not trained for N(0, I), even where it has a posterior
    unstated = keeping.prior == "auto"
    wanted = "normal" if unstated and space.dim > MIXTURE_DIMENSIONS else keeping.prior
    variational = "posterior" in able

    def part(name: str) -> Encoded:
        numbers = prior_rows(rows.splits[name], name, seed=keeping.seed)
        return (
            Encoded.of(space, rows.array(numbers)) if variational else Encoded(codes[numbers].reshape(len(numbers), -1))
        )

    choice = parse_prior(wanted, model="ae" if unstated else model_word(space))
    return fit_prior(choice, part, dim=space.dim, variational=variational and not unstated, seed=keeping.seed)


def model_word(space: LatentSpace) -> str:
    """What a space is in the words of a fit: "vae" with a posterior, "ae" with an encoder, else "gan"."""
    return "vae" if "posterior" in space.capabilities else "ae" if "encode" in space.capabilities else "gan"


def _differences(space: LatentSpace, stored: LatentSpace, x: Any, codes: Any) -> dict[str, float]:
    """Largest absolute difference of each graph from the function that it stands for."""
    pairs = {"encode": (space.encode_fn, x), "decode": (space.decode_fn, codes)}
    found: dict[str, float] = {}
    for name, (function, rows) in pairs.items():
        if function is None:
            continue
        expected, got = getattr(space, name)(rows), getattr(stored, name)(rows)
        error = float(np.abs(got - expected).max())
        if not error <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise LatentariumError(f"the ONNX graph of {space.name!r} differs from its {name} by {error:.1e}")
        found[f"{name}r"] = error
    return found


def _provenance(space: LatentSpace, graphs: Mapping[str, bytes], keeping: Keeping) -> dict[str, Any]:
    import platform
    from importlib.metadata import version

    return {
        "settings": {"model": model_word(space), "seed": keeping.seed, "prior": keeping.prior},
        "imported": {**space.provenance, **(keeping.imported or {})},
        "likelihood": {"name": "none"},
        "parameters": sum(map(_parameters, graphs.values())),
        "steps": 0,
        "seconds": 0.0,
        "alarms": [],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}},
    }


def _parameters(graph: bytes) -> int:
    import onnx

    model = onnx.load_from_string(graph)
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
