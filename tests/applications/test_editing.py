"""Directions of attributes: what a step does to log-odds, what it leaves alone, and how they are kept."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import latentarium as la
from latentarium.adapters import from_callables
from latentarium.applications.editing import (
    Directions,
    directions_of,
    fit_curved,
    fit_directions,
    joined,
    likeness,
    name_directions,
    store_directions,
    unsupervised_directions,
)
from latentarium.applications.editing.alignment import WAYS, Way, lies, moved
from latentarium.applications.editing.stored import ARRAYS, has_directions
from latentarium.bundle import Bundle, arrays_writer
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.shipped import open_shipped

Array = NDArray[np.float64]


def correlated(n: int = 3000, d: int = 6, *, seed: int = 0) -> tuple[Array, dict[str, Array]]:
    """Codes whose first two axes go together, and an attribute by the sign of each of the first three, with noise."""
    random = np.random.default_rng(seed)
    codes = random.standard_normal((n, d))
    codes[:, 1] = 0.8 * codes[:, 0] + 0.6 * codes[:, 1]
    noise = random.logistic(size=(n, 3))
    return codes, {name: np.where(2 * codes[:, i] + noise[:, i] > 0, 1.0, 0.0) for i, name in enumerate("abc")}


@pytest.fixture(scope="module")
def found() -> Directions:
    return fit_directions(*correlated())


@pytest.mark.parametrize("method", ["logistic", "lda"])
def test_a_step_of_one_moves_the_log_odds_by_one(method: str) -> None:
    codes, attributes = correlated()
    found = fit_directions(codes, attributes, method=method)  # type: ignore[arg-type]
    moved = found.scores(codes[:5] + found.vectors[1]) - found.scores(codes[:5])
    np.testing.assert_allclose(moved[:, 1], 1)
    # what goes together is taken along: b's step moves a too
    assert (moved[:, 0] > 0.4).all()
    assert (np.abs(moved[:, 2]) < 0.1).all()


@pytest.mark.parametrize("method", ["logistic", "lda"])
@pytest.mark.filterwarnings("error")
def test_classes_of_three_rows_in_each_part_are_enough(method: str) -> None:
    rare = np.tile([1, 1, 1, *[0] * 3], 3).astype(np.float64)
    splits = np.repeat(["train", "validation", "test"], 6)
    codes = np.random.default_rng(0).standard_normal((18, 2)) + 4 * rare[:, None]
    found = fit_directions(codes, {"rare": rare}, splits=splits, method=method)  # type: ignore[arg-type]
    assert found.quality[0].value == 1
    probe = fit_curved(codes, {"rare": rare}, ["rare"], splits=splits)
    assert probe.scores(codes)[rare == 1].mean() > probe.scores(codes)[rare == 0].mean()


def test_log_odds_are_those_of_rows_that_were_not_fitted() -> None:
    """With about as many rows as latents a probe is far too sure of itself before it is set right."""
    codes, attributes = correlated(1200, 350)
    found = fit_directions(codes, attributes)
    fresh, truth = correlated(4000, 350, seed=1)
    probability = found.predict(fresh)[:, found.number("a")]
    sure = probability > 0.6
    assert sure.sum() > 500
    assert truth["a"][sure].mean() == pytest.approx(probability[sure].mean(), abs=0.07)


def test_of_all_steps_the_vector_leaves_the_data_least(found: Directions) -> None:
    random = np.random.default_rng(2)
    centre = found.typicality.centre
    own = found.typicality.distance(centre + found.vectors[:1])
    others = random.standard_normal((200, found.dim))
    others /= (others @ found.weights[0])[:, None]
    assert (found.typicality.distance(centre + others) > own).all()


def test_a_conditional_step_leaves_the_others_alone(found: Directions) -> None:
    step = found.conditional("b", ["a", "c"])
    np.testing.assert_allclose(found.weights @ step, [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(found.conditional("b"), found.vectors[1])


def test_several_changes_are_met_at_once(found: Directions) -> None:
    codes = correlated()[0][:4].astype(np.float32)
    moved = found.edit(codes, {"a": 2.0, "b": -1.0}, keep=["c"])
    assert moved.shape == codes.shape
    assert moved.dtype == np.float32
    change = found.scores(moved) - found.scores(codes)
    np.testing.assert_allclose(change, np.tile([2.0, -1.0, 0.0], (4, 1)), atol=1e-4)


def test_what_is_fixed_by_what_is_kept_cannot_move() -> None:
    codes, attributes = correlated()
    twice = fit_directions(codes, {**attributes, "again": attributes["a"]})
    with pytest.raises(InvalidInput, match="a cannot be changed while again stay: the probes say the same"):
        twice.conditional("a", ["again"])


def test_slack_makes_room_where_many_values_are_kept() -> None:
    """Probes of the many values of one axis, each with some noise, leave no direction of four exactly alone."""
    codes, attributes = correlated(4000, 4)
    many = np.digitize(codes[:, 1] + 0.3 * codes[:, 2], np.linspace(-2, 2, 9)).astype(str)
    found = fit_directions(codes, {"many": many, "a": attributes["a"]})
    assert len(found.numbers(["many"])) > 4
    with pytest.raises(InvalidInput, match="allow some slack"):
        found.step({"a": 4.0}, keep=["many"])
    effect = found.weights @ found.step({"a": 4.0}, keep=["many"], slack=0.3)
    assert effect[-1] == pytest.approx(4)
    assert 0.01 < np.abs(effect[:-1]).max() <= 1.2
    assert np.abs(found.weights @ found.step({"a": 4.0}))[:-1].max() > 2.5


def test_a_code_gets_a_value_between_others() -> None:
    """The middle one of three shades has no direction in log-odds, but a place."""
    codes = np.random.default_rng(0).standard_normal((3000, 3))
    shade = np.digitize(codes[:, 0] + 0.2 * codes[:, 1], [-1.2, 1.2])
    names = np.array(["dark", "middle", "light"])
    attributes = {"shade": names[shade], "round": np.where(codes[:, 2] > 0, 1.0, 0.0)}
    found = fit_directions(codes, attributes)
    dark = codes[shade == 0]
    light = found.switch(dark, {"shade": "light"}, keep=["round"])
    assert (np.digitize(light[:, 0] + 0.2 * light[:, 1], [-1.2, 1.2]) == 2).mean() > 0.8
    assert light[:, 0].mean() == pytest.approx(codes[shade == 2, 0].mean(), abs=0.05)
    at = found.number("round")
    np.testing.assert_allclose(found.scores(light)[:, at], found.scores(dark)[:, at], atol=1e-4)
    with pytest.raises(InvalidInput, match="the value cannot be changed while again stay"):
        twice = fit_directions(codes, {**attributes, "again": np.where(shade == 0, 1.0, 0.0)})
        twice.switch(dark, {"shade": "light"}, keep=["again"])


def test_a_column_of_values_has_a_direction_for_each() -> None:
    codes, _ = correlated()
    words = np.array(["low", "high"])[(codes[:, 0] > 0) * 1].astype(object)
    words[:50] = None
    found = fit_directions(
        codes, {"word": words, "number": np.where(np.arange(3000) < 50, np.nan, 7 * codes[:, 2] + 3)}
    )
    assert found.names == ("word=high", "word=low", "number")
    assert found.numbers(["word"]) == [0, 1]
    assert found.kinds == ("class", "class", "number")
    # a step of 1 is one standard deviation of a number
    before, after = found.predict(codes[:1]), found.predict(codes[:1] + found.vectors[2])
    assert before[0, 2] == pytest.approx(7 * codes[0, 2] + 3, abs=0.1)
    assert after[0, 2] - before[0, 2] == pytest.approx(7, rel=0.05)
    assert found.quality[2].measure == "r2"
    assert found.quality[2].value > 0.99
    # rows that are not known are neither learned from nor judged by
    assert found.quality[0].n < 600


def test_what_codes_do_not_tell_has_no_direction() -> None:
    codes, attributes = correlated()
    random = np.random.default_rng(3)
    rare = np.zeros(3000)
    rare[:4] = 1
    named = {**attributes, "coin": random.integers(0, 2, 3000), "rare": rare, "id": np.arange(3000).astype(str)}
    found = fit_directions(codes, named)
    assert found.names == ("a", "b", "c")
    assert "hardly better than chance on held-out rows (AUC 0." in found.left_out["coin"]
    assert "rows of one kind" in found.left_out["rare"]
    assert "3000 different values" in found.left_out["id"]
    with pytest.raises(InvalidInput, match="one of a, b, c, got 'coin'; it was left out: its probe is hardly"):
        found.conditional("coin")


def test_quality_is_that_of_the_known_law(found: Directions) -> None:
    """P(a) is the sigmoid of 2 z: its AUC is known by quadrature to be 0.862."""
    quality = found.quality[0]
    assert quality.n == 600
    assert quality.interval[0] < 0.862 < quality.interval[1]
    assert 0.02 < quality.interval[1] - quality.interval[0] < 0.08
    assert quality.accuracy == pytest.approx(0.77, abs=0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "at least one attribute"),
        ({"a": float("nan")}, "the change of a must be a finite number, got nan"),
        ({"z": 1.0}, "an attribute must be one of a, b, c, got 'z'"),
    ],
)
def test_steps_that_say_nothing(found: Directions, changes: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        found.step(changes)


def test_codes_of_another_space(found: Directions) -> None:
    with pytest.raises(InvalidInput, match=r"z.shape must be \(n, 6\), got \(2, 5\)"):
        found.scores(np.zeros((2, 5)))


def test_percentiles_are_those_of_held_out_rows(found: Directions) -> None:
    fresh = correlated(2000, seed=5)[0]
    percentile = found.typicality.percentile(fresh)
    assert percentile.mean() == pytest.approx(50, abs=4)
    assert found.typicality.percentile(fresh * 9).min() > 99


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("editing") / "digits"
    la.fit("digits", latent=8, width=16, steps=60, out=path, progress=False)
    return la.open_bundle(path)


def test_a_bundle_keeps_its_directions(digits: Bundle) -> None:
    fresh = directions_of(digits)
    assert fresh.names == tuple(f"label={i}" for i in range(10))
    again = directions_of(store_directions(digits, fresh))
    np.testing.assert_array_equal(again.weights, fresh.weights)
    np.testing.assert_array_equal(again.typicality.reference, fresh.typicality.reference)
    assert again.quality == fresh.quality
    assert again.settings == fresh.settings


def test_directions_of_other_codes_are_not_taken(digits: Bundle, tmp_path: Path) -> None:
    import shutil

    path = tmp_path / "copy"
    shutil.copytree(digits.path, path)
    bundle = store_directions(la.open_bundle(path), directions_of(digits))
    assert has_directions(bundle)
    files = {**bundle.manifest["files"], "codes.parquet": "0" * 64}
    assert not has_directions(Bundle(path=path, manifest={**bundle.manifest, "files": files}))
    broken = bundle.with_files({ARRAYS: arrays_writer({"weights": np.zeros((1, 1))})})
    with pytest.raises(DamagedFile, match=r"directions.json"):
        directions_of(broken)


def test_pictures_that_lie_otherwise_are_told(tmp_path: Path) -> None:
    """Blobs in the middle of their pictures; one is moved, one is smaller, one lies as they do."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16] - 7.5
    shape = random.uniform(2, 4, (1200, 2, 1, 1))
    blobs = np.rint(255 * np.exp(-((x / shape[:, 0]) ** 2) - ((y + 1) / shape[:, 1]) ** 2)).astype(np.uint8)
    np.savez(tmp_path / "blobs.npz", x=blobs, wide=(shape[:, 0, 0, 0] > 3).astype(int))
    la.fit(str(tmp_path / "blobs.npz"), latent=4, width=16, steps=150, out=tmp_path / "space", progress=False)
    bundle = la.open_bundle(tmp_path / "space")
    usual = np.exp(-((x / 3) ** 2) - ((y + 1) / 2.5) ** 2)
    new = np.stack([usual, np.roll(usual, 3, axis=1), np.roll(usual, -3, axis=0)])[:, None].astype(np.float32)
    found = likeness(bundle, directions_of(bundle), new, bundle.space.encode(new))
    assert found.lies is not None
    assert found.lies[:2] == ("", "to the right")
    # half a turn brings these up as well
    assert found.lies[2] in ("up", "upside down")
    assert found.unlike.tolist() == [False, True, True]
    assert "b is unlike the rows the space was learned from: it is not aligned as they are (it lies to the right)" in (
        found.words("b", 1)
    )


