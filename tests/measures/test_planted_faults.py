"""Faults planted in the samples of real pictures are named in words; real rows and healthy spaces have none."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import latentarium as la
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.distributions import Empirical, Mixture, Normal
from latentarium.measures import Finding, findings, measure
from latentarium.space import LatentSpace

Pictures = NDArray[np.float32]
ROWS = 2000
BLUR = 2.0
WATCHED = ["precision", "coverage", "class_coverage", "copies", "sharpness_ratio", "rate", "speed_variation"]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return open_source("fashion-mnist")


def blurred(pictures: Pictures) -> Pictures:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(pictures, (0, 0, BLUR, BLUR)), np.float32)


def generator_of(pictures: Pictures, decode: Callable[[Pictures], Pictures] = lambda z: z) -> LatentSpace:
    """A space whose samples are these pictures, decoded."""
    shape = pictures.shape[1:]
    flat = pictures.reshape(len(pictures), -1)
    return LatentSpace(
        name="planted",
        shape=(flat.shape[1],),
        data_shape=shape,
        decode_fn=lambda z: decode(np.asarray(z, np.float32).reshape(len(z), *shape)),
        prior=Empirical(codes=flat),
    )


def troubles(space: LatentSpace, rows: Rows) -> list[Finding]:
    test, train = rows.splits["test"][:ROWS], rows.splits["train"]
    found = measure(
        space,
        rows.array(test),
        labels=rows.columns["label"][test],
        reference=rows.array(train[-10_000:]),
        only=WATCHED,
    )
    assert {"precision", "coverage", "class_coverage", "copies", "sharpness_ratio"} <= set(found.scores)
    return findings(found.scores)


def kept(rows: Rows, classes: range) -> Pictures:
    """Pictures the reference rows do not hold, of these classes alone."""
    train = rows.splits["train"][:10_000]
    names = np.unique(rows.columns["label"])[list(classes)]
    return rows.array(train[np.isin(rows.columns["label"][train], names)])


def gaussian(rows: Rows) -> LatentSpace:
    x = rows.array(rows.splits["train"][:10_000])
    flat = x.reshape(len(x), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return LatentSpace(
        name="gaussian",
        shape=(784,),
        data_shape=(1, 28, 28),
        decode_fn=lambda z: (z @ root.T + flat.mean(0)).reshape(-1, 1, 28, 28),
        prior=Normal.standard(784),
    )


def test_real_rows_have_no_trouble(rows: Rows) -> None:
    assert troubles(generator_of(kept(rows, range(10))), rows) == []


@pytest.mark.parametrize(
    ("classes", "least"), [(range(9), 1), (range(5), 4), (range(3, 4), 6)], ids=["one", "five", "nine"]
)
def test_dropped_classes_are_mode_collapse(rows: Rows, classes: range, least: int) -> None:
    """Nearly every dropped class is named, and no other: the classifier takes some coats for the dropped shirts."""
    found = {f.trouble: f for f in troubles(generator_of(kept(rows, classes)), rows)}
    words = found["mode collapse"].words
    named = re.search(r"hardly show (\d+) of 10 classes", words)
    assert named is not None
    assert least <= int(named[1]) <= 10 - len(classes)
    present = np.unique(rows.columns["label"])[list(classes)].tolist()
    assert not any(f"{name} (" in words for name in present)
    assert set(found) <= {"mode collapse", "low coverage"}


def test_a_gaussian_is_unlike_the_data(rows: Rows) -> None:
    found = {f.trouble for f in troubles(gaussian(rows), rows)}
    assert {"samples unlike the data", "low coverage"} <= found


def test_memorised_pictures_are_copies(rows: Rows) -> None:
    few = rows.array(rows.splits["train"][-50:])
    found = {f.trouble for f in troubles(generator_of(np.repeat(few, 40, axis=0)), rows)}
    assert {"memorisation", "low coverage"} <= found


def test_blur_is_named(rows: Rows) -> None:
    found = {f.trouble for f in troubles(generator_of(kept(rows, range(10)), blurred), rows)}
    assert "blur" in found


@pytest.mark.parametrize("model", ["vae", "ae"])
@pytest.mark.parametrize("source", ["fashion-mnist", "digits"])
def test_a_healthy_fit_has_no_trouble(source: str, model: str, rows: Rows) -> None:
    steps = 250 if source == "fashion-mnist" else 800
    bundle_space = la.fit(source, model=model, latent=16, steps=steps)
    data = rows if source == "fashion-mnist" else open_source(source)
    assert troubles(bundle_space, data) == []


def test_a_linear_space_has_no_trouble(rows: Rows) -> None:
    from sklearn.decomposition import PCA

    train = rows.array(rows.splits["train"][-10_000:])
    model = PCA(32, random_state=0).fit(train.reshape(len(train), -1))
    codes = model.transform(train.reshape(len(train), -1))
    space = LatentSpace(
        name="linear",
        shape=(32,),
        data_shape=(1, 28, 28),
        encode_fn=lambda x: model.transform(x.reshape(len(x), -1)),
        decode_fn=lambda z: model.inverse_transform(z).reshape(-1, 1, 28, 28).clip(0, 1),
        prior=Mixture.fit(codes, components=10, seed=0),
    )
    assert troubles(space, rows) == []
