import subprocess
import sys

import numpy as np
import pytest

from latentarium.adapters import as_space, from_callables
from latentarium.errors import InvalidInput
from latentarium.space import LatentSpace

HALF = from_callables(lambda x: x / 2, data_shape=(2,), name="half")


class Knows:
    def __latent_space__(self) -> LatentSpace:
        return HALF


class Lies:
    def __latent_space__(self) -> int:
        return 3


def test_a_space_is_itself() -> None:
    assert as_space(HALF) is HALF


def test_a_class_that_knows_its_space_is_asked() -> None:
    assert as_space(Knows()) is HALF


def test_the_protocol_comes_before_the_framework() -> None:
    from sklearn.decomposition import PCA

    class Own(PCA):
        def __latent_space__(self) -> LatentSpace:
            return HALF

    assert as_space(Own(1)) is HALF


def test_a_protocol_that_lies_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"Lies.__latent_space__\(\) must return a LatentSpace, got int"):
        as_space(Lies())


def test_an_instance_attribute_is_not_the_protocol() -> None:
    thing = Lies.__new__(type("Plain", (), {}))
    thing.__latent_space__ = lambda: HALF
    with pytest.raises(InvalidInput, match="cannot read"):
        as_space(thing)


@pytest.mark.parametrize("thing", [3, "vae", None, np.zeros((2, 2)), object()])
def test_strangers_are_told_both_ways_out(thing: object) -> None:
    with pytest.raises(InvalidInput, match=r"__latent_space__\(\).*from_callables"):
        as_space(thing)


def test_options_without_a_taker_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no options for a LatentSpace, got name"):
        as_space(HALF, name="other")
    with pytest.raises(TypeError, match="colour"):
        from_callables(lambda x: x, data_shape=(2,), colour="red")  # pyright: ignore[reportCallIssue]


def test_subclasses_of_a_framework_are_recognised() -> None:
    from sklearn.decomposition import PCA

    class Mine(PCA):
        pass

    space = as_space(Mine(2).fit(np.random.default_rng(0).normal(size=(20, 4))))
    assert space.name == "Mine"
    assert "derivative" in space.capabilities


def test_torch_module_with_an_encoder_and_a_decoder() -> None:
    from torch import nn

    both = nn.ModuleDict({"encoder": nn.Linear(4, 2), "decoder": nn.Linear(2, 4)})
    space = as_space(both, data_shape=(4,))
    assert space.capabilities == {"encode", "decode", "derivative"}
    assert space.name == "ModuleDict"
    with pytest.raises(InvalidInput, match="data_shape must be given"):
        as_space(both)
    with pytest.raises(InvalidInput, match="submodules named encoder or decoder"):
        as_space(nn.Sequential(nn.Linear(4, 2)), data_shape=(4,))


def test_a_tensor_is_pointed_to_from_codes() -> None:
    import torch

    with pytest.raises(InvalidInput, match="from_codes"):
        as_space(torch.zeros(3, 2))


def test_no_framework_is_imported_for_strangers() -> None:
    code = (
        "import sys; from latentarium.adapters import as_space, from_callables\n"
        "as_space(from_callables(lambda x: x, data_shape=(2,)))\n"
        "try: as_space(3)\n"
        "except ValueError: pass\n"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
