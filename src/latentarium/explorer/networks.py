"""Encoder and decoder for the page: the bundle's ONNX graphs, with pairs that the page must reproduce."""

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import MODEL, Bundle, Writer, bytes_writer
from latentarium.explorer.draft import Draft
from latentarium.explorer.kinds import RAW
from latentarium.explorer.wire import Graph, Loop
from latentarium.nn.graphs import TOLERANCE, ExportFailed, run_graph
from latentarium.nn.quantised import with_bytes

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
CONTEXT, STEP, STEPS = "context.onnx", "step.onnx", "steps.json"
FILES = (ENCODER, DECODER, CONTEXT, STEP, STEPS)
SMALL = "decoder-small.onnx"
PAIRS = 4
LEAST_PSNR, MEASURED = 40.0, 256
"""Decibels that a decoder with weights in 8 bits has to reach over so many codes."""
MOST_OF_SIZE = 0.75
"""What of the stored decoder's size it may have."""


def with_graphs(bundle: Bundle) -> tuple[Bundle, list[str]]:
    """The bundle with those ONNX files that it lacked and its weights can give, and why others cannot be had."""
    if not bundle.built_in or (bundle.has(ENCODER) and (bundle.has(DECODER) or bundle.has(STEPS))):
        return bundle, []
    from latentarium.models.export import graph_files
    from latentarium.models.stored import model_from_weights

    architecture, weights = bundle.manifest["architecture"], bundle.tensors(MODEL)
    model = model_from_weights(architecture, weights, bundle.modality, name=bundle.name)
    rows = bundle.modality.to_array(np.asarray(bundle.kept[:8]))
    writers: dict[str, Writer] = {}
    notes: list[str] = []
    for name, make in graph_files(model, rows, np.array(bundle.codes[:8])).items():
        try:
            if not bundle.has(name):
                writers[name] = bytes_writer(make())
        except ExportFailed as error:
            notes.append(str(error))
    return (bundle.with_files(writers) if writers else bundle), notes


def decoder_graph(bundle: Bundle, codes: NDArray[np.float32], draft: Draft) -> Graph | None:
    """The decoder, in one graph or two, and what it must give for the first codes."""
    file = DECODER if bundle.has(DECODER) else CONTEXT
    if not bundle.has(file) or not len(codes):
        return None
    z = codes[:PAIRS]
    x = bundle.space.decode(z.reshape(-1, *bundle.space.shape)).reshape(len(z), -1)
    return _graph(bundle, file, z, x, draft)


def small_decoder(bundle: Bundle, codes: NDArray[np.float32], draft: Draft) -> Graph | None:
    """The decoder with weights in 8 bits, where it is as near to the trained network as `LEAST_PSNR` and much smaller.

    Of melodies and drums each symbol has to be the same too. A decoder in two graphs has none: it would read again what
    it took wrong once.
    """
    if not bundle.has(DECODER) or not len(codes) or bundle.manifest["architecture"].get("conditions"):
        return None
    stored = bundle.file(DECODER).read_bytes()
    data = with_bytes(stored)
    if len(data) > MOST_OF_SIZE * len(stored):
        return None
    z = codes[:MEASURED]
    exact = bundle.space.decode(z.reshape(-1, *bundle.space.shape))
    near = run_graph(data, z.reshape(-1, *bundle.space.shape))
    quality = _psnr(exact, near)
    modality = bundle.modality
    same = not isinstance(modality, RAW) or np.array_equal(modality.to_raw(exact), modality.to_raw(near))
    if quality < LEAST_PSNR or not same:
        return None
    expected = near[:PAIRS].reshape(min(PAIRS, len(z)), -1)
    return Graph(
        file=draft.add(SMALL, data),
        loop=None,
        bytes=len(data),
        inputs=draft.array("decoder-given", z[:PAIRS], "f32"),
        outputs=draft.array("small-expected", expected, "f32"),
        conditions=0,
        tolerance=_tolerance(expected),
        psnr=quality,
    )


def _psnr(exact: NDArray[np.float32], near: NDArray[np.float32]) -> float:
    """Peak signal to noise ratio in dB over the range of `exact`, at most 120."""
    error = float(np.square(near - exact, dtype=np.float64).mean())
    reach = float(np.ptp(exact)) or 1.0
    return min(120.0, 10 * np.log10(reach**2 / max(error, 1e-30)))


def encoder_graph(bundle: Bundle, codes: NDArray[np.float32], draft: Draft) -> Graph | None:
    """The encoder and what it must give for what the first codes decode to: for no row, so that none is passed on."""
    if not bundle.has(ENCODER) or "decode" not in bundle.space.capabilities or not len(codes):
        return None
    low, high = bundle.modality.low, bundle.modality.high
    x = np.clip(bundle.space.decode(codes[:PAIRS].reshape(-1, *bundle.space.shape)), low, high)
    z = bundle.space.encode(x).reshape(len(x), -1)
    return _graph(bundle, ENCODER, x.reshape(len(x), -1), z, draft)


def _graph(bundle: Bundle, file: str, given: NDArray[np.float32], expected: NDArray[np.float32], draft: Draft) -> Graph:
    kind = "encoder" if file == ENCODER else "decoder"
    loop = _loop(bundle) if file == CONTEXT else None
    return Graph(
        file=file,
        loop=loop,
        bytes=sum(bundle.file(name).stat().st_size for name in (file, *([loop.file] if loop else []))),
        inputs=draft.array(f"{kind}-given", given, "f32"),
        outputs=draft.array(f"{kind}-expected", expected, "f32"),
        conditions=int(bundle.manifest["architecture"].get("conditions", 0)) if kind == "decoder" else 0,
        tolerance=_tolerance(expected),
        psnr=None,
    )


def _tolerance(expected: NDArray[np.float32]) -> float:
    return TOLERANCE * max(1.0, float(np.abs(expected).max()))


def _loop(bundle: Bundle) -> Loop:
    told = bundle.json(STEPS)
    numbers = {name: int(told[name]) for name in ("steps", "symbols", "state", "first", "restart")}
    return Loop(file=STEP, **numbers, end=told.get("end"))
