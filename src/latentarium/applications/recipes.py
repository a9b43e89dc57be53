"""Recipes: what samples, blends, walks, palettes and traversals are made by, as settings that a file can carry.

A recipe is plain values and rows named by their ids, so that its text and the same bundle make the same file again.
Rows that lie in files are kept by their codes.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from latentarium.applications import paths, walks
from latentarium.applications.given import given_rows, named_codes
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle
from latentarium.data.modalities import ImageModality
from latentarium.data.music.modalities import GridModality
from latentarium.distributions import truncated
from latentarium.errors import InvalidInput, MissingCapability, invalid
from latentarium.geometry import Path, Way
from latentarium.space import LatentSpace

FloatArray = NDArray[np.float32]
Outside = dict[str, tuple[float, ...]]
"""Codes of rows that lie in files, by their ids."""
Progress = Callable[[int, int], None]
Tell = Callable[[str], None]
"""What takes a sentence on rows that were read."""
ROLLS, PICTURES = 4, 10
"""Side by side on a sheet, where a verb has no better number."""
FRAMES_A_SECOND = 25
SECONDS_A_LEG, FRAMES_A_LEG = 1.0, 4
"""Of a walk: of pictures the first, of everything else the second."""
ROLLS_A_SECOND = 2
LONGEST, LARGEST_SCALE = 3600.0, 64


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a recipe makes.

    Parameters
    ----------
    array : decoded rows (n, *data_shape)
    columns : how many are shown side by side
    ids : names of the rows where they are written as a table
    labels : one text for each row of a sheet
    seconds : length of the film, None where the rows are no frames in time
    scale : whole factor to enlarge a film by, None for one at which it is watched
    facts : what a result says of it, JSON-ready
    words : the same for a person
    """

    array: FloatArray
    columns: int = PICTURES
    ids: Sequence[str] | None = None
    labels: Sequence[str] = ()
    seconds: float | None = None
    scale: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    words: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Draws of the prior."""

    n: int = 40
    columns: int | None = None
    temperature: float = 1.0
    truncation: float = 1.0
    given: tuple[str, ...] = ()
    seed: int = 0
    verb: ClassVar[str] = "sample"
    title: ClassVar[str] = "samples"

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Sample":
        """The same with everything said that was left open."""
        check_positive_int(self.n, "-n", high=100_000)
        usual = ROLLS if isinstance(bundle.modality, GridModality) else PICTURES
        columns = usual if self.columns is None else check_positive_int(self.columns, "--columns", high=1000)
        return dataclasses.replace(self, columns=columns)

    def make(self, bundle: Bundle, progress: Progress) -> Made:
        """The samples."""
        space = space_given(bundle, self.given)
        drawn = space.sample(self.n, seed=self.seed, temperature=self.temperature, truncation=self.truncation)
        facts = {"n": self.n, "seed": self.seed}
        return Made(array=drawn, columns=self.columns or PICTURES, facts=facts, words=f"{self.n:,} samples")


@dataclass(frozen=True, kw_only=True)
class Blend:
    """Frames from each row to the next, side by side."""

    rows: tuple[str, ...]
    outside: Outside = field(default_factory=dict[str, tuple[float, ...]])
    steps: int = 9
    path: Path | None = None
    given: tuple[str, ...] = ()
    verb: ClassVar[str] = "blend"
    title: ClassVar[str] = "blend"

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Blend":
        """The same with rows named by their ids."""
        if len(self.rows) < 2:
            raise invalid("ROWS", "two or more rows", len(self.rows))
        return _placed(self, bundle, tell)

    def make(self, bundle: Bundle, progress: Progress) -> Made:
        """The frames."""
        space = space_given(bundle, self.given)
        frames = paths.blend(space, named_codes(bundle, self.rows, self.outside), steps=self.steps, path=self.path)
        facts = {"rows": list(self.rows), "frames": len(frames)}
        return Made(array=frames, columns=len(frames), facts=facts, words=f"{len(frames)} frames")


@dataclass(frozen=True, kw_only=True)
class Traverse:
    """Frames along single dimensions."""

    row: str | None = None
    outside: Outside = field(default_factory=dict[str, tuple[float, ...]])
    dimensions: int = 8
    steps: int = 9
    given: tuple[str, ...] = ()
    verb: ClassVar[str] = "traverse"
    title: ClassVar[str] = "traversals"

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Traverse":
        """The same with the row named by its id."""
        if self.row is None:
            return self
        ids, outside = _one_each(bundle, (self.row,), self.outside, tell=tell)
        return dataclasses.replace(self, row=ids[0], outside=outside)

    def make(self, bundle: Bundle, progress: Progress) -> Made:
        """The frames."""
        space = space_given(bundle, self.given)
        centre = None if self.row is None else named_codes(bundle, (self.row,), self.outside)[0]
        chosen, frames = paths.traverse(
            space, bundle.codes, centre=centre, dimensions=self.dimensions, steps=self.steps
        )
        return Made(
            array=frames.reshape(-1, *frames.shape[2:]),
            columns=self.steps,
            ids=[f"z{d}/{step}" for d in chosen for step in range(1, self.steps + 1)],
            labels=[f"z{d}" for d in chosen],
            facts={"dimensions": chosen.tolist(), "steps": self.steps},
            words=f"{len(chosen)} dimensions, {self.steps} frames each",
        )


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Frames in time through several rows, or through draws of the prior where no rows are named."""

    rows: tuple[str, ...] = ()
    outside: Outside = field(default_factory=dict[str, tuple[float, ...]])
    draws: int = 8
    path: Way | None = None
    loop: bool = False
    timing: walks.Timing = "eased"
    frames: int | None = None
    seconds: float | None = None
    scale: int | None = None
    temperature: float = 1.0
    truncation: float = 1.0
    given: tuple[str, ...] = ()
    seed: int = 0
    verb: ClassVar[str] = "walk"
    title: ClassVar[str] = "walk"

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Walk":
        """The same with rows named by their ids, and frames and seconds said."""
        if len(self.rows) == 1:
            raise invalid("ROWS", "two or more rows, or none for draws of the prior", 1)
        if not self.rows:
            check_positive_int(self.draws, "--draws", low=2, high=1000)
        if self.seconds is not None and not 0 < self.seconds <= LONGEST:
            raise invalid("--seconds", f"more than 0, at most {LONGEST:g}", self.seconds)
        if self.scale is not None:
            check_positive_int(self.scale, "--scale", high=LARGEST_SCALE)
        legs = (len(self.rows) or self.draws) - 1 + self.loop
        if isinstance(bundle.modality, ImageModality):
            seconds = self.seconds or SECONDS_A_LEG * legs
            frames = max(2, round(FRAMES_A_SECOND * seconds)) if self.frames is None else self.frames
        else:
            frames = FRAMES_A_LEG * legs + (not self.loop) if self.frames is None else self.frames
            seconds = self.seconds or frames / ROLLS_A_SECOND
        check_positive_int(frames, "--frames", low=2, high=walks.MOST_FRAMES)
        return dataclasses.replace(_placed(self, bundle, tell), frames=frames, seconds=seconds)

    @property
    def length(self) -> tuple[int, float]:
        """Frames and seconds of a settled walk."""
        if self.frames is None or self.seconds is None:
            raise InvalidInput("a walk must be settled before it is made")
        return self.frames, self.seconds

    def make(self, bundle: Bundle, progress: Progress) -> Made:
        """The frames."""
        frames, seconds = self.length
        space = space_given(bundle, self.given)
        stops = _stops(bundle, space, self, self.draws)
        found = walks.walk(
            space,
            stops,
            frames=frames,
            path=self.path,
            loop=self.loop,
            timing=self.timing,
            progress=progress,
        )
        through = {"rows": list(self.rows)} if self.rows else {"draws": self.draws, "seed": self.seed}
        return Made(
            array=found,
            ids=[f"{frame}" for frame in range(frames)],
            seconds=seconds,
            scale=self.scale,
            facts={**through, "frames": frames, "seconds": seconds, "loop": self.loop},
            words=f"{frames} frames through {len(stops)} {'rows' if self.rows else 'draws'}",
        )


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Blends between four rows, or four draws of the prior where no rows are named."""

    rows: tuple[str, ...] = ()
    outside: Outside = field(default_factory=dict[str, tuple[float, ...]])
    size: int = 9
    path: Path | None = None
    temperature: float = 1.0
    truncation: float = 1.0
    given: tuple[str, ...] = ()
    seed: int = 0
    verb: ClassVar[str] = "palette"
    title: ClassVar[str] = "palette"

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Palette":
        """The same with rows named by their ids."""
        if len(self.rows) not in (0, 4):
            raise invalid("ROWS", "four rows, or none for draws of the prior", len(self.rows))
        check_positive_int(self.size, "--size", low=2, high=walks.MOST_A_SIDE)
        return _placed(self, bundle, tell)

    def make(self, bundle: Bundle, progress: Progress) -> Made:
        """The blends, row by row."""
        space = space_given(bundle, self.given)
        corners = _stops(bundle, space, self, 4)
        grid = walks.palette(space, corners, rows=self.size, columns=self.size, path=self.path)
        through = {"rows": list(self.rows)} if self.rows else {"seed": self.seed}
        return Made(
            array=grid.reshape(-1, *grid.shape[2:]),
            columns=self.size,
            ids=[f"{row}/{column}" for row in range(self.size) for column in range(self.size)],
            facts={**through, "size": self.size},
            words=f"{self.size} by {self.size} blends of four {'rows' if self.rows else 'draws'}",
        )


_ThroughRows = TypeVar("_ThroughRows", Blend, Walk, Palette)


def space_given(bundle: Bundle, given: Sequence[str]) -> LatentSpace:
    """The bundle's space told what the user wrote, as NAME or COLUMN=VALUE."""
    if not given:
        return bundle.space
    pairs = [words.split("=", 1) for words in given if "=" in words]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise invalid("--given", "said once of a column", " ".join(given))
    return bundle.space.given(*(words for words in given if "=" not in words), **values)


