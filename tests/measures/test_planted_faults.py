"""Faults planted in the samples of real pictures are named in words; real rows and healthy spaces have none."""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

import latentarium as la
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.distributions import Empirical, Mixture, Normal
from latentarium.measures import Finding, Score, findings, measure
from latentarium.space import LatentSpace

Pictures = NDArray[np.float32]
ROWS = 2000
BLURS = (1.0, 2.0)
WATCHED = [
    "precision", "coverage", "class_coverage", "ndb", "copies", "sharpness_ratio", "rate", "collapse_fraction",
    "effective_rank", "aggregated_posterior_mmd", "speed_variation", "midpoint_realism", "cycle_error",
]  # fmt: skip
LABELLED = {"class_coverage", "class_kl"}


@pytest.fixture(scope="module")
def rows() -> Rows:
    return open_source("fashion-mnist")


def blurred(pictures: Pictures, sigma: float) -> Pictures:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(pictures, (0, 0, sigma, sigma)), np.float32)


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


def sheet(
    space: LatentSpace, rows: Rows, *, labels: bool = True, only: list[str] | None = WATCHED
) -> Mapping[str, Score]:
    test, train = rows.splits["test"][:ROWS], rows.splits["train"]
    found = measure(
        space,
        rows.array(test),
        labels=rows.columns["label"][test] if labels else None,
        reference=rows.array(train[-10_000:]),
        only=only,
    ).scores
    expected = {"precision", "coverage", "ndb", "class_coverage", "copies", "sharpness_ratio"}
    assert expected - (set() if labels else LABELLED) <= set(found)
    return found


def troubles(space: LatentSpace, rows: Rows, *, labels: bool = True, only: list[str] | None = WATCHED) -> list[Finding]:
    return findings(sheet(space, rows, labels=labels, only=only))


def healthy(space: LatentSpace, rows: Rows, only: list[str] | None = WATCHED) -> bool:
    """No trouble, neither with the labels nor with them withheld, which leaves the other scores as they are."""
    found = sheet(space, rows, only=only)
    bare = {name: score for name, score in found.items() if name not in LABELLED}
    return findings(found) == [] and findings(bare) == []


def kept(rows: Rows, classes: Sequence[int]) -> Pictures:
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


def test_real_rows_have_no_trouble_on_the_whole_sheet(rows: Rows) -> None:
    assert healthy(generator_of(kept(rows, range(10))), rows, only=None)


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


@pytest.mark.parametrize(
    ("classes", "least"), [(range(9), 5), (range(5), 20), (range(3, 4), 50)], ids=["one", "five", "nine"]
)
def test_dropped_classes_are_mode_collapse_without_labels_too(rows: Rows, classes: range, least: int) -> None:
    """As the share of rows whose regions are empty; half of the classes on the whole sheet. The one is Trouser."""
    space = generator_of(kept(rows, classes))
    found = {f.trouble: f for f in troubles(space, rows, labels=False, only=None if len(classes) == 5 else WATCHED)}
    share = re.search(r"regions, which hold (\d+) % of the rows", found["mode collapse"].words)
    assert share is not None
    assert least <= int(share[1]) <= 100 - 10 * len(classes)
    assert set(found) <= {"mode collapse", "low coverage"}


@pytest.mark.parametrize(("lost", "told"), [("Sandal", ["mode collapse"]), ("Shirt", [])])
def test_a_class_among_look_alikes_is_missed_by_its_label_or_not_at_all(rows: Rows, lost: str, told: list[str]) -> None:
    """Sneakers fill the regions of sandals, which labels tell apart; shirts are taken for coats and pullovers."""
    names = np.unique(rows.columns["label"]).tolist()
    space = generator_of(kept(rows, [i for i, name in enumerate(names) if name != lost]))
    assert troubles(space, rows, labels=False) == []
    found = troubles(space, rows)
    assert [f.trouble for f in found] == told
    assert all(f"{lost} (" in f.words for f in found)


def test_a_gaussian_is_unlike_the_data(rows: Rows) -> None:
    found = {f.trouble for f in troubles(gaussian(rows), rows)}
    assert {"samples unlike the data", "low coverage"} <= found


def test_memorised_pictures_are_copies(rows: Rows) -> None:
    few = rows.array(rows.splits["train"][-50:])
    found = {f.trouble for f in troubles(generator_of(np.repeat(few, 40, axis=0)), rows)}
    assert {"memorisation", "low coverage"} <= found


@pytest.mark.parametrize("sigma", BLURS)
def test_blur_is_named(rows: Rows, sigma: float) -> None:
    found = {f.trouble for f in troubles(generator_of(kept(rows, range(10)), lambda z: blurred(z, sigma)), rows)}
    assert found == {"blur"}


@pytest.mark.parametrize("model", ["vae", "ae"])
@pytest.mark.parametrize("source", ["fashion-mnist", "digits"])
def test_a_healthy_fit_has_no_trouble(source: str, model: str, rows: Rows) -> None:
    steps = 250 if source == "fashion-mnist" else 800
    bundle_space = la.fit(source, model=model, latent=16, steps=steps)
    data = rows if source == "fashion-mnist" else open_source(source)
    assert healthy(bundle_space, data)


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
    assert healthy(space, rows)
