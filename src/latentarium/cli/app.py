"""The command table: verbs and their options; the work is in the modules beside this one."""

from pathlib import Path
from typing import Annotated

import typer

from latentarium.cli import app_files, app_making, app_uses
from latentarium.cli.options import BundleArgument, Data, Json, Latent, Out, Seed

app = typer.Typer(
    help="Latentarium, the workbench for latent spaces: learn one, measure it, look at it, move through it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(wanted: bool) -> None:
    if wanted:
        from latentarium import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where to put the bundle; one that is there is replaced.")
    ] = Path("latentarium-demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Open a space that comes with the package.")] = False,
    name: Annotated[str, typer.Option(help="Which, with --quick.")] = "fashion-vae",
    time: Annotated[str, typer.Option(help="Training time.")] = "2m",
    source: Annotated[str, typer.Option(help="What to learn from.")] = "fashion-mnist",
    latent: Latent = 32,
    seed: Seed = 0,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the explorer when done.")] = True,
    json: Json = False,
) -> None:
    """The main job in one command: fit a VAE on Fashion-MNIST, measure, map and draw it, open it in the explorer."""
    from latentarium.cli.demo import run_demo, run_quick_demo

    if quick:
        return run_quick_demo(name, out=out, seed=seed, serve=serve, as_json=json)
    run_demo(out=out, time=time, source=source, latent=latent, seed=seed, serve=serve, as_json=json)


@app.command()
def fit(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A named set, a folder, or a .npy, .npz, .csv, .parquet, .mid, .abc, .txt, .json file.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to put the bundle.")] = Path("bundle"),
    model: Annotated[str | None, typer.Option(help="vae, ae or gan.", show_default="vae")] = None,
    latent: Annotated[int | None, typer.Option(help="Latent dimensions.", show_default="32, of melodies more")] = None,
    time: Annotated[str | None, typer.Option(help="Fit the schedule to a budget: 90s, 2m, 1h.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the training rows.", show_default="30")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Crop and resize pictures to this many pixels a side; bars of a melody, symbols of a line."),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            help="Of lines of text: symbols in all, characters and byte pairs; 0 for characters.", show_default="0"
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of a table that is a label and not data.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Column that the decoder is told, such as label; may be given several times."),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="elbo, beta:4, beta-tc:6, factor:6.4, dip-1:10, dip-2:10; rae:0.01 for an AE."),
    ] = None,
    quantiser: Annotated[
        str | None, typer.Option(help="Discrete codes for an AE: fsq:8-5-5-5, vq:512 or qlae:10.")
    ] = None,
    likelihood: Annotated[
        str | None,
        typer.Option(help="bernoulli, gaussian, logistic, categorical, autoregressive.", show_default="by data"),
    ] = None,
    net: Annotated[str | None, typer.Option(help="dense, conv or ladder.", show_default="by data")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in a batch.", show_default="256")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="0.002")] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            help="What samples are drawn from: normal, mixture:10, vamp:500 (VAE), flow:8.", show_default="auto"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="0")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto.", show_default="auto")] = None,
    precision: Annotated[str | None, typer.Option(help="bf16, fp32 or auto.", show_default="auto")] = None,
    compile_: Annotated[bool | None, typer.Option("--compile/--no-compile", help="torch.compile the model.")] = None,
    processes: Annotated[int, typer.Option(help="Processes that share the fit.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished fit beside OUT.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle or unfinished fit at OUT.")] = False,
    start: Annotated[Path | None, typer.Option("--from", help="Begin from the weights of this bundle.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings from a TOML file, or a bundle whose fit to repeat.")
    ] = None,
    json: Json = False,
) -> None:
    """Learn a latent space from SOURCE and write it as a bundle."""
    from latentarium.cli.fitting import Request, run_fit

    named = {
        "model": model,
        "latent": latent,
        "epochs": epochs,
        "steps": steps,
        "condition": condition,
        "objective": objective,
        "quantiser": quantiser,
        "likelihood": likelihood,
        "net": net,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "prior": prior,
        "seed": seed,
        "device": device,
        "precision": precision,
        "compile": compile_,
        "time": time,
    }
    request = Request(
        source=source,
        out=out,
        size=size,
        pairs=pairs,
        label=label,
        processes=processes,
        resume=resume,
        overwrite=overwrite,
        start=start,
        config=config,
        options={k: v for k, v in named.items() if v is not None},
    )
    run_fit(request, as_json=json)


