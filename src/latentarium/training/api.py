"""The verbs of fitting: `fit` for Python, `fit_to_bundle` for a fit that lives on disk and can be resumed."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from latentarium.bundle import MODEL, Bundle, open_bundle
from latentarium.data import open_source, open_texts, rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, invalid
from latentarium.files import recover
from latentarium.space import LatentSpace
from latentarium.training.bar import progress_bar
from latentarium.training.fit import Fitted, Modules, train
from latentarium.training.loop import Callback
from latentarium.training.save import Source, save_fitted, space_of
from latentarium.training.settings import FitSettings


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a fit is written, what may happen to what is there, and the bundle whose weights it starts from."""

    path: Path
    resume: bool = False
    overwrite: bool = False
    start: Path | None = None

    @property
    def workdir(self) -> Path:
        """Folder of the unfinished fit beside the bundle."""
        return self.path.with_name(f"{self.path.name}.fit")

    @property
    def unfinished(self) -> bool:
        """Whether an unfinished fit is there."""
        return (self.workdir / "checkpoint.safetensors").exists()

    def check(self) -> None:
        """Refuse to lose an unfinished fit or a finished bundle unasked."""
        if self.path.name in ("", ".."):
            raise invalid("the output", "a folder with a name of its own", str(self.path), "pass --out NAME")
        recover(self.path)
        if self.path.exists() and not self.path.is_dir():
            raise invalid("the output", "a folder or a new name", str(self.path), "that is a file; choose another name")
        if self.resume and not self.unfinished:
            raise InvalidInput(f"nothing to resume: {self.workdir} holds no checkpoint; leave --resume out")
        if self.unfinished and not (self.resume or self.overwrite):
            raise InvalidInput(
                f"an unfinished fit is at {self.workdir}; go on with --resume or start again with --overwrite"
            )
        if self.path.exists() and any(self.path.iterdir()) and not (self.overwrite or self.resume):
            raise InvalidInput(f"{self.path} already exists; choose another name or replace it with --overwrite")
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / "manifest.json").exists():
            raise InvalidInput(f"{self.path} is a folder with other files in it; choose another name")


def fit(
    data: Any,
    *,
    model: str = "vae",
    latent: int = 0,
    out: str | Path | None = None,
    labels: Any = None,
    callback: Callback | None = None,
    progress: bool = True,
    **options: Any,
) -> LatentSpace:
    """Learn a latent space.

    Parameters
    ----------
    data : `Rows`, a source such as "fashion-mnist" or a path, an array, a DataFrame, a Dataset, a DataLoader or a list
        of lines of text
    model : "vae", "ae" or "gan"
    latent : latent dimensions; 0 for 32, of melodies more
    out : where to write the bundle; None keeps the space in memory
    labels : labels of an array, one a row
    callback : called with every `training.loop.Event`
    progress : whether to draw a progress bar on stderr
    options : any setting of `FitSettings`, `Architecture` or `Adversarial`: epochs, steps, time (seconds), seed,
        objective, condition, likelihood, net, width, depth, batch_size, learning_rate, ...; `encoder` and `decoder`,
        torch modules in place of ours (see `training.fit.Modules`); `size` of pictures, and beside it `pairs` of lines
        of text (see `open_texts`); `overwrite` to replace a bundle at `out`

    Returns
    -------
    LatentSpace

    Raises
    ------
    InvalidInput
        One line that names the parameter, the rule, the value and the way out.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 255, (64, 1, 8, 8), dtype=np.uint8)
    >>> fit(images, latent=4, steps=5, progress=False).shape
    (4,)
    """
    modules = _modules(options.pop("encoder", None), options.pop("decoder", None))
    size, overwrite = options.pop("size", None), options.pop("overwrite", False)
    pairs = options.pop("pairs", None)
    rows, source = open_rows(data, labels=labels, size=size, pairs=pairs, seed=options.get("seed", 0))
    settings = FitSettings.make(model=model, latent=latent, **options)
    if modules is not None:
        settings = replace(settings, architecture=replace(settings.architecture, net="custom"))
    with progress_bar(enabled=progress, also=callback) as hear:
        if out is None:
            return space_of(train(rows, settings, modules=modules, callback=hear))
        place = Place(path=Path(out), overwrite=overwrite)
        return fit_to_bundle(rows, settings, place, source=source, modules=modules, callback=hear).space


