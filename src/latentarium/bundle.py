"""A fitted space on disk: manifest.json, safetensors, Parquet and ONNX; no pickle, nothing in it is ever executed.

Every change makes a sibling folder (unchanged files are hard links) and exchanges it with the old one, so that a
reader, or a crash, meets the old bundle or the new one. Every file is read against its SHA-256.
"""

import dataclasses
import hashlib
import html
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import files
from latentarium.conditions import conditions_from_json
from latentarium.data.modalities import modality_from_json
from latentarium.distributions import ConditionalMixture, Distribution, Mixture, from_arrays, to_arrays
from latentarium.errors import DamagedFile, InvalidInput, invalid
from latentarium.space import LatentSpace, Modality

SCHEMA_VERSION = 1
MANIFEST, MODEL = "manifest.json", "model.safetensors"
TOKENIZER = "tokenizer.json"
PRIOR, GIVEN = "prior.safetensors", "given.safetensors"
_ENTRIES: Mapping[str, type] = {
    "name": str, "shape": list, "modality": dict, "architecture": dict, "data": dict, "provenance": dict, "files": dict,
}  # fmt: skip
Writer = Callable[[Path], None]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle; arrays are read, and their files checked, when first asked for."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name the space was given."""
        return self.manifest["name"]

    @property
    def built_in(self) -> bool:
        """Whether the networks are ours, to be rebuilt from weights."""
        return self.has(MODEL) and self.manifest["architecture"]["net"] != "custom"

    @cached_property
    def modality(self) -> Modality:
        """Raw <-> array for the data the space was learned from."""
        stored = dict(self.manifest["modality"])
        if self.has(TOKENIZER):
            stored["tokenizer"] = self.file(TOKENIZER).read_text(encoding="utf-8")
        return modality_from_json(stored)

    @cached_property
    def space(self) -> LatentSpace:
        """The space, rebuilt from weights or, for networks that are not ours, run from its ONNX files."""
        from latentarium.adapters.graphs import space_from_graphs
        from latentarium.models.stored import space_from_weights

        shared: dict[str, Any] = {"name": self.name, "prior": self.prior, "provenance": self.manifest["provenance"]}
        architecture = self.manifest["architecture"]
        if self.built_in:
            conditions = conditions_from_json(self.manifest.get("conditions", ()))
            weights = self.tensors(MODEL)
            space = space_from_weights(architecture, weights, self.modality, conditions=conditions, **shared)
            return dataclasses.replace(space, given_prior=self.given_prior)
        return space_from_graphs(
            {part: self.file(f"{part}.onnx") for part in ("encoder", "decoder") if self.has(f"{part}.onnx")},
            shape=tuple(self.manifest["shape"]),
            data_shape=self.modality.data_shape,
            variational=architecture["variational"],
            affine=architecture.get("affine", False),
            modality=self.modality,
            **shared,
        )

    @cached_property
    def prior(self) -> Distribution | None:
        """The stored prior, or None."""
        kind = self.manifest.get("prior")
        if kind is None:
            return None
        arrays = self.tensors(PRIOR)
        try:
            prior = from_arrays(str(kind), arrays)
        except InvalidInput as error:
            raise DamagedFile(f"bundle {self.path} is damaged: {PRIOR} ({error})") from None
        latent = int(np.prod(self.manifest["shape"]))
        if prior.dim != latent:
            raise DamagedFile(f"bundle {self.path} is damaged: {PRIOR} has {prior.dim} dimensions, not {latent}")
        return prior

    @cached_property
    def given_prior(self) -> ConditionalMixture | None:
        """Where codes lie of rows with a value that the decoder is told, or None."""
        if not self.has(GIVEN):
            return None
        arrays = self.tensors(GIVEN)
        try:
            shares = arrays.pop("shares")
            return ConditionalMixture(mixture=Mixture(**arrays), shares=shares)
        except (InvalidInput, KeyError, TypeError) as error:
            raise DamagedFile(f"bundle {self.path} is damaged: {GIVEN} ({error})") from None

    @cached_property
    def table(self) -> Any:
        """pyarrow Table of the rows: id, split, kept, and the labels and attributes that came with them."""
        return self.parquet("rows.parquet")

    @property
    def ids(self) -> NDArray[Any]:
        """Stable row ids, str (n,)."""
        return np.asarray(self.table["id"].to_pylist())

    @property
    def splits(self) -> NDArray[Any]:
        """The part of each row, train, validation or test, str (n,)."""
        return np.asarray(self.table["split"].to_pylist())

    @cached_property
    def codes(self) -> NDArray[np.float32]:
        """Codes of all rows, float32 (n, d)."""
        column = self.parquet("codes.parquet")["code"].combine_chunks()
        return column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32, copy=False)

    def column(self, name: str) -> NDArray[Any]:
        """A label or attribute of all rows by name."""
        if name not in self.label_names:
            known = (
                f"one of {', '.join(self.label_names)}"
                if self.label_names
                else "a column of this bundle, which has none"
            )
            raise invalid("the label", known, name)
        return np.asarray(self.table[name].to_pylist())

    @property
    def label_names(self) -> list[str]:
        """Names of the label and attribute columns."""
        return [name for name in self.table.column_names if name not in ("id", "split", "kept")]

    @cached_property
    def kept(self) -> NDArray[Any]:
        """Raw form of the kept evaluation rows, in the order of the rows whose `kept` is true."""
        return self.tensors("evaluation.safetensors")["raw"]

    @property
    def kept_rows(self) -> NDArray[np.int64]:
        """Row numbers of the kept evaluation rows."""
        return np.flatnonzero(self.table["kept"].to_numpy(zero_copy_only=False))

    def has(self, name: str) -> bool:
        """Whether the bundle lists a file called `name`."""
        return name in self.manifest["files"]

    def file(self, name: str) -> Path:
        """Path of a listed file after checking its SHA-256; `DamagedFile` names one that does not match."""
        if not self.has(name):
            raise DamagedFile(f"bundle {self.path} lists no {name}")
        path = files.inside(self.path, name)
        try:
            actual = files.sha256(path)
        except OSError as error:
            raise DamagedFile(f"bundle {self.path} is damaged: {name} cannot be read ({error.strerror})") from None
        if actual != self.manifest["files"][name]:
            raise DamagedFile(
                f"bundle {self.path} is damaged: {name} does not match its checksum; restore it or fit again"
            )
        return path

    def explore(self, *, height: int = 800) -> Any:
        """The explorer's page in a notebook (`explorer.notebook.explore`)."""
        return import_module("latentarium.explorer.notebook").explore(self, height=height)

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """Arrays of a safetensors file."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return load_file(self.file(name))
        except (SafetensorError, ValueError) as error:
            raise DamagedFile(f"bundle {self.path} is damaged: {name} ({error})") from None

    def parquet(self, name: str) -> Any:
        """A Parquet file as a pyarrow Table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_table(self.file(name))
        except pa.ArrowException as error:
            raise DamagedFile(f"bundle {self.path} is damaged: {name} ({error})") from None

    def json(self, name: str) -> Any:
        """A JSON file."""
        return files.read_json(self.file(name))

    def verify(self) -> list[str]:
        """Check every file; returns their names, raises `DamagedFile` at the first that does not match."""
        return [name for name in self.manifest["files"] if self.file(name)]

    def with_files(self, writers: Mapping[str, Writer], *, without: Collection[str] = (), **changes: Any) -> "Bundle":
        """The bundle with more or newer files and manifest entries and `without` others, written in one exchange."""
        with files.replacing_folder(self.path, keep=True) as folder:
            for name in without:
                files.inside(folder, name).unlink(missing_ok=True)
            kept = {name: digest for name, digest in self.manifest["files"].items() if name not in without}
            manifest = {**self.manifest, **changes, "files": {**kept, **_write_all(folder, writers)}}
            _write_manifest(folder, manifest)
        return open_bundle(self.path)

    def _repr_html_(self) -> str:
        facts = {
            "rows": f"{self.manifest['data']['rows']:,}",
            "latent shape": tuple(self.manifest["shape"]),
            "made by": self.manifest["provenance"].get("command", ""),
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{k}</th><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items()
        )
        caption = f"<b>{html.escape(self.name)}</b>: a bundle at {html.escape(str(self.path))}"
        return f"<table><caption>{caption}</caption>{cells}</table>"


