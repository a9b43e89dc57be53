"""Encoder and decoder for the page: the bundle's ONNX graphs, with pairs that the page must reproduce."""

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import MODEL, Bundle, Writer, bytes_writer
from latentarium.explorer.draft import Draft
from latentarium.explorer.wire import Graph
from latentarium.nn.graphs import TOLERANCE, ExportFailed, with_halves

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
PAIRS = 4


def with_graphs(bundle: Bundle) -> tuple[Bundle, list[str]]:
    """The bundle with those ONNX files that it lacked and its weights can give, and why others cannot be had."""
    from latentarium.models.export import export_decoder, export_encoder
    from latentarium.models.stored import model_from_weights

    wanted = [name for name in (DECODER, ENCODER) if not bundle.has(name)]
    if not wanted or not bundle.built_in:
        return bundle, []
    architecture, weights = bundle.manifest["architecture"], bundle.tensors(MODEL)
    model = model_from_weights(architecture, weights, bundle.modality, name=bundle.name)
    writers: dict[str, Writer] = {}
    notes: list[str] = []
    try:
        if DECODER in wanted:
            graph = export_decoder(model, np.array(bundle.codes[:8]))
            writers[DECODER] = bytes_writer(with_halves(graph.data))
        if ENCODER in wanted:
            graph = export_encoder(model, bundle.modality.to_array(np.asarray(bundle.kept[:8])))
            writers[ENCODER] = bytes_writer(with_halves(graph.data))
    except ExportFailed as error:
        notes.append(str(error))
    return (bundle.with_files(writers) if writers else bundle), notes


def decoder_graph(bundle: Bundle, codes: NDArray[np.float32], draft: Draft) -> Graph | None:
    """The decoder and what it must give for the first codes."""
    if not bundle.has(DECODER) or not len(codes):
        return None
    z = codes[:PAIRS]
    x = bundle.space.decode(z.reshape(-1, *bundle.space.shape)).reshape(len(z), -1)
    return _graph(bundle, DECODER, z, x, draft)


def encoder_graph(bundle: Bundle, codes: NDArray[np.float32], draft: Draft) -> Graph | None:
    """The encoder and what it must give for what the first codes decode to: for no row, so that none is passed on."""
    if not bundle.has(ENCODER) or "decode" not in bundle.space.capabilities or not len(codes):
        return None
    low, high = bundle.modality.low, bundle.modality.high
    x = np.clip(bundle.space.decode(codes[:PAIRS].reshape(-1, *bundle.space.shape)), low, high)
    z = bundle.space.encode(x).reshape(len(x), -1)
    return _graph(bundle, ENCODER, x.reshape(len(x), -1), z, draft)


def _graph(bundle: Bundle, file: str, given: NDArray[np.float32], expected: NDArray[np.float32], draft: Draft) -> Graph:
    kind = file.removesuffix(".onnx")
    return Graph(
        file=file,
        bytes=bundle.file(file).stat().st_size,
        inputs=draft.array(f"{kind}-given", given, "f32"),
        outputs=draft.array(f"{kind}-expected", expected, "f32"),
        conditions=int(bundle.manifest["architecture"].get("conditions", 0)) if file == DECODER else 0,
        tolerance=TOLERANCE * max(1.0, float(np.abs(expected).max())),
    )
