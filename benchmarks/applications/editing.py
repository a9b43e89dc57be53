"""Edits of faces and avatars, judged by probes of real pixels that have seen neither the space nor the edited rows.

faces: CelebA at 64 x 64. The judge is a logistic regression on principal components of real pictures, fitted to one
half of the training rows and their mirror images; directions come from the other half. Every test face is moved to the
other side of each attribute, its log-odds to a reach that is chosen on validation faces: the least that the judge
follows in 95 % of them. Leakage is the mean |change of P| of the other four attributes; directions that keep nothing
are read at the reach where they change the target's P as much.
avatars: each gets another of the eight colours of hair, by the difference of mean codes times an amount that was chosen
on validation avatars. Skin, mouth and clothes' colour are told by judges fitted to real avatars;
hats and scarves, which hide the hair, are left out.
Spaces are fitted first, or taken from --models where an earlier run has left them; a GAN of avatars is brought along.
"""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.applications.faces import with_altered
from benchmarks.common import save_result
from latentarium import pictures
from latentarium.applications.editing import Directions, fit_directions, likeness
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.files import default_cache
from latentarium.measures.interpretability.rows import pca_of, scaler
from latentarium.measures.score import bootstrap_interval
from latentarium.rng import generator
from latentarium.space import LatentSpace
from latentarium.training.fit import train
from latentarium.training.save import Source, save_fitted
from latentarium.training.settings import FitSettings

Array = NDArray[np.float64]
Float = NDArray[np.float32]
ATTRIBUTES = ("Smiling", "Blond_Hair", "Eyeglasses", "Male", "Young")
COMMON = {"net": "conv", "likelihood": "gaussian", "batch_size": 64, "threads": 1}
FACES = {**COMMON, "latent": 192, "objective": "beta:8", "steps": 3000}
AVATARS = {**COMMON, "latent": 96, "steps": 2200}
PARTS = ("faces", "avatar-vae", "avatar-gan")
SIDE, FACE_AXES, AVATAR_AXES = 64, 150, 200
REACHES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Log-odds that a row is moved to, on the other side of the attribute."""
FOLLOWED = 0.95
CHOSEN_ON = 400
INSIDE = 99.0
SHOWN = 8
HAIR, KEPT = "hairColor", ("skinColor", "mouth", "clothesColor")
HATS = ("hat", "hijab", "turban", "winterHat1", "winterHat02", "winterHat03", "winterHat04")
SLACK, AMOUNT = 0.2, 1.3
_HALVES, _COLOURS = 91, 92


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """What logistic regressions of real pixels say of pictures (n, ..)."""

    project: Any
    scale: Any
    models: Mapping[str, Any]

    @classmethod
    def of(cls, x: Float, columns: Mapping[str, NDArray[Any]], *, axes: int, strength: float) -> "Judge":
        """Learn from pictures."""
        from sklearn.linear_model import LogisticRegression

        project = pca_of(x, np.arange(len(x)), axes, seed=0)
        scale = scaler(project(x))
        seen = scale(project(x))
        models = {
            name: LogisticRegression(C=strength, max_iter=1000).fit(seen, values) for name, values in columns.items()
        }
        return cls(project=project, scale=scale, models=models)

    def names(self, x: Float) -> dict[str, NDArray[Any]]:
        """The likeliest value of each column, (n,)."""
        axes = self.scale(self.project(x))
        return {name: model.predict(axes) for name, model in self.models.items()}

    def probabilities(self, x: Float) -> Array:
        """P of each attribute of 0 and 1, (n, attributes)."""
        axes = self.scale(self.project(x))
        return np.stack([model.predict_proba(axes)[:, 1] for model in self.models.values()], axis=1)


def fitted(folder: Path, name: str, rows: Rows, options: Mapping[str, Any], more: Rows | None = None) -> Bundle:
    """The bundle called `name`, fitted to `more` or the rows themselves where it is not there."""
    if not (folder / name).is_dir():
        print(f"fitting {name}: {json.dumps(options)}", flush=True)
        found = train(rows if more is None else more, FitSettings.make(**options))
        save_fitted(dataclasses.replace(found, rows=rows), folder / name, source=Source(spec=rows.source, size=SIDE))
    return open_bundle(folder / name)


def halves(rows: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
    """Training rows for directions, and training rows for the judge."""
    order = generator(0, _HALVES).permutation(rows.splits["train"])
    return np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])


def mirrored(x: Float) -> Float:
    return np.concatenate([x, x[..., ::-1]])


def encoded(space: LatentSpace, x: Float) -> Float:
    return space.encode(x).reshape(len(x), -1)


def directions_from(space: LatentSpace, rows: Rows, own: NDArray[Any], names: Sequence[str]) -> Directions:
    """Directions of these training rows and their mirror images, calibrated and judged on halves of the validation."""
    checked = rows.splits["validation"]
    codes = np.concatenate([encoded(space, mirrored(rows.array(own))), encoded(space, rows.array(checked))])
    where = np.concatenate([own, own, checked])
    late = np.arange(len(checked)) % 2 == 1
    parts = np.concatenate([np.full(2 * len(own), "train"), np.where(late, "test", "validation")])
    return fit_directions(codes, {name: rows.columns[name][where] for name in names}, splits=parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """A space, what judges it, and rows as they come back before any edit."""

    space: LatentSpace
    directions: Directions
    judge: Judge
    codes: Float
    back: Float
    start: Array

    @classmethod
    def of(cls, space: LatentSpace, directions: Directions, judge: Judge, x: Float) -> "Bench":
        codes = encoded(space, x)
        back = space.decode(codes.reshape(-1, *space.shape))
        return cls(
            space=space, directions=directions, judge=judge, codes=codes, back=back, start=judge.probabilities(back)
        )

    def moved(self, a: int, step: Array, reach: float) -> Array:
        """Codes whose score of attribute `a` is `reach` on the side that the judge does not see them on."""
        aim = np.where(self.start[:, a] > 0.5, -reach, reach)
        return self.codes + (aim - self.directions.scores(self.codes)[:, a])[:, None] * step

    def decoded(self, codes: Array) -> Float:
        return self.space.decode(codes.reshape(-1, *self.space.shape).astype(np.float32))

    def judged(self, a: int, step: Array, reach: float) -> Array:
        """The judge's probabilities after the edit, (n, attributes)."""
        return self.judge.probabilities(self.decoded(self.moved(a, step, reach)))

    def flipped(self, a: int, after: Array) -> NDArray[np.bool_]:
        return (after[:, a] > 0.5) != (self.start[:, a] > 0.5)

    def leaked(self, a: int, after: Array) -> Array:
        """Mean |change of P| of the other attributes, a row (n,)."""
        return np.delete(np.abs(after - self.start), a, axis=1).mean(1)


