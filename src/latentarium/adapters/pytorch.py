"""PyTorch modules, or functions on tensors, as a `LatentSpace`."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput, invalid
from latentarium.space import LatentSpace

if TYPE_CHECKING:
    import torch

Pair = tuple[NDArray[Any], NDArray[Any]]


def from_torch(
    encoder: Callable[..., Any] | None = None,
    decoder: Callable[..., Any] | None = None,
    *,
    data_shape: tuple[int, ...],
    latent_shape: tuple[int, ...] | None = None,
    device: str | None = None,
    log_likelihood: Callable[..., Any] | None = None,
    **fields: Unpack[SpaceFields],
) -> LatentSpace:
    """A latent space from torch modules, their methods, or functions on tensors.

    Modules run in evaluation mode and get their training flags back after each call; weights are never changed.

    Parameters
    ----------
    encoder : (b, *data_shape) -> codes (b, *latent_shape), or a pair (mean, log variance), which also gives the
        space a posterior and, unless `fields` name another, the prior N(0, I)
    decoder : (b, *latent_shape) -> (b, *data_shape) in data units; its derivative comes from `torch.func.jvp`
    latent_shape : asked of `encoder` when None
    device : where the modules live; by default where the first parameter is. Nothing is moved
    log_likelihood : (x, z) tensors -> log p(x|z) in nats, (b,)
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Examples
    --------
    >>> import torch
    >>> space = from_torch(torch.nn.Linear(6, 2), torch.nn.Linear(2, 6), data_shape=(6,))
    >>> space.shape, sorted(space.capabilities)
    ((2,), ['decode', 'derivative', 'encode'])
    """
    if encoder is None and decoder is None:
        raise InvalidInput("from_torch needs an encoder, a decoder or both, got neither")
    place = device or _device_of(encoder, decoder)
    encoding = _Runner(encoder, place) if encoder is not None else None
    decoding = _Runner(decoder, place) if decoder is not None else None
    probe = encoding.outputs(np.zeros((2, *data_shape), np.float32)) if encoding else ()
    shape = _latent_shape(probe, latent_shape)
    if len(probe) == 2:
        fields.setdefault("prior", Normal.standard(int(np.prod(shape))))
    fields.setdefault("name", type(encoder if decoder is None else decoder).__name__)
    fields.setdefault("provenance", {"kind": "torch"})
    return LatentSpace(
        shape=shape,
        data_shape=data_shape,
        encode_fn=encoding and (lambda x: encoding.outputs(x)[0]),
        decode_fn=decoding and (lambda z: decoding.outputs(z)[0]),
        posterior_fn=encoding.posterior if encoding and len(probe) == 2 else None,
        decode_jvp_fn=decoding.jvp if decoding and decoding.differentiable(shape) else None,
        log_likelihood_fn=_Runner(log_likelihood, place).value if log_likelihood else None,
        graphs_fn=lambda: _graphs(encoder, decoder, data_shape=data_shape, latent=shape),
        **fields,
    )


def from_module(module: Any, *, data_shape: tuple[int, ...] | None = None, **options: Any) -> LatentSpace:
    """A module with submodules named `encoder` and `decoder`, or one of them; what `as_space` does with torch."""
    from torch import nn

    if not isinstance(module, nn.Module):
        raise InvalidInput(
            f"as_space reads torch modules, got a {type(module).__name__}; use from_codes for stored codes"
        )
    parts = dict(module.named_children())
    found = {part: parts[part] for part in ("encoder", "decoder") if part in parts}
    if not found:
        raise invalid(
            type(module).__name__,
            "a module with submodules named encoder or decoder",
            f"submodules {sorted(parts)}",
            "name the halves with from_torch(encoder, decoder, data_shape=...)",
        )
    if data_shape is None:
        raise InvalidInput("data_shape must be given for a torch module; pass as_space(module, data_shape=(1, 28, 28))")
    options.setdefault("name", type(module).__name__)
    return from_torch(**found, data_shape=data_shape, **options)


@dataclass(frozen=True)
class _Runner:
    """One module or function on tensors, run on numpy batches without gradients and in evaluation mode."""

    function: Callable[..., Any]
    device: str

    def _tensors(self, arrays: tuple[FloatArray, ...]) -> "list[torch.Tensor]":
        import torch

        # A copy: a module that works in place must not reach the caller's array.
        return [torch.tensor(array, device=self.device) for array in arrays]

    def outputs(self, batch: FloatArray) -> tuple[NDArray[Any], ...]:
        """The tensor, or the pair of tensors, that the function returns."""
        import torch

        with evaluating(self.function), torch.inference_mode():
            result = self.function(*self._tensors((batch,)))
        return tuple(_to_numpy(part) for part in (result if isinstance(result, tuple | list) else (result,)))

    def value(self, *batches: FloatArray) -> NDArray[Any]:
        import torch

        with evaluating(self.function), torch.inference_mode():
            return _to_numpy(self.function(*self._tensors(batches)))

    def posterior(self, batch: FloatArray) -> Pair:
        mean, log_variance = self.outputs(batch)[:2]
        return mean, np.exp(0.5 * log_variance)

    def jvp(self, z: FloatArray, v: FloatArray) -> Pair:
        import torch

        with evaluating(self.function), torch.no_grad():
            points, vectors = self._tensors((z, v))
            value, derivative = torch.func.jvp(self.function, (points,), (vectors,))[:2]
        return _to_numpy(value), _to_numpy(derivative)

    def differentiable(self, shape: tuple[int, ...]) -> bool:
        """Whether torch knows the forward derivative of everything in the function; it says so only when run."""
        zeros = np.zeros((1, *shape), np.float32)
        try:
            self.jvp(zeros, zeros)
        except (NotImplementedError, RuntimeError, InvalidInput):
            return False
        return True


@contextmanager
def evaluating(function: Callable[..., Any]) -> Iterator[None]:
    """The module behind `function` in evaluation mode; its training flags come back afterwards."""
    module = _module_of(function)
    before = [(part, part.training) for part in module.modules()] if module is not None else []
    for part, _ in before:
        part.training = False
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def _module_of(function: object) -> Any:
    """The module behind a module or its bound method, or None."""
    from torch import nn

    owner = function.__self__ if inspect.ismethod(function) else function
    return owner if isinstance(owner, nn.Module) else None


def _device_of(*functions: object) -> str:
    modules = [module for module in map(_module_of, functions) if module is not None]
    places = [str(parameter.device) for module in modules for parameter in module.parameters()]
    return places[0] if places else "cpu"


def _to_numpy(result: object) -> NDArray[Any]:
    import torch

    if not isinstance(result, torch.Tensor):
        raise invalid("a torch encoder or decoder", "one that returns a tensor", type(result).__name__)
    return (result.float() if result.is_floating_point() else result).detach().cpu().numpy()


def _latent_shape(probe: tuple[NDArray[Any], ...], given: tuple[int, ...] | None) -> tuple[int, ...]:
    if not probe and given is None:
        raise InvalidInput("latent_shape must be given where there is no encoder")
    shapes = [part.shape for part in probe]
    if len(shapes) > 2 or any(shape != shapes[0] or len(shape) < 2 or shape[0] != 2 for shape in shapes):
        raise invalid(
            "the encoder's result", "codes (b, *latent_shape) or a pair (mean, log variance)", f"{shapes} for b = 2"
        )
    return given if given is not None else shapes[0][1:]


def _graphs(
    encoder: Callable[..., Any] | None,
    decoder: Callable[..., Any] | None,
    *,
    data_shape: tuple[int, ...],
    latent: tuple[int, ...],
) -> dict[str, bytes]:
    """The two functions as ONNX, the encoder's log variance as a standard deviation."""
    from latentarium.nn.graphs import export_module

    random = np.random.default_rng(0)
    made: dict[str, bytes] = {}
    if encoder is not None:
        rows = random.random((2, *data_shape), np.float32)
        with evaluating(encoder):
            made["encoder"] = export_module(_exportable(encoder), {"x": rows}, outputs=["mean", "std"]).data
    if decoder is not None:
        points = random.standard_normal((2, *latent), np.float32)
        with evaluating(decoder):
            made["decoder"] = export_module(_exportable(decoder), {"z": points}, outputs=["x"]).data
    return made


def _exportable(function: Callable[..., Any]) -> Any:
    """A module around `function` that gives codes, a mean and a standard deviation, or data."""
    import torch

    class Around(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.owner = _module_of(function)

        def forward(self, rows: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
            result = function(rows)
            if isinstance(result, tuple | list):
                return result[0], torch.exp(0.5 * result[1])
            return result

    return Around()
