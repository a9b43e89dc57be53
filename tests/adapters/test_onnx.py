"""ONNX graphs from files, bytes, models and sessions, as they come from anywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.contract.foreign import onnx_graph

from latentarium.adapters import as_space, from_onnx
from latentarium.adapters.canonical import affine_graph
from latentarium.adapters.graphs import open_session, space_from_graphs
from latentarium.checks import check_space
from latentarium.data.modalities import ImageModality
from latentarium.distributions import Normal, describe
from latentarium.errors import DamagedFile, InvalidInput

X = np.random.default_rng(0).random((7, 3, 8, 8), np.float32)


def run(data: bytes, rows: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})


def test_codes_and_data_are_those_of_the_graphs() -> None:
    space = from_onnx(onnx_graph("encoder"), onnx_graph("decoder"), values=(-1.0, 1.0))
    mean, log_variance = run(onnx_graph("encoder"), 2 * X - 1)
    np.testing.assert_allclose(space.encode(X), mean, atol=1e-5)
    np.testing.assert_allclose(space.posterior(X).std, np.exp(log_variance / 2), rtol=1e-4)
    np.testing.assert_allclose(space.decode(mean), (run(onnx_graph("decoder"), mean)[0] + 1) / 2, atol=1e-6)
    assert describe(space.prior) == "N(0, I)"


def test_files_models_and_sessions_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "dec.onnx"
    path.write_bytes(onnx_graph("decoder"))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    z = np.ones((2, 5), np.float32)
    spaces = [from_onnx(decoder=path), as_space(onnx.load(path)), as_space(session)]
    assert len({space.decode(z).tobytes() for space in spaces}) == 1
    assert spaces[0].name == "dec"
    assert as_space(onnx.load_from_string(onnx_graph("encoder"))).capabilities == {"encode", "posterior", "prior"}
    assert [space.graphs_fn is not None for space in spaces] == [True, True, False]


def test_weights_beside_the_graph_travel_with_it(tmp_path: Path) -> None:
    path = tmp_path / "decoder.onnx"
    model = onnx.load_from_string(onnx_graph("decoder"))
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    space = from_onnx(decoder=path, prior=Normal.standard(5))
    check_space(space, np.zeros((4, 3, 8, 8))).raise_if_failed()
    assert space.graphs_fn is not None
    assert len(space.graphs_fn()["decoder"]) > 4 * 5 * 192


def test_weights_that_are_lost_are_named(tmp_path: Path) -> None:
    path, weights = tmp_path / "decoder.onnx", tmp_path / "weights.bin"
    model = onnx.load_from_string(onnx_graph("decoder"))
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=r"decoder\.onnx has weights in .* weights\.bin, which is cut off; put that"):
        from_onnx(decoder=path)
    weights.unlink()
    with pytest.raises(InvalidInput, match=r"decoder\.onnx has weights in .* weights\.bin, which is missing; put that"):
        from_onnx(decoder=path)
    with pytest.raises(InvalidInput, match=r"graph has weights in a file of their own, weights\.bin, which is missing"):
        from_onnx(decoder=onnx.load(path, load_external_data=False))
    bare = onnx.load(path, load_external_data=False)
    bare.graph.initializer[0].external_data[0].value = "../weights.bin"
    (tmp_path / "inner").mkdir()
    weights.write_bytes(b"private")
    (tmp_path / "inner/decoder.onnx").write_bytes(bare.SerializeToString())
    with pytest.raises(InvalidInput, match="escapes model directory"):
        from_onnx(decoder=tmp_path / "inner/decoder.onnx")


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_number_of_rows_is_kept_to(batch: int) -> None:
    fixed = from_onnx(onnx_graph("encoder", batch=batch), onnx_graph("decoder", batch=2), values=(-1.0, 1.0))
    free = from_onnx(onnx_graph("encoder"), onnx_graph("decoder"), values=(-1.0, 1.0))
    assert fixed.batch_size == np.lcm(2, batch)
    np.testing.assert_allclose(fixed.reconstruct(X), free.reconstruct(X), atol=1e-5)
    check_space(fixed, X).raise_if_failed()


def test_open_shapes_are_asked_for() -> None:
    graph = onnx_graph("encoder", sides=("height", "width"))
    with pytest.raises(InvalidInput, match=r"leaves its shape open, \(3, \?, \?\) beyond the batch.*--shape 3,64,64"):
        from_onnx(graph)
    assert from_onnx(graph, shape=(3, 8, 8)).data_shape == (3, 8, 8)
    with pytest.raises(InvalidInput, match=r"must be one that fits the input of the encoder graph, \(3, \?, \?\)"):
        from_onnx(graph, shape=(1, 8, 8))
    with pytest.raises(InvalidInput, match=r"the graph graph refuses rows of shape \(3, 9, 9\)"):
        from_onnx(graph, shape=(3, 9, 9))


def without_shapes(data: bytes) -> bytes:
    model = onnx.load_from_string(data)
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.ClearField("shape")
    return model.SerializeToString()


def test_missing_shapes_are_asked_for() -> None:
    encoder, decoder = (without_shapes(onnx_graph(kind)) for kind in ("encoder", "decoder"))
    with pytest.raises(InvalidInput, match="leaves its shape open, unknown beyond the batch; give shape"):
        from_onnx(encoder)
    with pytest.raises(InvalidInput, match=r"input of the decoder graph leaves.*--latent-shape 4,8,8"):
        from_onnx(decoder=decoder)
    with pytest.raises(InvalidInput, match="encoder= or decoder=.*--encoder or --decoder"):
        as_space(onnx.load_from_string(decoder))
    space = from_onnx(encoder, decoder, shape=(3, 8, 8))
    assert (space.shape, space.data_shape) == ((5,), (3, 8, 8))
    assert from_onnx(decoder=decoder, latent_shape=(5,)).data_shape == (3, 8, 8)
    check_space(space, X).raise_if_failed()


def test_graphs_that_cannot_serve_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(InvalidInput, match=r"bad\.onnx must be a readable ONNX graph, got ") as caught:
        from_onnx(tmp_path / "bad.onnx")
    assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match=r"none\.onnx must be a readable ONNX graph"):
        from_onnx(tmp_path / "none.onnx")
    with pytest.raises(InvalidInput, match=r"must have one input, got 2 \(x, y\)"):
        from_onnx(two_inputs())
    with pytest.raises(InvalidInput, match=r"must take floats, got an input of tensor\(int64\)"):
        from_onnx(typed(onnx.TensorProto.INT64))
    with pytest.raises(InvalidInput, match="got neither"):
        from_onnx()


def typed(kind: int) -> bytes:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "same", [value("x", kind, ["b", 4])], [value("y", kind, ["b", 4])])
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def two_inputs() -> bytes:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Add", ["x", "y"], ["z"])
    ends = [value(name, onnx.TensorProto.FLOAT, ["b", 4]) for name in ("x", "y", "z")]
    graph = onnx.helper.make_graph([node], "sum", ends[:2], ends[2:])
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


@pytest.mark.parametrize("kind", [onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16])
def test_other_floats_are_converted_also_in_the_stored_graph(kind: int) -> None:
    space = from_onnx(typed(kind), typed(kind), prior=Normal.standard(4))
    x = np.random.default_rng(0).random((5, 4), np.float32)
    np.testing.assert_allclose(space.reconstruct(x), x, atol=1e-3)
    check_space(space, x).raise_if_failed()


def test_channels_last_graphs_are_turned_and_stored_turned() -> None:
    random = np.random.default_rng(1)
    encoder = affine_graph(random.normal(size=(24, 2)), random.normal(size=2), names=("a", "b"))
    decoder = affine_graph(random.normal(size=(2, 24)), random.normal(size=24), names=("a", "b"))
    space = from_onnx(encoder, decoder, shape=(2, 4, 3), channels_last=True, values=(0, 255))
    x = random.random((6, 3, 2, 4), np.float32)
    expected = run(encoder, (255 * x.transpose(0, 2, 3, 1)).reshape(6, 24))[0]
    np.testing.assert_allclose(space.encode(x), expected, rtol=1e-4)
    check_space(space, x).raise_if_failed()


def test_what_leaves_the_range_of_a_modality_is_clipped_also_in_the_stored_graph() -> None:
    decoder = affine_graph(np.eye(1, 64) * 9, np.full(64, 0.5), names=("a", "b"))
    modality = ImageModality(channels=1, height=8, width=8)
    space = from_onnx(decoder=decoder, shape=(1, 8, 8), modality=modality, prior=Normal.standard(1))
    assert space.decode([[1.0], [-1.0]])[:, 0, 0, 0].tolist() == [1, 0]
    check_space(space, np.zeros((4, 1, 8, 8))).raise_if_failed()


def test_damaged_graphs_of_a_bundle_are_named(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(DamagedFile, match="the ONNX graphs of 'other' cannot be read") as caught:
        opened({"encoder": tmp_path / "encoder.onnx"}, name="other")
    assert "\n" not in str(caught.value)


def opened(graphs: dict[str, Any], **options: Any) -> object:
    return space_from_graphs(graphs, shape=(3,), data_shape=(1, 8, 8), variational=True, **options)


def test_no_rows_give_no_rows() -> None:
    assert open_session(onnx_graph("decoder")).outputs(np.zeros((2, 5), np.float32))[0].shape == (2, 3, 8, 8)
    assert from_onnx(decoder=onnx_graph("decoder")).decode(np.zeros((0, 5))).shape == (0, 3, 8, 8)
