"""Files of other people's models, read without running anything from them, and made into bundles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from latentarium.adapters.affine import from_parameters
from latentarium.adapters.diffusion import from_diffusers
from latentarium.adapters.diffusionfiles import folder_files, is_diffusers_folder, read_diffusers
from latentarium.adapters.graphs import open_session
from latentarium.adapters.halves import Half, Role, Wiring, joined, role_of
from latentarium.adapters.sentences import (
    encoder_folder,
    from_sentences,
    longest_row,
    open_encoder,
    sentence_modality,
    tokenizer_json,
)
from latentarium.applications.storing import Keeping, store_space
from latentarium.bundle import Bundle
from latentarium.data import SentenceModality, modality_of_shape, open_as, open_sentences
from latentarium.data.rows import Rows
from latentarium.data.sentences import token_counts
from latentarium.errors import InvalidInput, invalid
from latentarium.files import sha256
from latentarium.space import LatentSpace
from latentarium.training.api import Place
from latentarium.training.save import Source

PARAMETERS, GRAPH, KERAS = (".npz", ".safetensors"), ".onnx", ".keras"
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin")
ROLES: tuple[Role, Role] = ("encoder", "decoder")
_ROLE_WORDS: Mapping[str, Role] = {"encoder": "encoder", "decoder": "decoder", "generator": "decoder"}
_TOKENS = 8
"""Rows of tokens are a multiple of this long."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """Model files, and what has to be said of them.

    Parameters
    ----------
    wiring : shapes that the files leave open, and units
    models : one file or two, whose roles their names or shapes tell
    encoder, decoder : files whose role is said
    channels_last : None for what is usual: last for Keras, and where the axes say so
    """

    wiring: Wiring
    models: Sequence[Path] = ()
    encoder: Path | None = None
    decoder: Path | None = None
    channels_last: bool | None = None

    @property
    def paths(self) -> list[Path]:
        """All files, and folders that hold a model in several."""
        return [*self.models, *(path for path in (self.encoder, self.decoder) if path is not None)]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows that go with a model: where they are, which label is the main one, and which prior their codes get."""

    source: str | None = None
    label: str | None = None
    prior: str = "auto"
    seed: int = 0


@dataclass(frozen=True)
class Told:
    """Who hears how far an import has come, and the sentences about its rows."""

    progress: Progress | None = None
    remark: Callable[[str], None] = lambda _: None


def import_model(foreign: Foreign, data: Data, place: Place, told: Told) -> Bundle:
    """Read the files, encode the data, write the bundle.

    Without data, or an encoder for them, the bundle holds draws of the prior and what they decode to.

    Raises
    ------
    InvalidInput
        One line on what is wrong with a file, a shape or the data.
    """
    place.check()
    if _is_sentence_encoder(foreign):
        return _import_sentences(str(foreign.models[0]), data, place, told)
    space = read_model(foreign)
    modality = modality_of_shape(space.data_shape)
    rows = source = None
    files = [file for path in foreign.paths for file in (folder_files(path) if path.is_dir() else [path])]
    if (
        data.source is None
        and data.prior == "auto"
        and space.prior is None
        and {"encode", "decode"} <= space.capabilities
    ):
        told.remark("note: the model states no prior and gets N(0, I), from which it may draw noise; --data fits one")
    if data.source is not None:
        rows = open_as(data.source, space.data_shape, seed=data.seed, label=data.label, progress=told.progress)
        _remark(rows, told)
        there = Path(data.source)
        source = Source(spec=str(there.resolve() if there.exists() else data.source), label=data.label, seed=data.seed)
        modality = rows.modality
    keeping = Keeping(
        modality=modality,
        rows=rows,
        source=source,
        prior=data.prior,
        seed=data.seed,
        imported={"files": {file.name: sha256(file) for file in files}},
    )
    return store_space(space, place.path, keeping, progress=told.progress)