@app.command("import")
def import_(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL...",
            help="A .keras, .onnx, .npz or .safetensors file, two, a folder of diffusers, or a sentence encoder.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to put the bundle.")] = Path("bundle"),
    data: Annotated[str | None, typer.Option(help="Rows to encode: what SOURCE is in a fit.")] = None,
    encoder: Annotated[Path | None, typer.Option(help="A file that is the encoder, where that must be said.")] = None,
    decoder: Annotated[Path | None, typer.Option(help="A file that is the decoder.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="One row in the model's own axis order, where open or flat: 28,28 or 3,64,64."),
    ] = None,
    latent_shape: Annotated[str | None, typer.Option(help="One code, where a decoder leaves it open: 4,8,8.")] = None,
    channels_last: Annotated[
        bool | None,
        typer.Option("--channels-last/--channels-first", help="Where a row has its channels.", show_default="by file"),
    ] = None,
    values: Annotated[str, typer.Option(help="What the model calls 0 and 1: -1,1 for one that ends in tanh.")] = "0,1",
    label: Annotated[str | None, typer.Option(help="Column of a table that is a label and not data.")] = None,
    prior: Annotated[
        str,
        typer.Option(help="normal, mixture:10, vamp:500, flow:8; auto: the model's own, else one fitted to the codes."),
    ] = "auto",
    seed: Seed = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle at OUT.")] = False,
    json: Json = False,
) -> None:
    """Make a bundle of a model that was trained elsewhere, so that every other verb works on it."""
    from latentarium.cli.importing import Wanted, run_import

    wanted = Wanted(
        models=tuple(models or ()),
        encoder=encoder,
        decoder=decoder,
        shape=shape,
        latent_shape=latent_shape,
        channels_last=channels_last,
        values=values,
    )
    given = {"source": data, "label": label, "prior": prior, "seed": seed}
    run_import(wanted, given, out=out, overwrite=overwrite, as_json=json)


@app.command()
def measure(
    bundle: BundleArgument,
    data: Data = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this measure; may be given several times.")] = None,
    factor: Annotated[
        list[str] | None, typer.Option(help="Label column that is a true factor of variation; several times.")
    ] = None,
    nulls: Annotated[
        int, typer.Option(min=0, help="Shuffles of labels and factors behind a p value; each costs their scores again.")
    ] = 0,
    features: Annotated[
        str, typer.Option(metavar="pixels|codes|BUNDLE", help="What samples are compared with real rows in.")
    ] = "pixels",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Measure the space: terminal table, measures.json, and report.html with pictures in the bundle."""
    from latentarium.cli.looking import MeasureRequest, run_measure

    request = MeasureRequest(data=data, only=only, factors=factor or (), nulls=nulls, features=features, seed=seed)
    run_measure(bundle, request, as_json=json)


@app.command()
def compare(
    first: BundleArgument,
    others: Annotated[list[Path], typer.Argument(metavar="OTHER..", help="Bundles learned from the same data.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path("comparison.html"),
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Put two spaces of the same data side by side; of three or more, say whether they find the same dimensions.

    Of two, bundles without a sheet are measured first. Of more, fits that differ by their seed say most.
    """
    from latentarium.cli.looking import run_compare

    run_compare(first, others, out=out, seed=seed, as_json=json)


@app.command()
def explore(
    bundle: BundleArgument,
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER", help="Another space of the same rows, to compare with.", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on this machine.", show_default="8642")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    json: Json = False,
) -> None:
    """Open the space in the browser: its map, a live decoder, sliders, paths and neighbours."""
    from latentarium.cli.exploring import run_explore

    run_explore(bundle, other, port=port, browser=browser, as_json=json)


@app.command()
def export(
    bundle: BundleArgument,
    site: Annotated[Path, typer.Argument(metavar="SITE", help="Folder to write; a site that is there is replaced.")],
    other: Annotated[
        Path | None, typer.Option("--with", metavar="OTHER", help="Another space of the same rows, to compare with.")
    ] = None,
    thumbs: Annotated[bool, typer.Option("--thumbs/--no-thumbs", help="Put pictures of the rows into it.")] = True,
    exact: Annotated[bool, typer.Option("--exact", help="Keep the decoder's weights where 8 bits would do.")] = False,
    json: Json = False,
) -> None:
    """Write the explorer's page as a folder for any static host; it decodes in the visitor's browser."""
    from latentarium.cli.exploring import run_export

    run_export(bundle, other, site=site, thumbs=thumbs, exact=exact, as_json=json)


@app.command("map")
def map_(
    bundle: BundleArgument,
    method: Annotated[str, typer.Option(help="pca, tsne or umap.")] = "pca",
    rows: Annotated[int, typer.Option(help="Codes on the map, a seeded draw where there are more.")] = 10_000,
    budget: Annotated[float | None, typer.Option(help="Seconds that may be spent; UMAP only plans for them.")] = None,
    label: Annotated[str | None, typer.Option(help="Label or attribute to colour by.")] = None,
    out: Out = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Put the codes on a 2-D map, keep it in the bundle and draw it coloured by label."""
    from latentarium.cli.looking import MapRequest, run_map

    request = MapRequest(method=method, rows=rows, seed=seed, budget=budget)
    run_map(bundle, request, label=label, out=out, as_json=json)


@app.command("prior")
def prior_(
    bundle: BundleArgument,
    prior: Annotated[
        str, typer.Argument(metavar="PRIOR", help="auto, normal, mixture:10, vamp:500 (for a VAE) or flow:8.")
    ],
    data: Data = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Fit another prior to the training codes, and say what the old and the new one are worth on test rows."""
    from latentarium.cli.priors import run_prior

    run_prior(bundle, prior=prior, data=data, seed=seed, as_json=json)


@app.command()
def info(bundle: BundleArgument, json: Json = False) -> None:
    """What a bundle holds and how it came about."""
    from latentarium.cli.looking import run_info

    run_info(bundle, as_json=json)


@app.command()
def check(bundle: BundleArgument, seed: Seed = 0, json: Json = False) -> None:
    """Check every file of a bundle and the contract of its space."""
    from latentarium.cli.looking import run_check

    run_check(bundle, seed=seed, as_json=json)


app.add_typer(app_making.verbs)
app.add_typer(app_uses.verbs)
app.add_typer(app_files.verbs)