def faces(models: Path, data: Path) -> dict[str, Any]:
    """Flips, leakage, typicality and distance of each attribute on the test faces."""
    rows = open_source(data, size=SIDE)
    more = None if (models / "faces").is_dir() else with_altered(rows, data, copies=5)
    bundle = fitted(models, "faces", rows, FACES, more)
    own, others = halves(rows)
    labels = {name: np.tile(rows.columns[name][others], 2) for name in ATTRIBUTES}
    judge = Judge.of(mirrored(rows.array(others)), labels, axes=FACE_AXES, strength=0.01)
    directions = directions_from(bundle.space, rows, own, ATTRIBUTES)
    test = Bench.of(bundle.space, directions, judge, rows.array("test"))
    checked = rows.array(rows.splits["validation"][:CHOSEN_ON])
    choosing = Bench.of(bundle.space, directions, judge, checked)
    found = {name: _attribute(a, choosing, test) for a, name in enumerate(ATTRIBUTES)}
    _faces_sheet(models / "faces.png", rows.array("test"), test, found)
    seen = judge.probabilities(rows.array("test")) > 0.5
    return {
        "rows": len(test.codes),
        "settings": FACES,
        "judge_accuracy": {
            name: round(float((seen[:, a] == rows.columns[name][rows.splits["test"]]).mean()), 4)
            for a, name in enumerate(ATTRIBUTES)
        },
        "reconstruction_psnr": _psnr(test.back - rows.array("test")),
        "inside_before": round(float((directions.typicality.percentile(test.codes) <= INSIDE).mean()), 4),
        "attributes": found,
        "worst": {
            "flipped_inside": min(part["flipped_inside"] for part in found.values()),
            "leakage_ratio": max(part["leakage_ratio"] for part in found.values()),
        },
        "unlike": unlike(bundle, directions, rows),
    }


