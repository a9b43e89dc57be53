"""Melodies and drums in a view: raw rows, the range of notes, and graphs in one piece or two."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.explorer.test_view import order_of, read, viewed

from latentarium.bundle import Bundle, open_bundle
from latentarium.data.music.notes import notes_of
from latentarium.explorer.cache import FOLDER, VIEW, with_view
from latentarium.explorer.networks import CONTEXT, STEP, STEPS
from latentarium.explorer.site import make_site
from latentarium.explorer.wire import DrumKind, MelodyKind
from latentarium.nn.graphs import run_graph


@pytest.mark.parametrize("name", ["melody", "recurrent", "drums"])
def test_rows_of_music_are_kept_raw(name: str, request: pytest.FixtureRequest) -> None:
    bundle: Bundle = request.getfixturevalue(name)
    view, order = viewed(bundle), order_of(bundle)
    assert view.inputs is not None
    assert view.inputs.values.dtype == "u8"
    raw = read(bundle, view.inputs.values)
    cells = np.arange(len(raw)) if view.inputs.rows is None else read(bundle, view.inputs.rows)
    place = {row: number for number, row in enumerate(bundle.kept_rows.tolist())}
    kept = [(cell, place[order[row]]) for cell, row in enumerate(cells) if order[row] in place]
    assert len(kept) > 5
    for cell, number in kept:
        assert np.array_equal(raw[cell], np.asarray(bundle.kept[number]).ravel())


def test_the_range_of_a_melody_space_is_that_of_its_notes(melody: Bundle) -> None:
    kind = viewed(melody).modality
    assert isinstance(kind, MelodyKind)
    pitches = np.concatenate([n.pitches for n in notes_of(melody.modality, melody.kept)])  # type: ignore[arg-type]
    inside = (pitches >= kind.low) & (pitches <= kind.high)
    assert 0.97 < inside.mean() <= 1
    assert (kind.bars, kind.symbols, kind.first, kind.lowest) == (2, 90, 2, 21)


def test_a_pattern_names_its_drums(drums: Bundle) -> None:
    kind = viewed(drums).modality
    assert isinstance(kind, DrumKind)
    assert (kind.names[0], kind.pitches[0][0], len(kind.names)) == ("kick", 36, 9)


def test_a_decoder_that_reads_its_own_symbols_comes_in_two_graphs(recurrent: Bundle) -> None:
    graph = viewed(recurrent).decoder
    assert graph is not None
    assert graph.loop is not None
    told = json.loads(recurrent.file(STEPS).read_text())
    assert (graph.file, graph.loop.file) == (CONTEXT, STEP)
    assert (graph.loop.steps, graph.loop.restart) == (told["steps"], told["restart"]) == (48, 16)
    z = read(recurrent, graph.inputs)
    assert np.allclose(read(recurrent, graph.outputs), recurrent.space.decode(z).reshape(len(z), -1), atol=1e-6)
    names = make_site([recurrent], api=False).files
    assert {f"spaces/space/{name}" for name in (CONTEXT, STEP)} <= set(names)


def test_graphs_that_a_bundle_lacks_are_made_again(recurrent: Bundle, tmp_path: Path) -> None:
    import shutil

    bare = open_bundle(shutil.copytree(recurrent.path, tmp_path / "space")).with_files(
        {}, without=[STEP, STEPS, f"{FOLDER}/{VIEW}"]
    )
    again = with_view(bare)
    assert viewed(again).decoder == viewed(recurrent).decoder
    assert again.file(STEP).read_bytes() == recurrent.file(STEP).read_bytes()


def test_weights_in_8_bits_are_taken_where_they_do(fashion: Bundle, melody: Bundle, recurrent: Bundle) -> None:
    small, decoder = viewed(fashion).small, viewed(fashion).decoder
    assert small is not None
    assert decoder is not None
    assert small.bytes < 0.75 * decoder.bytes
    z = fashion.codes[200:400]
    near, exact = run_graph(fashion.file(f"{FOLDER}/{small.file}").read_bytes(), z), fashion.space.decode(z)
    psnr = -10 * np.log10(np.square(near - exact).mean())
    assert psnr > 40
    assert small.psnr == pytest.approx(psnr, abs=2)
    # one note in some hundreds would be another
    assert viewed(melody).small is None
    assert viewed(recurrent).small is None


def test_a_site_has_one_decoder_and_a_server_the_exact_one(fashion: Bundle) -> None:
    def decoder(**options: bool) -> tuple[str, set[str]]:
        site = make_site([fashion], **options)  # type: ignore[arg-type]
        stored = json.loads(site.files["spaces/fashion/view.json"])  # type: ignore[arg-type]
        assert stored["small"] is None
        names = {name.rpartition("/")[2] for name in site.files}
        assert stored["decoder"]["outputs"]["file"] in names
        return stored["decoder"]["file"], {"decoder.onnx", "decoder-small.onnx"} & names

    assert decoder(api=False) == ("decoder-small.onnx", {"decoder-small.onnx"})
    assert decoder(api=False, exact=True) == ("decoder.onnx", {"decoder.onnx"})
    assert decoder(api=True) == ("decoder.onnx", {"decoder.onnx"})