def _is_sentence_encoder(foreign: Foreign) -> bool:
    paths = foreign.paths
    return len(paths) == 1 and not paths[0].is_file() and encoder_folder(str(paths[0])) is not None


def _remark(rows: Rows, told: Told) -> None:
    for note in rows.notes:
        told.remark(f"note: {note}")


def _import_sentences(name: str, data: Data, place: Place, told: Told) -> Bundle:
    """Lines of text through a sentence encoder; a row has as many tokens as the longest of them."""
    if data.source is None:
        raise InvalidInput("a sentence encoder needs lines of text; give a .txt, .json or .csv file with --data")
    model = open_encoder(name)

    def modality_of(texts: Sequence[str]) -> SentenceModality:
        longest = int(token_counts(tokenizer_json(model), texts).max())
        return sentence_modality(model, min(longest_row(model), -(-longest // _TOKENS) * _TOKENS))

    rows = open_sentences(data.source, modality_of, seed=data.seed, label=data.label)
    _remark(rows, told)
    space = from_sentences(model, length=rows.modality.data_shape[0], name=Path(name).name)
    source = Source(spec=str(Path(data.source).resolve()), label=data.label, seed=data.seed)
    keeping = Keeping(modality=rows.modality, rows=rows, source=source, prior=data.prior, seed=data.seed)
    return store_space(space, place.path, keeping, progress=told.progress)


def read_model(foreign: Foreign) -> LatentSpace:
    """The latent space of the files; pictures are channels first within [0, 1], to which decoded ones are clipped."""
    if any(is_diffusers_folder(path) for path in foreign.paths):
        return _autoencoder(foreign)
    for path in foreign.paths:
        _check_file(path)
    build = _parameters_builder(foreign) or _halves_builder(foreign)
    space = build(foreign.wiring)
    wiring = foreign.wiring
    if len(space.data_shape) == 2:
        wiring = replace(wiring, shape=(*space.data_shape, 1), channels_last=True)
        space = build(wiring)
    if len(space.data_shape) == 3:
        return build(wiring, modality=modality_of_shape(space.data_shape))
    return space


def _autoencoder(foreign: Foreign) -> LatentSpace:
    """Of a folder that diffusers saved; its units and the order of its axes are known, its size where it states one."""
    if len(foreign.paths) > 1:
        raise invalid("MODEL", "one folder where diffusers saved it", f"{len(foreign.paths)} files and folders")
    (folder,) = foreign.paths
    model = read_diffusers(folder)
    shape, channels = foreign.wiring.shape, int(model.config["in_channels"])
    if shape is not None and (len(shape) != 3 or shape[0] != channels):
        raise invalid("--shape", f"{channels} channels, height and width, such as {channels},64,64", shape)
    size = None if shape is None else (shape[1], shape[2])
    if size is None and model.config.get("sample_size") is None:
        raise InvalidInput(f"{folder} does not say how large its pictures are; give --shape {channels},64,64")
    shape = from_diffusers(model, size=size).data_shape
    return from_diffusers(model, size=size, name=folder.resolve().name, modality=modality_of_shape(shape))


def _check_file(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise InvalidInput(
            f"{path.name} is of a kind that runs code when it is read, which is never done; save a Keras model as "
            ".keras, a torch model as .onnx with torch.onnx.export, components_ and mean_ of a PCA with numpy.savez"
        )
    if suffix not in (*PARAMETERS, GRAPH, KERAS):
        rule = (
            "a .keras, .onnx, .npz or .safetensors file, a folder of diffusers, or a sentence encoder that is installed"
        )
        raise invalid("MODEL", rule, path.name)
    if not path.is_file():
        raise invalid("MODEL", "a file that exists", str(path))


Builder = Callable[..., LatentSpace]


def _parameters_builder(foreign: Foreign) -> Builder | None:
    """Of known parameters, or None where the files are networks."""
    if not any(path.suffix.lower() in PARAMETERS for path in foreign.paths):
        return None
    if len(foreign.paths) > 1:
        raise invalid("MODEL", "one file where it holds parameters", f"{len(foreign.paths)} files")
    (path,) = foreign.paths
    arrays = _arrays(path)
    last = {"channels_last": bool(foreign.channels_last)}
    title = {"kind": "parameters", "parameters": sorted(arrays)}

    def build(wiring: Wiring, **fields: Any) -> LatentSpace:
        affine = "modality" not in fields
        provenance = {**title, "affine": affine}
        turned = wiring if wiring.channels_last else replace(wiring, **last)
        return from_parameters(arrays, turned, name=path.stem, provenance=provenance, **fields)

    return build


def _arrays(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() == ".npz":
        from latentarium.data.arrayfiles import read_npz

        return read_npz(path)
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise invalid(path.name, "a complete safetensors file", str(error)) from None


def _halves_builder(foreign: Foreign) -> Builder:
    found: dict[Role, tuple[Half, Path]] = {}
    for path, said in _files_and_roles(foreign):
        for role, half in _halves(path, said):
            if role in found:
                pair = f"{found[role][1].name} and {path.name}"
                raise invalid("MODEL", f"one {role}", pair, "say --encoder and --decoder")
            found[role] = (half, path)
    encoder, decoder = (found[role][0] if role in found else None for role in ROLES)
    kinds = sorted({path.suffix.lower()[1:] for _, path in found.values()})
    last = foreign.channels_last
    if last is None:
        last = _usually_last([half for half, _ in found.values()], foreign.wiring, kinds)
    name = [path.stem for _, path in found.values()][-1]

    def build(wiring: Wiring, **fields: Any) -> LatentSpace:
        turned = replace(wiring, channels_last=wiring.channels_last or last)
        return joined(encoder, decoder, turned, name=name, provenance={"kind": " and ".join(kinds)}, **fields)

    return build


def _files_and_roles(foreign: Foreign) -> list[tuple[Path, Role | None]]:
    given: list[tuple[Path, Role | None]] = [(path, None) for path in foreign.models]
    if foreign.encoder is not None:
        given.append((foreign.encoder, "encoder"))
    if foreign.decoder is not None:
        given.append((foreign.decoder, "decoder"))
    return given


def _halves(path: Path, said: Role | None) -> list[tuple[Role, Half]]:
    """The encoder, the decoder, or both, of one file."""
    if path.suffix.lower() == GRAPH:
        session = open_session(path, name=path.name)
        return [(said or _named_role(path) or role_of(session), session)]
    from latentarium.adapters.kerasfiles import read_keras
    from latentarium.adapters.kerasmodels import keras_half, keras_module, keras_parts

    model, backend = read_keras(path), keras_module().backend.backend()
    parts = keras_parts(model) if said is None else {}
    if parts:
        return [(role, keras_half(parts[role], backend, head=role == "encoder")) for role in ROLES if role in parts]
    role = said or _named_role(path) or role_of(keras_half(model, backend))
    return [(role, keras_half(model, backend, head=role == "encoder"))]


def _named_role(path: Path) -> Role | None:
    named: set[Role] = {role for word, role in _ROLE_WORDS.items() if word in path.stem.lower()}
    return named.pop() if len(named) == 1 else None


def _usually_last(halves: Sequence[Half], wiring: Wiring, kinds: Sequence[str]) -> bool:
    """Keras has its channels last, ONNX where only the last of three axes can be one of channels."""
    if kinds == ["keras"]:
        return True
    shapes = [wiring.shape, *(shape for half in halves for shape in (half.input_shape, half.output_shape))]
    threes = [shape for shape in shapes if shape is not None and len(shape) == 3]
    if not threes or None in (threes[0][0], threes[0][2]):
        return False
    return threes[0][2] <= 4 < threes[0][0]  # type: ignore[operator]