def test_each_way_is_what_it_is_called() -> None:
    spot = np.zeros((1, 1, 9, 9), np.uint8)
    spot[0, 0, 1, 5] = 200
    places = {
        "to the left": (1, 4),
        "to the right": (1, 6),
        "up": (0, 5),
        "down": (2, 5),
        "upside down": (7, 3),
        "a quarter turn clockwise": (5, 7),
        "a quarter turn counterclockwise": (3, 1),
        "with rows and columns exchanged": (5, 1),
    }
    for name, place in places.items():
        found = moved(spot, WAYS[name])[0, 0]
        assert np.unravel_index(found.argmax(), found.shape) == place, name
    assert moved(spot, WAYS["clockwise"])[0, 0, :5, 6:].sum() > moved(spot, WAYS["clockwise"])[0, 0, :5, :6].sum()


@pytest.mark.parametrize(("name", "least"), [("fashion-vae", 0.7), ("avatar-vae", 0.95)])
def test_turned_pictures_are_told_by_shipped_spaces(name: str, least: float) -> None:
    """Other draws of the prior: of one space that holds real pictures, and of one that holds decoded ones alone."""
    bundle = open_shipped(name)
    levels = bundle.modality.to_raw(bundle.space.sample(100, seed=8))
    ways = [Way(), WAYS["a quarter turn clockwise"], WAYS["with rows and columns exchanged"]]
    said = lies(bundle, bundle.modality.to_array(np.concatenate([moved(levels, way) for way in ways])))
    assert said is not None
    usual, turned, exchanged = np.array([way != "" for way in said]).reshape(3, 100).mean(1)
    assert usual < 0.08
    assert turned > least
    assert exchanged > least