def _attribute(a: int, choosing: Bench, test: Bench) -> dict[str, Any]:
    """One attribute, with the other four kept and with nothing kept."""
    directions, name = test.directions, ATTRIBUTES[a]
    step = directions.conditional(name, [other for other in ATTRIBUTES if other != name])
    reach = _least_reach(a, step, choosing)
    after, moved = test.judged(a, step, reach), test.moved(a, step, reach)
    change = float(np.abs(after - test.start)[:, a].mean())
    flipped, inside = test.flipped(a, after), directions.typicality.percentile(moved) <= INSIDE
    leaked = test.leaked(a, after)
    probe = directions.weights[a] / (directions.weights[a] @ directions.weights[a])
    free = {"shortest": directions.vectors[a], "probe_normal": probe}
    unconditional = {kind: _leak_at(a, way, test, change) for kind, way in free.items()}
    had = test.start[:, a] > 0.5
    found = {
        "reach": reach,
        "probe_auc": round(directions.quality[a].value, 4),
        "flipped": round(float(flipped.mean()), 4),
        "flipped_on": round(float(flipped[~had].mean()), 4),
        "flipped_off": round(float(flipped[had].mean()), 4),
        "inside": round(float(inside.mean()), 4),
        "flipped_inside": round(float((flipped & inside).mean()), 4),
        "flipped_inside_interval": _interval((flipped & inside).astype(np.float64)),
        "target_change": round(change, 4),
        "leakage": round(float(leaked.mean()), 4),
        "leakage_interval": _interval(leaked),
        "leakage_unconditional": {kind: round(value, 4) for kind, value in unconditional.items()},
        "leakage_ratio": round(float(leaked.mean()) / unconditional["shortest"], 4),
        "rmse_to_own_reconstruction": round(float(np.sqrt(((test.decoded(moved) - test.back) ** 2).mean())), 4),
    }
    print(name, json.dumps(found), flush=True)
    return found


def _least_reach(a: int, step: Array, choosing: Bench) -> float:
    for reach in REACHES:
        if choosing.flipped(a, choosing.judged(a, step, reach)).mean() >= FOLLOWED:
            return reach
    return REACHES[-1]


def _leak_at(a: int, step: Array, test: Bench, change: float) -> float:
    """Leakage of another direction at the reach where it changes the target's probability as much."""
    changes, leaks = [0.0], [0.0]
    for reach in REACHES:
        after = test.judged(a, step, reach)
        changes.append(float(np.abs(after - test.start)[:, a].mean()))
        leaks.append(float(test.leaked(a, after).mean()))
        if changes[-1] >= change:
            break
    return float(np.interp(change, changes, leaks))


def unlike(bundle: Bundle, directions: Directions, rows: Rows) -> dict[str, float]:
    """Share of validation faces that are called unlike the data: as they are, moved, turned, and cut out wider."""
    x = rows.array(rows.splits["validation"][:CHOSEN_ON])
    altered = {
        "as they are": x,
        "moved 10 pixels": np.roll(x, 10, axis=-1),
        "turned 20 degrees": _each(x, lambda picture: picture.rotate(20, Image.Resampling.BILINEAR)),
        "half the size": _each(x, _smaller),
        "upside down": x[:, :, ::-1],
    }
    found: dict[str, float] = {}
    for words, changed in altered.items():
        said = likeness(bundle, directions, changed, bundle.space.encode(changed))
        found[words] = round(float(said.unlike.mean()), 4)
    print("unlike", json.dumps(found), flush=True)
    return found


def _each(x: Float, change: Any) -> Float:
    levels = np.rint(255 * x).astype(np.uint8).transpose(0, 2, 3, 1)
    turned = np.stack([np.asarray(change(Image.fromarray(picture))) for picture in levels])
    return (turned.transpose(0, 3, 1, 2) / 255).astype(np.float32)


