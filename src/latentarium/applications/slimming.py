"""A small copy of a bundle that keeps what a space is used with, and leaves out what only training needed."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.bundle import GIVEN, MODEL, PRIOR, Bundle, arrays_writer, create_bundle, table_writer
from latentarium.conditions import conditions_from_json
from latentarium.errors import InvalidInput
from latentarium.models.stored import space_from_weights


def slim_bundle(
    bundle: Bundle, path: Path, *, rows: int = 500, name: str | None = None, decoded: bool = False
) -> Bundle:
    """Write a copy of `bundle` to `path` with half-precision weights and `rows` of its kept test rows.

    Codes are those of the rounded weights. The copy stands for itself: it names no source, `trained_on` in its
    provenance says what the weights saw, without the folder it lay in.

    Parameters
    ----------
    decoded : keep what the space decodes from the rows' codes in their place, without ids and labels, where the rows
        themselves must not be passed on; scores of such a copy say so

    Raises
    ------
    InvalidInput
        When the networks are not ours, since ONNX graphs cannot be rounded.
    """
    if not bundle.built_in:
        raise InvalidInput(f"bundle {bundle.path} cannot be slimmed: its networks are not built in")
    check_positive_int(rows, "rows")
    count = min(rows, len(bundle.kept))
    chosen, raw = bundle.kept_rows[:count], bundle.kept[:count]
    weights = {key: _halved(value) for key, value in bundle.tensors(MODEL).items()}
    space = space_from_weights(
        bundle.manifest["architecture"],
        weights,
        bundle.modality,
        name=bundle.name,
        prior=bundle.prior,
        provenance={},
        conditions=conditions_from_json(bundle.manifest.get("conditions", ())),
    )
    ids, columns = bundle.ids[chosen], {label: bundle.column(label)[chosen] for label in bundle.label_names}
    codes = space.encode(bundle.modality.to_array(np.asarray(raw)))
    if decoded:
        raw, ids, columns = bundle.modality.to_raw(space.decode(codes)), np.arange(count).astype(str), {}
    known = bundle.manifest["data"]
    writers = {
        MODEL: arrays_writer(weights),
        "rows.parquet": table_writer(
            {"id": ids, "split": bundle.splits[chosen], "kept": np.ones(count, bool), **columns}
        ),
        "codes.parquet": table_writer({"id": ids, "code": codes}),
        "evaluation.safetensors": arrays_writer({"raw": np.asarray(raw)}),
        **{prior: arrays_writer(bundle.tensors(prior)) for prior in (PRIOR, GIVEN) if bundle.has(prior)},
    }
    seen = {**known, "source": Path(known["source"] or "").name}
    kept = ("shape", "modality", "conditions", "architecture", "prior")
    manifest: dict[str, Any] = {
        "name": name or bundle.name,
        **{key: bundle.manifest[key] for key in kept if key in bundle.manifest},
        "data": {**known, "source": "", "rows": count, "splits": {"test": count}, "decoded": decoded},
        "provenance": {**bundle.manifest["provenance"], "trained_on": seen},
    }
    return create_bundle(path, manifest, writers)


def _halved(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16) if values.dtype == np.float32 else values
