"""The view says of a bundle what is true of it, and is made anew when the bundle changes."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import run_in_process

from latentarium.bundle import Bundle, open_bundle, table_writer
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.explorer import codes as code_parts
from latentarium.explorer.cache import FOLDER, view_of, with_view
from latentarium.explorer.draft import Draft
from latentarium.explorer.wire import ArrayFile, CategoryColumn, ImageKind, NumberColumn, Packed, TableKind, View
from latentarium.shipped import copy_shipped

DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f32": "<f4"}


def viewed(bundle: Bundle) -> View:
    found = view_of(bundle)
    assert found is not None
    return found


def read(bundle: Bundle, file: ArrayFile) -> np.ndarray:
    return np.fromfile(bundle.file(f"{FOLDER}/{file.file}"), DTYPES[file.dtype]).reshape(file.shape)


def unpacked(bundle: Bundle, packed: Packed) -> np.ndarray:
    return read(bundle, packed.array) * np.array(packed.scale) + np.array(packed.offset)


def order_of(bundle: Bundle) -> np.ndarray:
    """Row of the bundle behind each row of the view, by its id."""
    ids = json.loads(bundle.file(f"{FOLDER}/{viewed(bundle).ids}").read_text())
    places = {name: number for number, name in enumerate(bundle.ids)}
    return np.array([places[name] for name in ids])


def test_codes_labels_and_ids_belong_to_the_same_rows(fashion: Bundle) -> None:
    view, order = viewed(fashion), order_of(fashion)
    assert sorted(order) == list(range(500))
    assert not np.array_equal(order, np.arange(500)), "rows are in a random order"
    codes = unpacked(fashion, view.latent)
    step = np.array(view.latent.scale)
    assert (np.abs(codes - fashion.codes[order]) <= 0.51 * step).all()
    (label,) = [c for c in view.columns if isinstance(c, CategoryColumn) and c.name == "label"]
    names = np.array(label.names)[read(fashion, label.values)]
    assert (names == fashion.column("label")[order]).all()
    assert label.counts == [int((names == name).sum()) for name in label.names]


def test_a_pca_can_be_walked_back_and_tsne_places_are_those_of_the_map(fashion: Bundle) -> None:
    from latentarium.applications.mapping import read_map

    view, order = viewed(fashion), order_of(fashion)
    tsne, pca = view.maps
    assert [tsne.name, pca.name] == ["tsne", "pca"]
    stored = read_map(fashion, "tsne")
    expected = stored.coordinates[np.argsort(stored.ids)][order]
    assert np.abs(unpacked(fashion, tsne.points) - expected).max() < 1e-3 * np.ptp(expected)
    assert pca.linear is not None
    axes, mean = np.array(pca.linear.axes), np.array(pca.linear.mean)
    assert np.allclose(axes @ axes.T, np.eye(2), atol=1e-9)
    exact = (fashion.codes[order] - mean) @ axes.T
    places = unpacked(fashion, pca.points)
    assert np.abs(places - exact).max() < 1e-3
    assert pca.points.scale[0] == pca.points.scale[1], "both axes have one unit"


def test_errors_are_those_of_the_space_and_the_first_row_is_in_their_middle(fashion: Bundle) -> None:
    view, order = viewed(fashion), order_of(fashion)
    (error,) = [c for c in view.columns if isinstance(c, NumberColumn) and c.name == "reconstruction_error"]
    shown = read(fashion, error.values)
    x = fashion.modality.to_array(fashion.kept)[np.argsort(np.argsort(fashion.kept_rows))]
    again = fashion.space.reconstruct(x)
    expected = np.square(again - x).reshape(len(x), -1).mean(1)
    assert np.allclose(shown, expected[order], atol=1e-5)
    assert abs(shown[view.first] - np.median(shown)) < 1e-3


def test_pictures_lie_in_the_cells_of_their_rows(fashion: Bundle, avatars: Bundle) -> None:
    for bundle in (fashion, avatars):
        view, order = viewed(bundle), order_of(bundle)
        assert view.thumbs is not None
        assert view.thumbs.rows is None, "every row has a picture"
        sheet = np.asarray(Image.open(io.BytesIO(bundle.file(f"{FOLDER}/{view.thumbs.sheets[0]}").read_bytes())))
        wide, tall = view.thumbs.width, view.thumbs.height
        for row in (0, 7, view.thumbs.count - 1):
            left, top = row % view.thumbs.across * wide, row // view.thumbs.across * tall
            cell = sheet[top : top + tall, left : left + wide].astype(float)
            raw = bundle.kept[order[row]].transpose(1, 2, 0).astype(float)
            assert np.abs(cell - raw).mean() < 6


def test_dimensions_are_ranked_by_what_they_change(fashion: Bundle) -> None:
    raw, principal = viewed(fashion).bases
    assert raw.axes is None
    effects = [raw.dimensions[k].effect for k in raw.order]
    assert effects == sorted(effects, key=lambda e: -(e or 0))
    assert sum(raw.dimensions[0].histogram.counts) == 500
    assert principal.axes is not None
    axes = np.array(principal.axes)
    assert np.allclose(axes @ axes.T, np.eye(16), atol=1e-9)
    spread = [d.std for d in principal.dimensions]
    assert spread == sorted(spread, reverse=True)
    k = raw.order[0]
    base = fashion.codes[order_of(fashion)[:8]]
    step = np.eye(16, dtype=np.float32)[k] * raw.dimensions[k].std / 2
    change = fashion.space.decode(base + step) - fashion.space.decode(base - step)
    assert effects[0] == pytest.approx(float(np.sqrt(np.square(change).mean())), rel=1e-4)


def test_a_collapsed_dimension_is_told_apart() -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(300, 3)).astype(np.float32) * np.array([1, 0.01, 1], np.float32)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.stack([z[:, 0], 3 * z[:, 2]], axis=1)

    raw, _ = code_parts.bases(codes, decode)
    assert [d.active for d in raw.dimensions] == [True, False, True]
    assert raw.order == [2, 0, 1]
    silent, _ = code_parts.bases(codes, None)
    assert [d.active for d in silent.dimensions] == [True, False, True]
    assert silent.dimensions[0].effect is None


def test_typicality_counts_the_tenth_neighbour_of_each_row() -> None:
    line = np.arange(50, dtype=np.float32)[:, None]
    found = code_parts.typicality(line)
    assert (found.rows, found.neighbours) == (50, 10)
    assert found.distance[0] == 5, "in the middle five lie on either side"
    assert found.distance[-1] == 10, "at the ends all lie on one side"
    assert found.length[-1] == pytest.approx(24.5)
    alone = code_parts.typicality(line[:1])
    assert alone.neighbours == 0
    assert set(alone.distance) == {0.0}


def test_graphs_come_with_pairs_that_torch_made(fashion: Bundle) -> None:
    import onnxruntime

    for graph in (viewed(fashion).decoder, viewed(fashion).encoder):
        assert graph is not None
        session = onnxruntime.InferenceSession(fashion.file(graph.file), providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        given = read(fashion, graph.inputs).reshape(-1, *entry.shape[1:])
        got = session.run(None, {entry.name: given})[0].reshape(len(given), -1)
        assert np.abs(got - read(fashion, graph.outputs)).max() <= graph.tolerance


def test_neighbour_distances_leave_the_code_itself_out(fashion: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    view, order = viewed(fashion), order_of(fashion)
    (column,) = [c for c in view.columns if c.name == "neighbour_distance"]
    codes = fashion.codes[order]
    all_pairs = np.sort(np.linalg.norm(codes[:, None] - codes[None], axis=2), axis=1)
    assert np.allclose(read(fashion, column.values), all_pairs[:, 10], atol=1e-4)
    monkeypatch.setattr(code_parts, "_SPARSE_REFERENCE", 100)
    monkeypatch.setattr(code_parts, "_SPARSE_ASKED", 400)
    found = code_parts.neighbour_distances(codes)
    assert found is not None
    to_some = np.sort(np.linalg.norm(codes[:, None] - codes[None, :100], axis=2), axis=1)
    assert np.allclose(found[:100], to_some[:100, 10], atol=1e-4)
    assert np.allclose(found[100:400], to_some[100:400, 9], atol=1e-4)
    assert np.isnan(found[400:]).all()
    assert code_parts.neighbour_distances(codes[:1]) is None


def test_attributes_are_the_directions_of_the_bundle(fashion: Bundle, avatars: Bundle) -> None:
    from latentarium.applications.editing import directions_of

    known, found = viewed(fashion).attributes, directions_of(fashion)
    assert [a.name for a in known] == [name.removeprefix("label=") for name in found.names]
    assert np.allclose([a.vector for a in known], found.vectors)
    scores = fashion.codes @ np.array([a.weights for a in known]).T + [a.bias for a in known]
    assert np.allclose(scores, found.scores(fashion.codes), atol=1e-4)
    assert np.allclose([a.low for a in known], np.percentile(scores, 1, axis=0), atol=1e-3)
    assert known[0].quality == f"AUC {found.quality[0].value:.2f}"
    assert viewed(avatars).attributes == []


def test_rows_that_are_decoded_ones_have_no_errors(avatars: Bundle) -> None:
    view = viewed(avatars)
    assert view.decoded_rows
    assert [column.name for column in view.columns] == ["neighbour_distance"]


def test_a_table_shows_its_columns_and_keeps_its_rows(table: Bundle) -> None:
    view = viewed(table)
    assert isinstance(view.modality, TableKind)
    assert [c.name for c in view.modality.columns] == ["age", "height", "colour", "town"]
    assert view.inputs is not None
    values = read(table, view.inputs.values)
    expected = table.modality.to_array(np.asarray(table.kept))
    sort = lambda rows: rows[np.lexsort(rows.T)]  # noqa: E731
    if view.inputs.rows is not None:
        assert np.allclose(sort(values), sort(expected), atol=1e-6)
    else:
        assert len(values) == len(table.codes)
    assert view.thumbs is None


def test_a_foreign_space_is_viewed_by_its_own_graphs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(64, 3)))[0].T
    np.savez(tmp_path / "pca.npz", components_=axes, mean_=np.full(64, 0.3), explained_variance_=[3.0, 2.0, 1.0])
    arguments = ("import", tmp_path / "pca.npz", "--shape", "8,8", "--data", "digits", "--out", tmp_path / "space")
    outcome = run_in_process(*arguments)
    assert outcome.status == 0, outcome.err
    bundle = with_view(open_bundle(tmp_path / "space"))
    view = viewed(bundle)
    assert view.decoder is not None
    z = read(bundle, view.decoder.inputs)
    assert np.allclose(read(bundle, view.decoder.outputs), bundle.space.decode(z).reshape(len(z), -1), atol=1e-6)
    assert view.thumbs is not None
    assert view.thumbs.count == 1797


def test_a_view_is_kept_until_the_bundle_changes(copy: Path) -> None:
    before = open_bundle(copy)
    assert with_view(before) is before
    names, made_from = set(before.manifest["files"]), viewed(before).made_from
    from latentarium.applications.specsheet import write_sheet

    changed = write_sheet(before, only=("psnr",)).bundle
    assert view_of(changed) is None
    after = with_view(changed)
    assert viewed(after).made_from != made_from
    assert {n for n in after.manifest["files"] if n.startswith(FOLDER)} == {n for n in names if n.startswith(FOLDER)}
    after.verify()


def test_a_damaged_view_is_named(copy: Path) -> None:
    path = copy / FOLDER / "view.json"
    path.write_text(path.read_text().replace("tsne", "tsnx", 1))
    with pytest.raises(DamagedFile, match=r"explorer/view\.json does not match its checksum"):
        view_of(open_bundle(copy))


def test_one_row_and_equal_rows_can_be_viewed() -> None:
    for codes in (np.ones((1, 2), np.float32), np.ones((5, 1), np.float32)):
        draft = Draft()
        packed = draft.packed("latent", codes, "u16")
        back = np.frombuffer(draft.files["latent.u16"], "<u2").reshape(codes.shape) * packed.scale + packed.offset
        assert np.allclose(back, codes)
        raw, _ = code_parts.bases(codes, None)
        assert all(d.histogram.low < d.histogram.high for d in raw.dimensions)
        mean, axes = code_parts.principal_axes(codes)
        assert np.isfinite(axes).all()
        assert np.allclose(mean, 1)


def test_rows_without_a_place_are_left_out_of_every_file(tmp_path: Path) -> None:
    bundle = copy_shipped("fashion-vae", tmp_path / "clothes")
    codes = bundle.codes.copy()
    codes[[3, 50], 1] = (np.nan, np.inf)
    bundle = with_view(bundle.with_files({"codes.parquet": table_writer({"id": bundle.ids, "code": codes})}))
    view = viewed(bundle)
    assert (view.rows, view.parked.count) == (498, 2)
    assert view.parked.ids == [str(name) for name in bundle.ids[[3, 50]]]
    order = order_of(bundle)
    assert set(order) == set(range(500)) - {3, 50}
    assert np.allclose(unpacked(bundle, view.latent), codes[order], atol=1e-3)
    assert all(read(bundle, column.values).shape == (498,) for column in view.columns)
    with pytest.raises(InvalidInput, match="latent of a view must be finite"):
        Draft().packed("latent", codes, "u16")


def test_many_names_are_folded_into_others() -> None:
    from latentarium.explorer.rows import _column

    values = np.array([f"n{i % 400}" for i in range(2000)] + ["often"] * 50)
    column = _column(0, "word", values, Draft())
    assert isinstance(column, CategoryColumn)
    assert len(column.names) == 255
    assert (column.names[0], column.names[-1]) == ("often", "other")
    assert sum(column.counts) == len(values)
    numbers = _column(1, "age", np.arange(1000), Draft())
    assert isinstance(numbers, NumberColumn)
    digits = _column(2, "label", np.array([10, 9, 2]), Draft())
    assert isinstance(digits, CategoryColumn)
    assert digits.names == ["2", "9", "10"]


def test_pictures_of_other_sizes_become_small_ones(monkeypatch: pytest.MonkeyPatch, fashion: Bundle) -> None:
    from latentarium.explorer import rows

    monkeypatch.setattr(rows, "MOST_PIXELS", 500 * 14 * 14)
    monkeypatch.setattr(rows, "SMALL", 14)
    draft = Draft()
    shown = rows.shown_rows(fashion, order_of(fashion))
    found = rows.thumbs(fashion, shown, draft)
    assert found is not None
    assert (found.width, found.height, found.count) == (14, 14, 500)
    sheet = np.asarray(Image.open(io.BytesIO(draft.files[found.sheets[0]])).convert("L"), float)
    whole = fashion.kept[order_of(fashion)[0]][0].astype(float)
    assert np.abs(sheet[:14, :14] - whole.reshape(14, 2, 14, 2).mean((1, 3))).mean() < 8
    assert isinstance(viewed(fashion).modality, ImageKind)


def test_other_kinds_of_data_are_refused(fashion: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sound:
        kind = "sound"

    monkeypatch.setitem(fashion.__dict__, "modality", Sound())
    monkeypatch.setattr("latentarium.explorer.cache.view_of", lambda bundle: None)
    with pytest.raises(InvalidInput, match="must be pictures, a table, melodies, drums or lines of text, got 'sound'"):
        with_view(fashion)