def test_melodies_get_more_notes_and_keep_their_range() -> None:
    """Attributes are counted in the decoded notes themselves."""
    from latentarium.data.music.attributes import melody_attributes
    from latentarium.shipped import open_shipped

    bundle = open_shipped("melody-vae")
    space, modality = bundle.space, bundle.modality

    def counted(codes: NDArray[np.float32]) -> dict[str, Array]:
        found = melody_attributes(modality.to_raw(space.decode(codes)))
        return {name: found[name] for name in ("density", "range", "syncopation")}

    codes = space.sample_latents(1500, seed=0)
    found = fit_directions(codes, counted(codes))
    assert found.kinds == ("number",) * 3
    fresh = space.sample_latents(400, seed=1)
    before = counted(fresh)
    spread = {name: before[name].std() for name in before}

    def moved(keep: list[str]) -> dict[str, float]:
        after = counted(found.edit(fresh, {"density": 1.5}, keep=keep))
        return {name: float((after[name] - before[name]).mean() / spread[name]) for name in before}

    kept, free = moved(["range", "syncopation"]), moved([])
    assert min(kept["density"], free["density"]) > 0.6
    assert abs(kept["range"]) < 0.6


@pytest.fixture(scope="module")
def far() -> tuple[Array, dict[str, Array]]:
    """Attributes that no line tells: far out on the first two axes, and whether two signs agree."""
    codes = np.random.default_rng(0).standard_normal((2500, 4))
    return codes, {"far": (codes[:, :2] ** 2).sum(1), "same": np.where(codes[:, 2] * codes[:, 3] > 0, 1.0, 0.0)}