def create_bundle(path: Path, manifest: Mapping[str, Any], writers: Mapping[str, Writer]) -> Bundle:
    """Write a whole bundle to `path`, replacing what stands there in one exchange.

    `manifest` has name, shape, modality, data and provenance; each writer gets the path of its file.
    """
    with files.replacing_folder(path, keep=False) as folder:
        listed = _write_all(folder, writers)
        _write_manifest(folder, {"schema_version": SCHEMA_VERSION, **manifest, "files": listed})
    return open_bundle(path)


def open_bundle(path: str | Path) -> Bundle:
    """Open the bundle at `path`.

    Raises
    ------
    InvalidInput
        When there is no bundle at `path`, or its manifest names files outside the bundle.
    DamagedFile
        When its manifest is damaged or of a newer schema.

    Examples
    --------
    >>> import tempfile
    >>> import latentarium as la
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = la.fit("digits", latent=2, width=8, steps=2, out=f"{folder}/space", progress=False)
    ...     open_bundle(f"{folder}/space").codes.shape
    (1797, 2)
    """
    folder = Path(path)
    files.recover(folder)
    if not folder.is_dir():
        raise invalid("the bundle", "a folder made by 'latentarium fit'", str(path))
    if not (folder / MANIFEST).is_file():
        raise InvalidInput(f"{folder} is not a bundle: it has no {MANIFEST}; make one with 'latentarium fit'")
    manifest = files.read_json(folder / MANIFEST)
    _check_manifest(folder, manifest)
    return Bundle(path=folder, manifest=manifest)


