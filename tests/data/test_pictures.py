import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentarium.data import ImageModality, open_like, open_source
from latentarium.errors import InvalidInput, LatentariumError


def test_a_common_size_is_kept_and_pixels_are_exact(tmp_path: Path, write_pictures: Any) -> None:
    paths = write_pictures(tmp_path / "odd", sizes=[(21, 13)])
    rows = open_source(tmp_path / "odd")
    assert rows.raw.shape == (12, 3, 13, 21)
    assert rows.ids.tolist() == [path.name for path in paths]
    assert np.array_equal(rows.raw[5], np.asarray(Image.open(paths[5])).transpose(2, 0, 1))
    assert rows.notes == ()
    assert rows.columns == {}


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_the_files_decide_on_the_channels(tmp_path: Path, write_pictures: Any, mode: str, channels: int) -> None:
    write_pictures(tmp_path, mode=mode)
    assert open_source(tmp_path).modality == ImageModality(channels=channels, height=16, width=16)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".gif", ".PNG"])
def test_every_file_kind_is_read(tmp_path: Path, write_pictures: Any, suffix: str) -> None:
    write_pictures(tmp_path, suffix=suffix)
    assert open_source(tmp_path).raw.shape == (12, 3, 16, 16)


def test_palettes_and_sixteen_bits_keep_their_look(tmp_path: Path) -> None:
    deep = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    for i in range(10):
        Image.fromarray(deep).save(tmp_path / f"{i}.png")
    assert np.array_equal(open_source(tmp_path).raw[0, 0], (deep >> 8).astype(np.uint8))
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    for i in range(10):
        Image.new("RGB", (16, 16), (10, 20, 30)).quantize(4).save(tmp_path / f"{i}.png")
    assert open_source(tmp_path).raw[0, :, 0, 0].tolist() == [10, 20, 30]


def test_folders_are_labels_and_other_files_are_said(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path / "cats", 6)
    write_pictures(tmp_path / "dogs" / "small", 6)
    (tmp_path / "dogs" / "notes.txt").write_text("about dogs")
    write_pictures(tmp_path / ".hidden", 2)
    rows = open_source(tmp_path)
    assert rows.columns["label"].tolist() == ["cats"] * 6 + ["dogs/small"] * 6
    assert rows.ids[0] == "cats/p000.png"
    assert rows.notes == ("1 file that is no picture was ignored, first dogs/notes.txt",)


def test_mixed_sizes_are_cropped_at_the_centre_and_resized(tmp_path: Path) -> None:
    for i in range(10):
        # a grey square between two red bars, upright or lying
        wide = np.zeros((30 + i, 3 * (30 + i), 3), np.uint8)
        wide[...] = (200, 0, 0)
        wide[:, 30 + i : 2 * (30 + i)] = 90
        Image.fromarray(wide if i % 2 else wide.transpose(1, 0, 2)).save(tmp_path / f"{i}.png")
    rows = open_source(tmp_path)
    assert rows.raw.shape == (10, 3, 32, 32)
    assert (rows.raw[:, :, 2:-2, 2:-2] == 90).all()
    assert rows.notes == ("2 of 10 pictures are smaller than 32x32 and were enlarged",)


def test_enlarging_is_said(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path)
    rows = open_source(tmp_path, size=128)
    assert rows.modality.data_shape == (3, 128, 128)
    assert rows.notes == ("12 of 12 pictures are smaller than 128x128 and were enlarged",)


def test_large_pictures_get_a_power_of_two(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path, 10, sizes=[(300, 400)], suffix=".jpg")
    assert open_source(tmp_path).modality.data_shape == (3, 128, 128)


