"""`.keras` files read without running anything from them, and without the classes that they were made with."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latentarium.adapters.kerasmodels import keras_module
from latentarium.errors import InvalidInput, invalid

# Layers that hold Python code, or a model of another library that is read by running code.
_CODE = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "function")
_CONFIG = "config.json"


def read_keras(path: Path) -> Any:
    """The model of a `.keras` file.

    Layers of a class that Keras does not know are left out where the first two outputs do not need them, as the one
    that draws z in the usual VAE, whose class is not in the file.

    Raises
    ------
    InvalidInput
        When it is no such file, holds code, such as a Lambda layer, or needs a class that Keras does not know.
    """
    keras = keras_module()
    nodes = list(_nodes(_config(path)))
    names = [str(node["class_name"]) for node in nodes]
    code = next((name for name in names if name in _CODE), None)
    if code is not None:
        raise InvalidInput(
            f"{path.name} holds a {code} layer, which is code, and code from a file is never run; put a layer of Keras "
            "in its place, or bring the model as ONNX"
        )
    strangers = {name: _placeholder(keras) for node, name in zip(nodes, names, strict=True) if not _known(node)}
    if not _known(nodes[0]):
        raise InvalidInput(
            f"{path.name} holds a model of the class {names[0]}, which is not in the file; save its encoder and its "
            "decoder, each as a .keras file of its own"
        )
    registered = {str(node.get("registered_name")): strangers[node["class_name"]] for node in nodes if not _known(node)}
    try:
        model = keras.models.load_model(path, custom_objects={**registered, **strangers}, compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 - a damaged file can fail anywhere inside Keras
        raise _unreadable(path, error) from None
    return _pruned(model, set(strangers), path, keras)


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_CONFIG))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: BaseException) -> InvalidInput:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    way_out = "save the model again with model.save('model.keras')"
    return invalid(path.name, "a complete .keras file", reason, way_out)


def _nodes(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every description of an object in a configuration, the whole model first."""
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            yield config
        for value in config.values():
            yield from _nodes(value)
    elif isinstance(config, list):
        for value in config:
            yield from _nodes(value)


def _known(node: Mapping[str, Any]) -> bool:
    """Whether Keras itself has the class."""
    module, name = node.get("module"), str(node["class_name"])
    return name.startswith("__") or (isinstance(module, str) and module.partition(".")[0] == "keras")


def _placeholder(keras: Any) -> Any:
    """A layer that takes the place of one of an unknown class; it gives its first input and is cut off afterwards."""

    class Placeholder(keras.layers.Layer):
        @classmethod
        def from_config(cls, config: Mapping[str, Any]) -> Any:
            return cls(name=config.get("name"))

        def call(self, inputs: Any) -> Any:
            return inputs[0] if isinstance(inputs, list | tuple) else inputs

        def load_own_variables(self, store: Any) -> None:
            del store

    return Placeholder


def _pruned(model: Any, strangers: set[str], path: Path, keras: Any) -> Any:
    """The model without its placeholders."""
    if not strangers:
        return model
    outputs = getattr(model, "outputs", [])
    kept = keras.Model(model.input, list(outputs[:2]), name=model.name) if len(outputs) > 2 else model
    if any(type(layer).__name__ == "Placeholder" for layer in kept._flatten_layers()):
        raise InvalidInput(
            f"{path.name} needs the class {', '.join(sorted(strangers))}, which is not in the file; save a model of "
            "Keras's own layers, such as the encoder as far as its mean and log variance, or bring it as ONNX"
        )
    return kept
