"""`as_space`: any known object as a `LatentSpace`, without a registry and without importing unused frameworks."""

from collections.abc import Callable, Mapping
from typing import Any

from latentarium.adapters.diffusion import from_diffusers
from latentarium.adapters.kerasmodels import from_keras_model
from latentarium.adapters.onnxfiles import from_session
from latentarium.adapters.pytorch import from_module
from latentarium.adapters.scikit import from_sklearn
from latentarium.errors import InvalidInput
from latentarium.space import LatentSpace

# A model of diffusers, or of Keras on torch, is a torch module too: its own classes come first in its ancestry.
_BY_MODULE_ROOT: Mapping[str, Callable[..., LatentSpace]] = {
    "diffusers": from_diffusers,
    "keras": from_keras_model,
    "onnx": from_session,
    "onnxruntime": from_session,
    "sklearn": from_sklearn,
    "torch": from_module,
}


def as_space(obj: object, **options: Any) -> LatentSpace:
    """`obj` as a `LatentSpace`.

    Asked in order: is it a `LatentSpace`; does its class define `__latent_space__()`, which returns one; does a
    class it inherits from belong to a framework with an adapter: diffusers, keras, onnx, onnxruntime, sklearn, torch.

    Parameters
    ----------
    obj : a latent space, an object that knows its latent space, a fitted scikit-learn transformer, a torch module or
        Keras model with parts named `encoder` and `decoder` (or one of them), an autoencoder of diffusers, or an ONNX
        model or session that is an encoder or a decoder by its shapes
    options : passed on to the framework's adapter; a torch module needs `data_shape`, an `AutoencoderTiny` `size`

    Raises
    ------
    InvalidInput
        When nobody knows how to see `obj` as a latent space, or an option has nobody to take it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> space = as_space(PCA(2).fit(np.random.default_rng(0).normal(size=(20, 5))))
    >>> space.shape, space.data_shape
    ((2,), (5,))
    """
    if isinstance(obj, LatentSpace):
        return _without_options(obj, obj, options)
    own = getattr(type(obj), "__latent_space__", None)
    if own is not None:
        space = own(obj)
        if not isinstance(space, LatentSpace):
            raise InvalidInput(
                f"{type(obj).__name__}.__latent_space__() must return a LatentSpace, got {type(space).__name__}"
            )
        return _without_options(space, obj, options)
    for ancestor in type(obj).__mro__:
        adapter = _BY_MODULE_ROOT.get(ancestor.__module__.partition(".")[0])
        if adapter is not None:
            return adapter(obj, **options)
    raise InvalidInput(
        f"as_space cannot read a {type(obj).__module__}.{type(obj).__qualname__}; define __latent_space__() in its "
        "class, or build the space with from_callables, from_torch, from_keras, from_onnx, from_diffusers, "
        "from_sklearn or from_codes"
    )


def _without_options(space: LatentSpace, obj: object, options: Mapping[str, Any]) -> LatentSpace:
    if options:
        raise InvalidInput(f"as_space takes no options for a {type(obj).__name__}, got {', '.join(sorted(options))}")
    return space
