import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium import pictures as p
from latentarium.errors import InvalidInput


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "RGB"), (3, "RGB"), (4, "RGBA")])
def test_pixels_are_exact(channels: int, mode: str) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    image = p.to_image(raw / 255, scale=1)
    back = np.asarray(image).reshape(5, 7, -1).transpose(2, 0, 1)
    assert image.mode == mode
    assert image.size == (7, 5)
    assert (back[:channels] == raw).all()


def test_small_images_are_enlarged_with_hard_edges() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    big = np.asarray(p.to_image(image / 255))
    assert big.shape == (84, 84)
    assert (big[1::3, 1::3] == image[0]).all()
    assert (big[::3, ::3] == image[0]).all()
    assert p.to_image(np.zeros((3, 128, 128))).size == (128, 128)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_sheet_holds_every_image_where_it_says(count: int, columns: int, gutter: int, scale: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 4, 6), dtype=np.uint8)
    canvas = np.asarray(p.sheet(images / 255, columns=columns, gutter=gutter, scale=scale))
    wide = min(columns, count)
    rows = -(-count // wide)
    step_y, step_x = 4 * scale + gutter, 6 * scale + gutter
    assert canvas.shape == (rows * step_y - gutter, wide * step_x - gutter, 4)
    for i in range(count):
        top, left = i // wide * step_y, i % wide * step_x
        cell = canvas[top : top + 4 * scale : scale, left : left + 6 * scale : scale]
        assert (cell[..., :3].transpose(2, 0, 1) == images[i]).all()
        assert (cell[..., 3] == 255).all()
    assert (canvas[..., 3] == 255).sum() == count * 24 * scale**2


def test_pairs_put_the_reconstruction_below_its_original() -> None:
    x, y = np.zeros((3, 1, 4, 4)), np.ones((3, 1, 4, 4))
    canvas = np.asarray(p.pairs_sheet(x, y, columns=2, scale=1, gutter=3))
    assert canvas.shape[1] == 2 * 4 + 3
    assert canvas[0, 0].tolist() == [0, 0, 0, 255]
    assert canvas[4, 0, 3] == 0
    assert canvas[5, 0].tolist() == [255, 255, 255, 255]


def test_strip_and_traversals() -> None:
    assert p.strip(np.zeros((5, 1, 3, 3)), scale=1, gutter=1).size == (19, 3)
    frames = np.zeros((2, 4, 1, 8, 8))
    assert p.traversals(frames, scale=1, gutter=2).size == (38, 18)
    labelled = p.traversals(frames, labels=["z0", "z1"], gutter=2)
    assert labelled.height == p.traversals(frames, gutter=2).height
    assert labelled.width > 4 * 72


def test_png_bytes_hold_the_image() -> None:
    from PIL import Image

    image = p.to_image(np.random.default_rng(2).random((3, 6, 6)), scale=1)
    assert (np.asarray(Image.open(io.BytesIO(p.png_bytes(image)))) == np.asarray(image)).all()


def test_wrong_arrays_are_refused() -> None:
    for bad in (np.zeros((5, 4, 4)), np.zeros((1, 4, 0)), np.full((1, 2, 2), np.nan)):
        with pytest.raises(InvalidInput):
            p.to_image(bad)
    with pytest.raises(InvalidInput, match="as x"):
        p.pairs_sheet(np.zeros((2, 1, 3, 3)), np.zeros((3, 1, 3, 3)))
    with pytest.raises(InvalidInput, match="labels"):
        p.traversals(np.zeros((2, 4, 1, 8, 8)), labels=["z0"])


def test_spectrum_is_sorted_and_greys_what_carries_nothing() -> None:
    svg = p.spectrum_plot([0.5, 0.001, 3.0], low=[0.4, 0.0, 2.9], high=[0.6, 0.002, 3.1])
    titles = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["3 nats", "0.5 nats", "0.001 nats"]
    assert "2 of 3 carry information" in svg
    with pytest.raises(InvalidInput, match="kl"):
        p.spectrum_plot([])


def test_history_reads_rows_with_gaps() -> None:
    rows = [{"step": i, "train": 300 / (i + 1)} for i in range(50)] + [{"step": 50, "validation": None}]
    svg = p.history_plot(rows, series={"train": "training", "validation": "validation"})
    assert len(list(ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}polyline"))) == 1
    with pytest.raises(InvalidInput, match="series"):
        p.history_plot(rows, series={"nothing": "none"})


def test_feature_bars_name_every_feature() -> None:
    svg = p.feature_bars([1.0, -2.0], [0.5, -1.0], ["age", "income <k>"])
    ET.fromstring(svg)
    assert "age" in svg
    assert "income &lt;k&gt;" in svg


def test_map_names_classes_and_is_repeatable() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 600)
    points = random.standard_normal((600, 2)) + 8 * np.eye(3)[labels][:, :2]
    svg = p.map_plot(points, labels, names=["shoe", "bag", "coat"])
    words = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(words) == ["bag", "coat", "shoe"]
    assert svg == p.map_plot(points, labels, names=["shoe", "bag", "coat"])


def test_map_of_many_classes_floats_and_none() -> None:
    points = np.random.default_rng(4).standard_normal((300, 2))
    assert "9 others" in p.map_plot(points, np.arange(300) % 20)
    assert p.map_plot(points, points[:, 0]) != p.map_plot(points)
    assert p.map_plot(points[:1], ["only"]).count("<text") == 1


@pytest.mark.parametrize(("theme", "paper"), [("light", (255, 255, 255)), ("dark", (20, 23, 26))])
def test_map_image_has_its_own_background(theme: str, paper: tuple[int, int, int]) -> None:
    image = p.map_image(np.random.default_rng(5).standard_normal((50, 2)), [0, 1] * 25, theme=theme)
    assert image.mode == "RGB"
    assert image.size == (1680, 1260)
    assert image.getpixel((0, 0)) == paper


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, latentarium.pictures, latentarium.measures, latentarium.maps;"
        "heavy = ('torch', 'sklearn', 'matplotlib', 'PIL', 'pandas', 'scipy', 'openTSNE');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_table_of_words_holds_every_word_and_colours_what_is_new() -> None:
    long = " ".join(["word"] * 30)
    svg = p.text_table([("a <b> c", "a x c"), (long, "")], headers=("row", "reconstruction"))
    root = ET.fromstring(svg)
    assert " ".join(root.itertext()).count("word") == 30
    assert [span.text for span in root.iter("{http://www.w3.org/2000/svg}tspan")] == ["x"]
    assert "a <b> c" in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    with pytest.raises(InvalidInput, match="of one text a column each"):
        p.text_table([("a",), ("a", "b")])