def _smaller(picture: Image.Image) -> Image.Image:
    frame = Image.new("RGB", picture.size, picture.getpixel((0, 0)))
    half = picture.resize((picture.width // 2, picture.height // 2))
    frame.paste(half, (picture.width // 4, picture.height // 4))
    return frame


def _faces_sheet(path: Path, x: Float, test: Bench, found: Mapping[str, Any]) -> None:
    """A row a face: the picture, what comes back, each attribute on its other side."""
    columns = [x[:SHOWN], test.back[:SHOWN]]
    for a, name in enumerate(ATTRIBUTES):
        step = test.directions.conditional(name, [other for other in ATTRIBUTES if other != name])
        columns.append(test.decoded(test.moved(a, step, found[name]["reach"])[:SHOWN]))
    cells = np.stack(columns, axis=1)
    pictures.sheet(cells.reshape(-1, *cells.shape[2:]), columns=len(columns), scale=2).save(path)


def avatars(models: Path, data: Path, gan: Path | None = None) -> dict[str, Any]:
    """Another colour of hair for each test avatar: is it seen, and what else changes."""
    rows = open_source(data / "avatars_64.npz")
    bundle = fitted(models, "avatar-vae", rows, AVATARS) if gan is None else open_bundle(gan)
    name, space = "avatar-vae" if gan is None else "avatar-gan", bundle.space
    seen_hair = ~np.isin(rows.columns["top"], HATS)
    own, others = (half[seen_hair[half]] for half in halves(rows))
    columns = (HAIR, *KEPT)
    judge = Judge.of(rows.array(others), {c: rows.columns[c][others] for c in columns}, axes=AVATAR_AXES, strength=0.1)
    directions = directions_from(space, rows, own, columns)
    test = rows.splits["test"][seen_hair[rows.splits["test"]]]
    x = rows.array(test)
    codes = encoded(space, x)
    back = space.decode(codes.reshape(-1, *space.shape))
    colours = np.unique(rows.columns[HAIR])
    truth = {c: rows.columns[c][test] for c in columns}
    places = np.searchsorted(colours, truth[HAIR])
    wanted = colours[(places + generator(0, _COLOURS).integers(1, len(colours), len(test))) % len(colours)]
    exact, before = judge.names(x), judge.names(back)
    found: dict[str, Any] = {
        "rows": len(test),
        "settings": AVATARS if gan is None else bundle.manifest["provenance"]["settings"],
        "slack": SLACK,
        "amount": AMOUNT,
        "reconstruction_psnr": _psnr(back - x),
        "judge_accuracy": {c: _share(exact[c] == truth[c]) for c in columns},
        "judge_accuracy_on_reconstructions": {c: _share(before[c] == truth[c]) for c in columns},
    }
    sheets = [x, back]
    for kind, keep in (("conditional", KEPT), ("unconditional", ())):
        moved = _recoloured(directions, codes, wanted, keep)
        after = space.decode(moved.reshape(-1, *space.shape).astype(np.float32))
        said = judge.names(after)
        sheets.append(after)
        found[kind] = {
            "hair_as_wanted": _share(said[HAIR] == wanted),
            "hair_changed": _share(said[HAIR] != before[HAIR]),
            "as_before": {c: _share(said[c] == before[c]) for c in KEPT},
            "as_the_exact_factor": {c: _share(said[c] == truth[c]) for c in KEPT},
            "inside": _share(directions.typicality.percentile(moved) <= INSIDE),
            "rmse_to_own_reconstruction": round(float(np.sqrt(((after - back) ** 2).mean())), 4),
        }
    cells = np.stack([column[:SHOWN] for column in sheets], axis=1)
    pictures.sheet(cells.reshape(-1, *cells.shape[2:]), columns=len(sheets), scale=2).save(models / f"{name}.png")
    print(name, json.dumps(found), flush=True)
    return found


def _recoloured(directions: Directions, codes: Float, wanted: NDArray[Any], keep: Sequence[str]) -> Array:
    moved = np.empty(codes.shape)
    for colour in np.unique(wanted):
        rows = wanted == colour
        moved[rows] = directions.switch(codes[rows], {HAIR: str(colour)}, keep=keep, slack=SLACK, amount=AMOUNT)
    return moved


def _share(hits: NDArray[Any]) -> float:
    return round(float(np.mean(hits)), 4)


def _interval(values: NDArray[Any]) -> list[float]:
    return [round(end, 4) for end in bootstrap_interval(values, seed=0)]


def _psnr(error: Float) -> float:
    return round(float(-10 * np.log10(np.square(error, dtype=np.float64).mean())), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder with celeba/ and avatars/")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS[:2])
    parser.add_argument("--gan", type=Path, help="a bundle of a GAN that was fitted to the avatars, for avatar-gan")
    parser.add_argument("--models", type=Path, default=default_cache() / "benchmarks" / "editing")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/editing-PART.json")
    given = parser.parse_args()
    given.models.mkdir(parents=True, exist_ok=True)
    for part in given.only:
        if part == "avatar-gan" and given.gan is None:
            parser.error("avatar-gan needs --gan BUNDLE")
        if part == "faces":
            value = faces(given.models, given.data / "celeba")
        else:
            value = avatars(given.models, given.data / "avatars", given.gan if part == "avatar-gan" else None)
        if given.save:
            more = " --gan BUNDLE" if part == "avatar-gan" else ""
            save_result(f"editing-{part}", f"make bench-editing ARGS='--only {part}{more} --save'", value)


if __name__ == "__main__":
    main()
