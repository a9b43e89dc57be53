"""A decoder that reads its own symbols runs without Python: two graphs and a loop told in JSON."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tests.data.lines import sentences
from tests.data.tunes import write_tunes
from tests.training.small import small

from latentarium.data import open_source, rows_from_arrays
from latentarium.models.export import export_graphs
from latentarium.training.fit import train
from latentarium.training.save import space_of


def run_loop(folder: Path, z: NDArray[np.float32]) -> NDArray[np.int64]:
    """What steps.json tells a page to do, in as many words."""
    told = json.loads((folder / "steps.json").read_text())
    context, step = (onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in ("context", "step"))
    (contexts,) = context.run(None, {"z": z})
    state = np.zeros((len(z), told["state"]), np.float32)
    before = np.full(len(z), told["first"], np.int64)
    symbols = []
    for t in range(told["steps"]):
        if told["restart"] and t % told["restart"] == 0:
            state = np.zeros_like(state)
        log_probability, state = step.run(None, {"context": contexts[:, :, t], "before": before, "state": state})
        before = log_probability.argmax(1)
        symbols.append(before)
    return np.stack(symbols, axis=1)


def test_the_loop_writes_lines(tmp_path: Path) -> None:
    rows = rows_from_arrays(sentences(), pairs=60)
    fitted = train(rows, small(steps=150, learning_rate=1e-2))
    space = space_of(fitted)
    codes = space.encode(rows.array("test"))
    graphs, loop = export_graphs(fitted.model, rows.array("test")[:8], codes[:8])
    assert loop is not None
    assert (loop["end"], loop["restart"]) == (0, 0)
    for name, graph in graphs.items():
        (tmp_path / f"{name}.onnx").write_bytes(graph.data)
    (tmp_path / "steps.json").write_text(json.dumps(loop))
    z = np.concatenate([codes, 3 * space.sample_latents(20, seed=0)])
    found = run_loop(tmp_path, z)
    assert (found == space.decode(z).argmax(1)).all()
    assert len(set(rows.modality.texts(found))) > 5  # type: ignore[attr-defined]


def test_the_loop_of_graphs_is_the_decoder(tmp_path: Path) -> None:
    rows = open_source(write_tunes(tmp_path / "tunes"), size=3)
    fitted = train(rows, small(net="recurrent", steps=20, kl_warmup=1.0))
    space = space_of(fitted)
    x = rows.array(slice(0, 12))
    codes = space.encode(x)
    graphs, loop = export_graphs(fitted.model, x[:8], codes[:8])
    assert set(graphs) == {"encoder", "context", "step"}
    assert loop is not None
    assert (loop["steps"], loop["symbols"], loop["restart"]) == (48, 90, 16)
    for name, graph in graphs.items():
        (tmp_path / f"{name}.onnx").write_bytes(graph.data)
    (tmp_path / "steps.json").write_text(json.dumps(loop))
    # far points differ more than the few codes of a short fit
    z = np.concatenate([codes, 3 * space.sample_latents(20, seed=0)])
    expected = space.decode(z).argmax(1)
    assert len(np.unique(expected, axis=0)) > 5
    assert (run_loop(tmp_path, z) == expected).all()
