"""The verbs of the command table that make new data, or move through a space."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from latentarium.cli.options import BundleArgument, Given, Json, Out, Seed

verbs = typer.Typer(add_completion=False, rich_markup_mode="rich")

Temperature = Annotated[float, typer.Option(help="Scales the noise of draws: below 1 less variety.")]
Truncation = Annotated[
    float, typer.Option(help="Below 1: closer to the prior's mean, plainer; above 1: farther from it.")
]
Between = Annotated[str | None, typer.Option(help="lerp, slerp or geodesic.")]


@verbs.command()
def sample(
    bundle: BundleArgument,
    n: Annotated[int, typer.Option("-n", help="How many.")] = 40,
    columns: Annotated[
        int | None, typer.Option(help="Side by side on the sheet.", show_default="10, of piano rolls 4")
    ] = None,
    out: Out = None,
    temperature: Temperature = 1.0,
    truncation: Truncation = 1.0,
    given: Given = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw new data from the prior: a sheet of pictures, or rows of a table."""
    from latentarium.applications.recipes import Sample
    from latentarium.cli.moving import run_recipe

    recipe = Sample(
        n=n, columns=columns, temperature=temperature, truncation=truncation, given=tuple(given or ()), seed=seed
    )
    run_recipe(bundle, recipe, out=out, as_json=json)


@verbs.command()
def reconstruct(
    bundle: BundleArgument,
    data: Annotated[str | None, typer.Argument(metavar="DATA", help="New data; kept test rows where left out.")] = None,
    n: Annotated[int, typer.Option("-n", help="How many rows to show.")] = 20,
    out: Out = None,
    json: Json = False,
) -> None:
    """Encode and decode rows: originals and reconstructions side by side."""
    from latentarium.cli.moving import run_reconstruct

    run_reconstruct(bundle, data=data, n=n, out=out, as_json=json)


@verbs.command()
def blend(
    bundle: BundleArgument,
    rows: Annotated[
        list[str], typer.Argument(metavar="ROWS...", help="Two or more row ids or numbers, or files of one.")
    ],
    steps: Annotated[int, typer.Option(help="Frames from one row to the next, both included.")] = 9,
    path: Between = None,
    given: Given = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Blend rows into each other along a path through the space, side by side."""
    from latentarium.applications.recipes import Blend
    from latentarium.cli.moving import run_recipe

    recipe = Blend(rows=tuple(rows), steps=steps, path=cast(Any, path), given=tuple(given or ()))
    run_recipe(bundle, recipe, out=out, as_json=json)


@verbs.command()
def walk(
    bundle: BundleArgument,
    rows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROWS...", help="Row ids, numbers or files to go through; draws of the prior where left out."
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Go back to the first at the end.")] = False,
    path: Annotated[str | None, typer.Option(help="lerp, slerp, geodesic, or spline, which has no corners.")] = None,
    timing: Annotated[
        str, typer.Option(help="eased (slow at each stop), steady, or even (the same change in each frame).")
    ] = "eased",
    seconds: Annotated[float | None, typer.Option(help="How long.", show_default="1 from stop to stop")] = None,
    frames: Annotated[int | None, typer.Option(help="How many.", show_default="25 a second")] = None,
    scale: Annotated[
        int | None, typer.Option(help="Enlarge pixels by this factor.", show_default="up to 256 pixels a side")
    ] = None,
    draws: Annotated[int, typer.Option(help="How many draws to go through, without ROWS.")] = 8,
    temperature: Temperature = 1.0,
    truncation: Truncation = 1.0,
    given: Given = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write: .gif, .png, .webp, .mp4; .mid, .wav; .csv, .parquet."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Walk from row to row as a film; of melodies also as one long tune, of a table as rows."""
    from latentarium.applications.recipes import Walk
    from latentarium.cli.moving import run_recipe

    recipe = Walk(
        rows=tuple(rows or ()),
        draws=draws,
        path=cast(Any, path),
        loop=loop,
        timing=cast(Any, timing),
        frames=frames,
        seconds=seconds,
        scale=scale,
        temperature=temperature,
        truncation=truncation,
        given=tuple(given or ()),
        seed=seed,
    )
    run_recipe(bundle, recipe, out=out, as_json=json)


@verbs.command()
def palette(
    bundle: BundleArgument,
    rows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROWS...",
            help="Four row ids, numbers or files, the corners in the order of reading; draws where left out.",
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Pictures a side.")] = 9,
    path: Between = None,
    temperature: Temperature = 1.0,
    truncation: Truncation = 1.0,
    given: Given = None,
    out: Out = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Mix four rows as on a painter's palette: one in each corner, their blends between."""
    from latentarium.applications.recipes import Palette
    from latentarium.cli.moving import run_recipe

    recipe = Palette(
        rows=tuple(rows or ()),
        size=size,
        path=cast(Any, path),
        temperature=temperature,
        truncation=truncation,
        given=tuple(given or ()),
        seed=seed,
    )
    run_recipe(bundle, recipe, out=out, as_json=json)


@verbs.command()
def traverse(
    bundle: BundleArgument,
    row: Annotated[str | None, typer.Option(help="Start from this row or file, not the mean code.")] = None,
    dimensions: Annotated[int, typer.Option(help="How many dimensions, the most varying first.")] = 8,
    steps: Annotated[int, typer.Option(help="Frames for each dimension.")] = 9,
    given: Given = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Change one latent dimension at a time and look."""
    from latentarium.applications.recipes import Traverse
    from latentarium.cli.moving import run_recipe

    recipe = Traverse(row=row, dimensions=dimensions, steps=steps, given=tuple(given or ()))
    run_recipe(bundle, recipe, out=out, as_json=json)


@verbs.command()
def remake(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that sample, blend, walk, palette, traverse or edit wrote.")
    ],
    bundle: BundleArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write, in any format.", show_default="FILE-again")
    ] = None,
    json: Json = False,
) -> None:
    """Make a file again from the settings that it carries, or the same in another format."""
    from latentarium.cli.moving import run_remake

    run_remake(bundle, file=file, out=out, as_json=json)