def test_a_curved_way_reaches_what_no_line_tells(far: tuple[Array, dict[str, Array]]) -> None:
    codes, attributes = far
    with pytest.raises(InvalidInput, match="hardly better than chance"):
        fit_directions(codes, attributes)
    probe = fit_curved(codes, attributes, ["far", "same"])
    start = codes[:200]
    way = probe.path(start, {"far": 1.0}, keep=["same"], steps=3)
    assert way.shape == (200, 4, 4)
    np.testing.assert_array_equal(way[:, 0], start)
    end = way[:, -1]
    # the standard deviation of a chi-squared law of two degrees is 2
    assert ((end[:, :2] ** 2).sum(1) - (start[:, :2] ** 2).sum(1)).mean() == pytest.approx(2, abs=0.6)
    assert ((start[:, 2] * start[:, 3] > 0) == (end[:, 2] * end[:, 3] > 0)).mean() > 0.95
    moved = probe.scores(end) - probe.scores(start)
    assert np.median(np.abs(moved - [1.0, 0.0])) < 0.01


def test_curved_gradients_are_those_of_the_scores(far: tuple[Array, dict[str, Array]]) -> None:
    probe = fit_curved(*far, ["far", "same"])
    z, step = far[0][:5], 1e-5
    for axis in range(4):
        ahead, behind = z.copy(), z.copy()
        ahead[:, axis] += step
        behind[:, axis] -= step
        slope = (probe.scores(ahead) - probe.scores(behind)) / (2 * step)
        np.testing.assert_allclose(probe.gradients(z)[:, :, axis], slope, rtol=1e-4, atol=1e-6)