def test_a_camera_held_upright_gives_upright_pictures(tmp_path: Path) -> None:
    turned = np.zeros((16, 32, 3), np.uint8)
    turned[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(10):
        Image.fromarray(turned).save(tmp_path / f"{i}.png", exif=exif)
    rows = open_source(tmp_path)
    assert rows.raw.shape == (10, 3, 32, 16)
    assert (rows.raw[:, :, :8] == 255).all()
    assert (rows.raw[:, :, 8:] == 0).all()


def test_memory_mapped_pictures_equal_those_in_memory(tmp_path: Path, cache: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path, 150, sizes=[(20, 24), (40, 30)], suffix=".jpg")
    held = open_source(tmp_path, size=16)
    assert not isinstance(held.raw, np.memmap)
    assert not list(cache.rglob("*"))
    mapped = open_source(tmp_path, size=16, memory_limit=1000)
    assert isinstance(mapped.raw, np.memmap)
    assert np.array_equal(mapped.raw, held.raw)
    assert mapped.fingerprint == held.fingerprint
    assert mapped.notes == held.notes
    assert sorted(path.suffix for path in cache.rglob("*.*")) == [".json", ".npy"]


def test_the_memory_map_is_used_again_until_a_file_changes(tmp_path: Path, cache: Path, write_pictures: Any) -> None:
    paths = write_pictures(tmp_path)
    told: list[tuple[int, int]] = []

    def open_mapped() -> np.ndarray:
        return open_source(tmp_path, memory_limit=0, progress=lambda done, total: told.append((done, total))).raw

    first = open_mapped()
    assert told == [(12, 12)]
    assert np.array_equal(open_mapped(), first)
    assert told == [(12, 12)]
    Image.new("RGB", (16, 16), "red").save(paths[0])
    os.utime(paths[0], ns=(1, 1))
    assert open_mapped()[0, 0].min() == 255
    assert len(told) == 2
    assert len(list(cache.rglob("*.npy"))) == 2


def test_a_damaged_cache_file_is_made_again(tmp_path: Path, cache: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path)
    first = np.array(open_source(tmp_path, memory_limit=0).raw)
    file = next(cache.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(open_source(tmp_path, memory_limit=0).raw, first)


def test_a_broken_picture_leaves_no_half_cache_file(tmp_path: Path, cache: Path, write_pictures: Any) -> None:
    paths = write_pictures(tmp_path, 100, suffix=".jpg")
    paths[80].write_bytes(paths[80].read_bytes()[:-200])
    with pytest.raises(InvalidInput, match=r"p080\.jpg"):
        open_source(tmp_path, memory_limit=0)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path / "pictures")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LatentariumError, match="could not write") as caught:
        open_source(tmp_path / "pictures", memory_limit=0, cache=tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_a_folder_that_links_to_itself_ends(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path / "a")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(open_source(tmp_path)) == 12


def test_new_pictures_take_the_size_fitted_before(tmp_path: Path, write_pictures: Any) -> None:
    write_pictures(tmp_path / "new", 2, sizes=[(50, 40), (30, 90)])
    write_pictures(tmp_path / "grey", 2, mode="L")
    rows = open_like(tmp_path / "new", ImageModality(channels=3, height=28, width=20))
    assert rows.raw.shape == (2, 3, 28, 20)
    words = "grey must be RGB pictures of 20x28, as the space was learned from, got 'grey pictures of 20x28'"
    with pytest.raises(InvalidInput, match=words):
        open_like(tmp_path / "grey", ImageModality(channels=3, height=28, width=20), convert=False)


@pytest.mark.parametrize(("mode", "words"), [("L", "grey; taken as RGB"), ("RGBA", "RGBA; taken as RGB on white")])
def test_new_pictures_take_the_channels_fitted_before(
    tmp_path: Path, write_pictures: Any, mode: str, words: str
) -> None:
    write_pictures(tmp_path / "new", 2)
    path = write_pictures(tmp_path / "new", 1, mode=mode, prefix="q")[0]
    rows = open_like(tmp_path / "new", ImageModality(channels=3, height=16, width=16))
    assert rows.notes == (f"1 of 3 pictures are {words}",)
    levels = np.asarray(Image.open(path), np.float64)
    if mode == "L":
        expected = np.repeat(levels[..., None], 3, axis=2)
    else:
        shown = levels[..., 3:] / 255
        expected = levels[..., :3] * shown + 255 * (1 - shown)
    assert np.abs(rows.raw[2].transpose(1, 2, 0) - expected).max() <= 1


def test_a_single_picture_is_enough_for_a_space_that_is_there(tmp_path: Path, write_pictures: Any) -> None:
    path = write_pictures(tmp_path)[3]
    rows = open_like(path, ImageModality(channels=3, height=8, width=8))
    assert rows.ids.tolist() == [path.name]
    assert rows.raw.shape == (1, 3, 8, 8)
    with pytest.raises(InvalidInput, match="must be a folder of pictures, got 'the single picture"):
        open_source(path)


@pytest.fixture
def few_faces(test_data: Path, tmp_path: Path) -> Path:
    """CelebA's layout with forty of its pictures."""
    source, folder = test_data / "celeba", tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    for i in range(1, 41):
        name = f"img_align_celeba/{i:06d}.jpg"
        shutil.copy(source / name, folder / name)
    head = (source / "list_attr_celeba.txt").read_text().splitlines()[:52]
    (folder / "list_attr_celeba.txt").write_text("\n".join(head) + "\n")
    return folder


def test_celeba_brings_its_attributes(few_faces: Path) -> None:
    rows = open_source(few_faces, label="Smiling")
    assert rows.modality.data_shape == (3, 64, 64)
    assert len(rows.columns) == 41
    assert rows.ids[0] == "img_align_celeba/000001.jpg"
    assert rows.columns["Smiling"].dtype == np.int8
    assert rows.columns["Smiling"][:3].tolist() == [1, 1, 0]
    assert rows.columns["label"] is rows.columns["Smiling"]
    assert rows.notes == ("10 of 50 listed pictures are not in img_align_celeba",)
    assert open_source(few_faces, size=128).notes[0].startswith("40 of 40 pictures are smaller than 128x128")


def test_celeba_keeps_its_own_parts(few_faces: Path) -> None:
    parts = few_faces / "list_eval_partition.txt"
    parts.write_text("".join(f"{i:06d}.jpg {0 if i < 31 else 1 if i < 36 else 2}\n" for i in range(1, 51)))
    rows = open_source(few_faces)
    assert rows.splits["validation"].tolist() == list(range(30, 35))
    assert rows.splits["test"].tolist() == list(range(35, 40))
    parts.write_text("".join(f"{i:06d}.jpg 0\n" for i in range(1, 51)))
    assert len(open_source(few_faces).splits["test"]) == 4


def test_celeba_pictures_without_attributes_are_refused(few_faces: Path) -> None:
    first = few_faces / "img_align_celeba" / "000001.jpg"
    shutil.copy(first, first.with_name("zzz.jpg"))
    with pytest.raises(InvalidInput, match=r"list_attr_celeba.txt .* zzz.jpg"):
        open_source(few_faces)
    first.with_name("zzz.jpg").unlink()
    path = few_faces / "list_attr_celeba.txt"
    path.write_text(path.read_text().replace(" -1", " x", 1))
    with pytest.raises(InvalidInput, match=r"list_attr_celeba.txt"):
        open_source(few_faces)