def _check_manifest(folder: Path, manifest: Any) -> None:
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DamagedFile(
            f"bundle {folder} has schema version {version}, this release reads up to {SCHEMA_VERSION}; "
            "update latentarium"
        )
    if version != SCHEMA_VERSION:
        raise DamagedFile(f"bundle {folder} is damaged: {MANIFEST} states no schema version")
    wrong = [name for name, kind in _ENTRIES.items() if not isinstance(manifest.get(name), kind)]
    if wrong:
        raise DamagedFile(f"bundle {folder} is damaged: {MANIFEST} lacks {', '.join(wrong)}")
    if manifest.get("checksum") != manifest_checksum(manifest):
        raise DamagedFile(
            f"bundle {folder} is damaged: {MANIFEST} does not match its checksum; restore it or fit again"
        )
    for name in manifest["files"]:
        files.inside(folder, name)


def manifest_checksum(manifest: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a manifest without its own "checksum"; all other files have theirs in it."""
    rest = {key: value for key, value in manifest.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    files.write_json(folder / MANIFEST, {**manifest, "checksum": manifest_checksum(manifest)})


def _write_all(folder: Path, writers: Mapping[str, Writer]) -> dict[str, str]:
    listed: dict[str, str] = {}
    for name, write in writers.items():
        target = files.inside(folder, name)
        with files.replacing(target) as temporary:
            write(temporary)
        listed[name] = files.sha256(target)
    return listed


def arrays_writer(arrays: Mapping[str, NDArray[Any]]) -> Writer:
    """Writer of a safetensors file."""

    def write(path: Path) -> None:
        from safetensors.numpy import save_file

        try:
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, path)
        except Exception as error:
            # safetensors reports a full disk as its own error type
            raise OSError(None, str(error)) from error

    return write


def table_writer(columns: Mapping[str, Any]) -> Writer:
    """Writer of a Parquet file from arrays; a 2-D array becomes a column of fixed-size lists."""

    def write(path: Path) -> None:
        import pyarrow.parquet as pq

        pq.write_table(arrow_table(columns), path)

    return write


def arrow_table(columns: Mapping[str, Any]) -> Any:
    """Arrays as a `pyarrow.Table`; a 2-D array becomes a column of fixed-size lists."""
    import pyarrow as pa

    return pa.table({name: _arrow(values) for name, values in columns.items()})


def _arrow(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    array = np.asarray(values)
    if array.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1])
    return pa.array(array.tolist() if array.dtype.kind == "U" else array)


def bytes_writer(data: bytes) -> Writer:
    """Writer of given bytes."""

    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def json_writer(value: Any) -> Writer:
    """Writer of indented JSON."""

    def write(path: Path) -> None:
        files.write_json(path, value)

    return write


def given_entry(given: ConditionalMixture | None) -> dict[str, Writer]:
    """Writer of the priors under conditions."""
    if given is None:
        return {}
    return {GIVEN: arrays_writer({**to_arrays(given.mixture)[1], "shares": given.shares})}


def prior_entry(prior: Distribution | None) -> tuple[str | None, dict[str, Writer]]:
    """Manifest value and writer of a prior."""
    if prior is None:
        return None, {}
    kind, arrays = to_arrays(prior)
    return kind, {PRIOR: arrays_writer(arrays)}