def _modules(encoder: Any, decoder: Any) -> Modules | None:
    if encoder is None and decoder is None:
        return None
    if encoder is None or decoder is None:
        raise invalid("encoder and decoder", "given together", "one of them")
    return Modules(encoder=encoder, decoder=decoder)


def open_rows(
    data: Any,
    *,
    labels: Any = None,
    size: int | None = None,
    pairs: int | None = None,
    seed: int = 0,
    progress: Any = None,
) -> tuple[Rows, Source]:
    """`data` as rows, and the source that can find them again (an empty one for arrays in memory)."""
    if isinstance(data, Rows):
        return data, Source(spec=data.source, size=size, seed=seed, pairs=pairs)
    if isinstance(data, str | Path):
        label = labels if isinstance(labels, str) else None
        if pairs is None:
            rows = open_source(data, size=size, seed=seed, label=label, progress=progress)
        else:
            rows = open_texts(data, pairs=pairs, size=size, seed=seed, label=label)
        spec = str(data) if not Path(data).exists() else str(Path(data).resolve())
        return rows, Source(spec=spec, size=size, label=label, seed=seed, pairs=pairs)
    return rows_from_arrays(data, labels=labels, seed=seed, size=size, pairs=pairs or 0), Source(spec="", seed=seed)


def fit_to_bundle(
    rows: Rows,
    settings: FitSettings,
    place: Place,
    *,
    source: Source,
    modules: Modules | None = None,
    callback: Callback | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Bundle:
    """Train with checkpoints beside `place.path`, then put the bundle there in one exchange."""
    place.check()
    if place.overwrite and not place.resume:
        for stale in ("checkpoint.safetensors", "history.jsonl"):
            (place.workdir / stale).unlink(missing_ok=True)
    start = None if place.resume else place.start
    weights = None if start is None else _weights(open_bundle(start))
    fitted = train(
        rows,
        settings,
        workdir=place.workdir,
        resume=place.resume,
        start=weights,
        modules=modules,
        callback=callback,
    )
    if not fitted.main:
        raise SystemExit(0)
    bundle = save_fitted(fitted, place.path, source=source, progress=progress)
    shutil.rmtree(place.workdir, ignore_errors=True)
    return bundle


def _weights(bundle: Bundle) -> dict[str, Any]:
    if not bundle.has(MODEL):
        raise invalid(
            "--from", "a bundle that was fitted", str(bundle.path), "a model that was imported has no weights"
        )
    return bundle.tensors(MODEL)


def repeat_settings(bundle: Bundle) -> tuple[FitSettings, Source]:
    """Settings and source that repeat the fit of `bundle`: its fixed number of steps, precision and threads."""
    made = bundle.manifest["provenance"]
    if "plan" not in made:
        raise InvalidInput(f"the fit of {bundle.path} cannot be repeated: its model was imported, not fitted")
    plan, data = made["plan"], bundle.manifest["data"]
    if not data["source"]:
        raise InvalidInput(f"the fit of {bundle.path} cannot be repeated: its data were an array in memory")
    stored = FitSettings.from_json(made["settings"])
    settings = replace(
        stored,
        steps=plan["steps"],
        epochs=None,
        time=None,
        precision=plan["precision"],
        threads=plan["threads"],
        compile=plan["compile"],
    )
    kept = {name: data[name] for name in ("size", "label", "seed", "pairs") if name in data}
    return settings, Source(spec=data["source"], **kept)


__all__ = ["Fitted", "Place", "fit", "fit_to_bundle", "open_rows", "repeat_settings"]
