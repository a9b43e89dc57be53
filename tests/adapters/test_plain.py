import json

import numpy as np
import pytest

from latentarium.adapters import from_callables, from_codes
from latentarium.distributions import Empirical, Normal
from latentarium.errors import InvalidInput, MissingCapability


def test_latent_shape_is_asked_of_the_encoder() -> None:
    space = from_callables(lambda x: x.reshape(-1, 2, 3)[:, :, :2], data_shape=(6,))
    assert space.shape == (2, 2)


def test_neither_function_is_refused() -> None:
    with pytest.raises(InvalidInput, match="got neither"):
        from_callables(data_shape=(2,))


def test_a_lone_decoder_needs_the_latent_shape() -> None:
    with pytest.raises(InvalidInput, match="latent_shape must be given"):
        from_callables(decode=lambda z: z, data_shape=(2,))


def test_an_encoder_that_drops_rows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="shape"):
        from_callables(lambda x: x.mean(0), data_shape=(2,))


def test_fields_are_passed_on() -> None:
    space = from_callables(lambda x: x, data_shape=(2,), name="n", axes=("a", "b"), prior=Normal.standard(2))
    assert (space.name, space.axes, "prior" in space.capabilities) == ("n", ("a", "b"), True)


def test_codes_can_only_be_resampled() -> None:
    codes = np.arange(12.0).reshape(4, 3)
    space = from_codes(codes, ids=["a", "b", "c", "d"], name="tsne")
    assert space.capabilities == {"prior"}
    assert isinstance(space.prior, Empirical)
    rows = {tuple(row) for row in space.sample_latents(50, seed=1).tolist()}
    assert rows == {tuple(row) for row in codes.tolist()}
    with pytest.raises(MissingCapability, match=r"'tsne' cannot decode: it has no decode_fn. Has: \['prior'\]"):
        space.decode(codes)


def test_codes_are_kept_apart_from_the_callers_array() -> None:
    codes = np.zeros((4, 2), np.float32)
    space = from_codes(codes)
    codes[:] = 9
    assert not space.sample_latents(4, seed=0).any()


def test_codes_of_any_latent_shape() -> None:
    space = from_codes(np.zeros((5, 4, 2, 2)))
    assert space.shape == (4, 2, 2)
    assert space.sample_latents(3, seed=0).shape == (3, 4, 2, 2)


def test_provenance_is_json_ready_and_kept() -> None:
    space = from_codes(np.zeros((3, 2)), ids=np.array([7, 8, 9]), provenance={"source": "x"})
    assert json.loads(json.dumps(space.provenance)) == {"kind": "codes", "n": 3, "source": "x", "ids": [7, 8, 9]}


@pytest.mark.parametrize(
    ("codes", "ids", "message"),
    [
        (np.zeros(3), None, r"codes\.shape must be"),
        (np.zeros((0, 2)), None, r"codes\.shape must be"),
        (np.array([[1.0, np.nan]]), None, "must be finite"),
        (np.array([["a"]]), None, "numeric"),
        (np.zeros((2, 2)), [1], "ids must be 2 values"),
        (np.zeros((2, 2)), [1, 1], "ids must be distinct"),
    ],
)
def test_bad_codes_are_refused(codes: np.ndarray, ids: list[int] | None, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_codes(codes, ids)