def test_directions_without_labels_are_those_of_a_known_decoder() -> None:
    """Codes vary most on the first axis; the decoder shows the third most, and the first not at all."""
    random = np.random.default_rng(0)
    codes = (random.standard_normal((2000, 3)) * [5, 1, 2]).astype(np.float32)
    shown = np.array([0.0, 1.0, 4.0], np.float32)
    space = from_callables(decode=lambda z: z * shown, data_shape=(3,), latent_shape=(3,), name="scales")
    pca = unsupervised_directions(space, codes, count=2)
    assert np.abs(pca.vectors).argmax(1).tolist() == [0, 2]
    assert np.abs(pca.vectors[0, 0]) == pytest.approx(5, rel=0.05)
    assert pca.quality[0].value == pytest.approx(25 / 30, abs=0.02)
    with pytest.warns(UserWarning, match="central differences"):
        jacobian = unsupervised_directions(space, codes, way="jacobian", count=3)
    assert np.abs(jacobian.vectors).argmax(1).tolist() == [2, 1, 0]
    assert jacobian.quality[0].value == pytest.approx(64 / 65, abs=0.02)
    # names are given on evidence alone
    columns = {"high": codes[:, 0] > 5, "coin": random.random(2000) < 0.3}
    names = name_directions(pca, codes, columns)
    assert [name.label for name in names] == ["high", "unnamed"]


def test_both_kinds_of_directions_keep_each_other(found: Directions) -> None:
    codes = correlated()[0]
    space = from_callables(decode=lambda z: z, data_shape=(6,), latent_shape=(6,), name="same")
    both = joined(found, unsupervised_directions(space, codes, count=2))
    effect = both.weights @ both.step({"pca:1": 1.0}, keep=["a"])
    assert effect[both.number("pca:1")] == pytest.approx(1)
    assert effect[both.number("a")] == pytest.approx(0, abs=1e-9)