def _stops(bundle: Bundle, space: LatentSpace, recipe: Walk | Palette, draws: int) -> FloatArray:
    """The points that a recipe goes through, (k, *shape): codes of rows, or draws."""
    if not recipe.rows:
        return space.sample_latents(
            draws, seed=recipe.seed, temperature=recipe.temperature, truncation=recipe.truncation
        )
    if recipe.temperature != 1:
        raise invalid("--temperature", "left out where rows are named: it is of draws", recipe.temperature)
    codes = named_codes(bundle, recipe.rows, recipe.outside)
    if recipe.truncation == 1:
        return codes
    if space.prior is None:
        raise MissingCapability(f"{space.name!r} has no prior whose mean --truncation could move towards")
    return truncated(codes.reshape(len(codes), -1), space.prior, recipe.truncation).reshape(codes.shape)


def _placed(recipe: _ThroughRows, bundle: Bundle, tell: Tell | None) -> _ThroughRows:
    """The same with rows named by their ids, and codes of those that lie in files."""
    if not recipe.rows:
        return recipe
    ids, outside = _one_each(bundle, recipe.rows, recipe.outside, tell=tell)
    return dataclasses.replace(recipe, rows=ids, outside=outside)


def _one_each(
    bundle: Bundle, names: Sequence[str], outside: Outside, *, tell: Tell | None
) -> tuple[tuple[str, ...], Outside]:
    """The id of the row that each name is, and codes of those that lie in files; lines stay as they were typed.

    Names whose codes are known already are taken as they are.
    """
    new = [name for name in names if name not in outside]
    found = given_rows(bundle, new)
    if len(found.ids) > len(new):
        raise invalid("ROWS", "one row for each name", len(found.ids), "give files of one row")
    if tell is not None:
        for note in found.notes:
            tell(note)
    ids = iter(found.ids)
    return tuple(name if name in outside else next(ids) for name in names), {**outside, **found.outside}
