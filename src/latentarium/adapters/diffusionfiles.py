"""Folders that diffusers saved an autoencoder to, read without running anything from them."""

import json
import logging
from pathlib import Path
from typing import Any

from latentarium.errors import InvalidInput, MissingExtra, invalid

CONFIG, PIPELINE, WEIGHTS = "config.json", "model_index.json", "*.safetensors"
CLASSES = ("AutoencoderKL", "AutoencoderTiny")


def is_diffusers_folder(path: Path) -> bool:
    """Whether a folder says that diffusers wrote it: one of its models, or a whole pipeline."""
    return (path / PIPELINE).is_file() or "_class_name" in _config(path)


def read_diffusers(folder: Path) -> Any:
    """The `AutoencoderKL` or `AutoencoderTiny` of a folder that `save_pretrained` wrote, on the CPU.

    Raises
    ------
    InvalidInput
        For a pipeline, another class, weights that are no safetensors, and files that do not belong together.
    MissingExtra
        When diffusers is not installed.
    """
    if (folder / PIPELINE).is_file():
        raise invalid("MODEL", "the folder of an autoencoder", f"{folder}, a whole pipeline", f"give {folder / 'vae'}")
    kind = _config(folder).get("_class_name")
    if kind not in CLASSES:
        raise invalid(str(folder), f"the folder of an {' or an '.join(CLASSES)}", str(kind))
    if not list(folder.glob(WEIGHTS)):
        way_out = "save it again with save_pretrained(FOLDER, safe_serialization=True)"
        raise invalid(str(folder), "a folder with weights as .safetensors", _names(folder), way_out)
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtra(
            f"{folder} needs diffusers; install it with: pip install 'latentarium[diffusers]'"
        ) from error
    before = logging.root.manager.disable
    # it has remarks on settings that newer versions know and older ones do not
    logging.disable(logging.WARNING)
    try:
        return getattr(diffusers, kind).from_pretrained(
            folder, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False
        )
    except Exception as error:  # noqa: BLE001 - a damaged folder can fail anywhere inside the library
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InvalidInput(f"{folder} must be a complete {kind} of diffusers, got {reason}") from None
    finally:
        logging.disable(before)


def folder_files(folder: Path) -> list[Path]:
    """The files that the model is read from."""
    return [folder / CONFIG, *sorted(folder.glob(WEIGHTS))]


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _names(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir()))
