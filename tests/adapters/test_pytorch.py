import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentarium.adapters import from_torch
from latentarium.distributions import describe
from latentarium.errors import InvalidInput

X = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)


class Vae(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)
        self.back = nn.Sequential(nn.Linear(2, 8), nn.Dropout(), nn.Tanh(), nn.Linear(8, 6))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.head(x).chunk(2, 1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        return self.back(z)


@pytest.fixture
def vae() -> Vae:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Vae()


def test_methods_of_a_module_are_taken(vae: Vae) -> None:
    space = from_torch(vae.encode, vae.decode, data_shape=(6,))
    assert space.shape == (2,)
    assert space.capabilities == {"encode", "decode", "derivative", "posterior", "prior"}
    assert describe(space.prior) == "N(0, I)"
    assert from_torch(vae.encode, vae.decode, data_shape=(6,), prior=None).prior is None
    vae.eval()
    with torch.no_grad():
        mean, log_variance = vae.encode(torch.tensor(X))
        np.testing.assert_allclose(space.decode(mean.numpy()), vae.decode(mean).numpy(), atol=1e-6)
    posterior = space.posterior(X)
    np.testing.assert_allclose(space.encode(X), mean.numpy(), atol=1e-6)
    np.testing.assert_allclose(posterior.std, log_variance.exp().sqrt().numpy(), rtol=1e-5)


def test_training_flags_come_back(vae: Vae) -> None:
    vae.train()
    vae.back[0].eval()
    before = [part.training for part in vae.modules()]
    space = from_torch(vae.encode, vae.decode, data_shape=(6,))
    assert np.array_equal(space.decode(np.ones((3, 2))), space.decode(np.ones((3, 2))))
    assert [part.training for part in vae.modules()] == before


def test_flags_come_back_after_a_failure() -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("inside")

    module = Fails()
    with pytest.raises(KeyError):
        from_torch(module, data_shape=(6,))
    assert module.training


def test_derivative_is_the_jacobian(vae: Vae) -> None:
    space = from_torch(vae.encode, vae.decode, data_shape=(6,))
    vae.eval()
    z = torch.tensor([[0.3, -0.2]])
    jacobian = torch.autograd.functional.jacobian(vae.decode, z)[0, :, 0].numpy()
    _, columns = space.decode_jvp(np.repeat(z.numpy(), 2, 0), np.eye(2))
    np.testing.assert_allclose(columns.T, jacobian, atol=1e-6)


def test_weights_and_gradients_are_left_alone(vae: Vae) -> None:
    before = [p.clone() for p in vae.parameters()]
    space = from_torch(vae.encode, vae.decode, data_shape=(6,))
    space.decode_jvp(np.ones((2, 2)), np.ones((2, 2)))
    space.reconstruct(X)
    assert all(torch.equal(a, b) for a, b in zip(before, vae.parameters(), strict=True))
    assert all(p.grad is None for p in vae.parameters())


def test_in_place_modules_do_not_reach_the_caller() -> None:
    space = from_torch(nn.ReLU(inplace=True), data_shape=(6,), batch_size=10)
    x = X.copy()
    assert (space.encode(x) >= 0).all()
    assert np.array_equal(x, X)


def test_a_decoder_without_forward_derivative_is_honest() -> None:
    class Opaque(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, z: Tensor) -> Tensor:
            return z * 2

    space = from_torch(decoder=Opaque.apply, data_shape=(2,), latent_shape=(2,))
    assert space.capabilities == {"decode"}
    with pytest.warns(UserWarning, match="central differences"):
        _, derivative = space.decode_jvp(np.zeros((1, 2)), np.ones((1, 2)))
    np.testing.assert_allclose(derivative, 2, rtol=1e-4)


def test_half_precision_results_become_single() -> None:
    space = from_torch(lambda x: x.to(torch.bfloat16), data_shape=(6,))
    assert space.encode(X).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "got neither"),
        ({"decoder": lambda z: z}, "latent_shape must be given"),
        ({"encoder": lambda x: {"z": x}}, "returns a tensor, got 'dict'"),
        ({"encoder": lambda x: (x, x, x)}, "codes .* or a pair"),
        ({"encoder": lambda x: (x, x[:, :1])}, "codes .* or a pair"),
        ({"encoder": lambda x: x.sum()}, "codes .* or a pair"),
    ],
)
def test_unusable_functions_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_torch(**arguments, data_shape=(6,))  # pyright: ignore[reportArgumentType]


def test_log_likelihood_works_on_tensors(vae: Vae) -> None:
    vae.eval()
    space = from_torch(
        vae.encode, vae.decode, data_shape=(6,), log_likelihood=lambda x, z: -((x - vae.decode(z)) ** 2).sum(1)
    )
    z = space.encode(X)
    np.testing.assert_allclose(space.log_likelihood(X, z), -((X - space.decode(z)) ** 2).sum(1), rtol=1e-4)
